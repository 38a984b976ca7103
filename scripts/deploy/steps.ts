import { join } from 'node:path';
import { NamedError } from '../../src/errors.ts';
import type { Tools } from './tools.ts';

/** What AWS says in its several ways of something that is not there. */
export const ABSENT = /\b404\b|Not Found|NoSuch|ResourceNotFound|does not exist/;

interface Where {
  root: string;
  tools: Tools;
}

export interface Deployment extends Where {
  /** Do not ask before the stack is changed; for machines. */
  yes: boolean;
  /** The vendors are the practice market, a function of the stage. */
  practice?: boolean;
}

/** On the user's own terminal. @throws Job.Failed */
export async function terraform({ root, tools }: Where, title: string, args: string[]): Promise<void> {
  tools.say(`\n== ${title}`);
  if ((await tools.show('terraform', args, { cwd: join(root, 'terraform') })) !== 0)
    throw failed(`terraform ${args[0]}`);
}

/** A value of `terraform output`; undefined where there is none. */
export async function output<T>({ root, tools }: Where, name: string): Promise<T | undefined> {
  const answer = await tools.ask('terraform', ['output', '-json', name], { cwd: join(root, 'terraform') });
  return answer.code === 0 && answer.stdout !== '' ? (JSON.parse(answer.stdout) as T) : undefined;
}

/** @returns what the program printed. @throws Job.Failed with what it complained of */
export async function must(
  { tools }: Pick<Where, 'tools'>,
  title: string,
  command: string,
  args: string[],
  input?: string,
): Promise<string> {
  if (title) tools.say(`\n== ${title}`);
  const answer = await tools.ask(command, args, input === undefined ? {} : { input });
  if (answer.code !== 0) throw failed(`${command} ${args.slice(0, 2).join(' ')}`, answer.stderr.trim());
  return answer.stdout;
}

export function failed(what: string, found?: string): NamedError {
  return new NamedError('Job.Failed', {
    what: `${what} failed`,
    ...(found ? { found } : {}),
    todo: 'What was made before it stays; the same command goes on from here.',
  });
}
