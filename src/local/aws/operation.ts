import type { IncomingHttpHeaders } from 'node:http';

/** Which operation of which service a request calls, and in which wire protocol it wants its answer. */
export interface CalledOperation {
  /** Key of the route table: `AWSEvents.PutEvents`, `sns.Publish`, `POST /Execute`. */
  key: string;
  service: string;
  operation: string;
  protocol: 'json' | 'query' | 'rest';
}

interface RequestLine {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/**
 * Reads the operation off a signed SDK request: `X-Amz-Target` for the JSON protocols, the form field `Action`
 * for AWS Query, method and path for REST. The service name comes from the signature's credential scope, so a
 * service nobody foresaw is still named in the refusal.
 */
export function calledOperation({ method, path, headers, body }: RequestLine): CalledOperation {
  const service = /Credential=[^/]*\/\d+\/[^/]*\/([\w-]+)\/aws4_request/.exec(headers.authorization ?? '')?.[1] ?? '';
  const target = headers['x-amz-target'];
  if (typeof target === 'string') {
    const [prefix = '', operation = ''] = target.split('.');
    return { key: target, service: service || prefix, operation, protocol: 'json' };
  }
  if ((headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
    const operation = new URLSearchParams(body).get('Action') ?? '';
    return { key: `${service}.${operation}`, service, operation, protocol: 'query' };
  }
  const key = `${method} ${path.split('?')[0]}`;
  return { key, service: service || 'an unknown service', operation: key, protocol: 'rest' };
}

/** The access key id that a request is signed with, '' for an unsigned one. */
export function signerOf({ authorization = '' }: IncomingHttpHeaders): string {
  return /Credential=([^/]+)\//.exec(authorization)?.[1] ?? '';
}
