import type { Owner } from './world.ts';

/** Where the effects of a process go. */
export interface Wires {
  aws(owner: Owner, request: SdkRequest): Promise<SdkResponse>;
  /** The S3 client's own requests, with the path as it is sent. */
  s3(
    owner: Owner,
    request: { method: string; path: string; headers: Record<string, string>; body: Buffer },
  ): Promise<S3Answer>;
  fetch(owner: Owner, url: string, init: RequestInit): Promise<Response>;
}

interface S3Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** A request of the AWS SDK, and its answer. */
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
