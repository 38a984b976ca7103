import type { Notification } from '../local/aws/sns.ts';

/** What the verdict of the same run prints below: reasons, and what to do about something held. */
const SAID_BELOW = /^(- |Why: |.*: npx afterbell (report --run|release) |Once the vendor has mended it)/;

/** Pure: a notification as the terminal shows it that also shows the verdict; its file has every line. */
export function notifiedText({ subject, message }: Pick<Notification, 'subject' | 'message'>): string {
  const lines = message.split('\n').filter((line) => !SAID_BELOW.test(line));
  return [`  notified: ${subject}`, ...lines.map((line) => `    ${line}`)].join('\n');
}
