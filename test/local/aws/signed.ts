import { createHash, createHmac } from 'node:crypto';
import { request } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Credentials } from '../../../src/local/aws/signature.ts';

export interface Raw {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface Received {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

class Sha256 {
  readonly #hash;
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string);
  }
  update(data: unknown): void {
    this.#hash.update(data as string);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

/** The request with the headers that an SDK client of these credentials would put on it. */
export async function sign(url: string, raw: Raw, credentials: Credentials, service = 'execute-api'): Promise<Raw> {
  const { method = 'POST', path = '/', body = '' } = raw;
  const signer = new SignatureV4({ service, region: 'us-east-1', credentials, sha256: Sha256 as never });
  const { host, hostname } = new URL(url);
  const headers = { host, ...raw.headers };
  const signed = await signer.sign({ method, protocol: 'http:', hostname, path, headers, body });
  return { ...raw, method, headers: signed.headers };
}

/** Sends a request byte for byte as described: fetch would not send a Host or an Origin of its caller's. */
export function send(url: string, { method = 'POST', path = '/', headers = {}, body = '' }: Raw): Promise<Received> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
