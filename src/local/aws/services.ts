import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { AwsFault, jsonRoute, type Routes } from './protocol.ts';

/** What the states engine knows of an execution; `input` and `output` are JSON texts as on AWS. */
export interface ExecutionDescription {
  executionArn: string;
  stateMachineArn: string;
  name: string;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  startDate: Date;
  stopDate?: Date;
  input?: string;
  output?: string;
  error?: string;
  cause?: string;
}

/** Answers undefined for an execution it does not know. */
export type DescribeExecution = (
  executionArn: string,
) => Promise<ExecutionDescription | undefined> | ExecutionDescription | undefined;

const Input = z.strictObject({ executionArn: z.string().min(1), includedData: z.string().optional() });

/** Step Functions DescribeExecution. @throws AwsFault ExecutionDoesNotExist */
export function executionsRoutes(describe: DescribeExecution): Routes {
  return {
    'AWSStepFunctions.DescribeExecution': jsonRoute(Input, async ({ executionArn }) => {
      const found = await describe(executionArn);
      if (!found) throw new AwsFault('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
      return {
        ...found,
        startDate: found.startDate.getTime() / 1000,
        stopDate: found.stopDate && found.stopDate.getTime() / 1000,
      };
    }),
  };
}

const GetSecretValue = z.strictObject({
  SecretId: z.string(),
  VersionId: z.string().optional(),
  VersionStage: z.string().optional(),
});

/** Secrets Manager GetSecretValue from a fixed map; only the current version exists. */
export function secretsRoutes(secrets: Record<string, string>): Routes {
  return {
    'secretsmanager.GetSecretValue': jsonRoute(GetSecretValue, ({ SecretId, VersionId, VersionStage }) => {
      const value = Object.hasOwn(secrets, SecretId) ? secrets[SecretId] : undefined;
      if (value === undefined || VersionId !== undefined || (VersionStage ?? 'AWSCURRENT') !== 'AWSCURRENT') {
        throw new AwsFault('ResourceNotFoundException', `Secrets Manager can't find the specified secret: ${SecretId}`);
      }
      const name = SecretId.split(':').at(-1) ?? SecretId;
      return { ARN: SecretId, Name: name, SecretString: value, VersionStages: ['AWSCURRENT'] };
    }),
  };
}

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
