/** In the place of `@smithy/node-http-handler` in a simulated process: requests of the SDK go to the world. */

/** Handed in by whoever evaluates the bundle. */
declare const outside: { aws(request: SdkRequest): Promise<SdkResponse> };

export interface SdkRequest {
  method: string;
  hostname: string;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: unknown;
}

export interface SdkResponse {
  statusCode: number;
  headers: Record<string, string>;
  /** S3's client wants a stream. */
  body: Uint8Array | AsyncIterable<Uint8Array>;
}

export class NodeHttpHandler {
  static create(given?: { handle?: unknown }): unknown {
    return typeof given?.handle === 'function' ? given : new NodeHttpHandler();
  }

  readonly metadata = { handlerProtocol: 'http/1.1' };

  async handle(request: SdkRequest): Promise<{ response: SdkResponse }> {
    return { response: await outside.aws(request) };
  }

  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): object {
    return {};
  }

  destroy(): void {}
}

export async function streamCollector(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}
