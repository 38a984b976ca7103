import { randomUUID } from 'node:crypto';
import { AwsFault } from './fault.ts';
import type { Routes } from './route.ts';

export interface Notification {
  topicArn: string;
  subject: string | undefined;
  message: string;
  /** ISO UTC instant of the call. */
  at: string;
}

/** Takes a notification; the publisher waits for it, and a rejection is the publisher's 500. */
export type OnNotify = (notification: Notification) => Promise<void> | void;

const MESSAGE_LIMIT_BYTES = 256 * 1024;
const KNOWN = /^(Action|Version|TopicArn|Subject|Message|MessageAttributes\..+)$/;

/** SNS Publish in the AWS Query protocol (form body in, XML out), the one client-sns speaks. */
export function snsRoutes(onNotify: OnNotify, now: () => Date = () => new Date()): Routes {
  return {
    'sns.Publish': async (body) => {
      const { topicArn, subject, message } = publishInput(body);
      const messageId = randomUUID();
      await onNotify({ topicArn, subject, message, at: now().toISOString() });
      const result = `<PublishResult><MessageId>${messageId}</MessageId></PublishResult>`;
      const metadata = `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>`;
      return `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">${result}${metadata}</PublishResponse>`;
    },
  };
}

/** The checks SNS makes itself, so that a subject it would refuse is refused here too. */
function publishInput(body: string): { topicArn: string; subject: string | undefined; message: string } {
  const form = new URLSearchParams(body);
  for (const field of form.keys()) {
    if (!KNOWN.test(field)) throw invalid(`${field} is not available on a laptop`);
  }
  const topicArn = form.get('TopicArn');
  const message = form.get('Message');
  const subject = form.get('Subject') ?? undefined;
  if (!topicArn) throw invalid('TopicArn Reason: no value for required parameter');
  if (!message) throw invalid('Empty message');
  if (Buffer.byteLength(message) > MESSAGE_LIMIT_BYTES) throw invalid('Message too long');
  if (subject !== undefined && !/^[\x21-\x7e][\x20-\x7e]{0,99}$/.test(subject)) throw invalid('Subject');
  return { topicArn, subject, message };
}

function invalid(reason: string): AwsFault {
  return new AwsFault('InvalidParameter', `Invalid parameter: ${reason}`);
}
