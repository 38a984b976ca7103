import { randomUUID } from 'node:crypto';
import type { AwsFault } from './fault.ts';
import type { CalledOperation } from './operation.ts';

/** A finished HTTP answer. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A result in the protocol's own shape: JSON text as given, or the XML of an AWS Query result. */
export function resultAnswer(protocol: CalledOperation['protocol'], body: string): Answer {
  const contentType = { json: 'application/x-amz-json-1.1', rest: 'application/json', query: 'text/xml' }[protocol];
  return { status: 200, headers: { 'content-type': contentType, 'x-amzn-requestid': randomUUID() }, body };
}

/** A fault in the protocol's own shape, so that the SDK client raises it under its name. */
export function faultAnswer(protocol: CalledOperation['protocol'], fault: AwsFault): Answer {
  const requestId = randomUUID();
  if (protocol === 'query') {
    const type = fault.status >= 500 ? 'Receiver' : 'Sender';
    const error = `<Type>${type}</Type><Code>${fault.name}</Code><Message>${escapeXml(fault.message)}</Message>`;
    return {
      status: fault.status,
      headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
      body: `<ErrorResponse><Error>${error}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
    };
  }
  return {
    status: fault.status,
    headers: {
      'content-type': protocol === 'json' ? 'application/x-amz-json-1.1' : 'application/json',
      'x-amzn-errortype': fault.name,
      'x-amzn-requestid': requestId,
    },
    body: JSON.stringify({ __type: fault.name, message: fault.message }),
  };
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
