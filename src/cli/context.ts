import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, loadConfig, noColour, readEnvFile } from '../config.ts';
import { type Laptop, openLaptop } from '../local/laptop.ts';
import { type Program, readProgram } from '../local/program.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** What every command gets. */
export interface Context {
  config: Config;
  program: Program;
  terminal: Terminal;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
}

/** @throws Config.Invalid */
export function openContext(options: { json?: boolean }, signal: AbortSignal): Context {
  const unknown = readEnvFile('.env');
  const config = loadConfig();
  if (unknown.length > 0) process.stderr.write(`.env names what is no setting: ${unknown.join(', ')}\n`);
  return {
    config,
    program: readProgram(projectRoot()),
    terminal: openTerminal({ ...options, noColor: noColour() }),
    signal,
  };
}

/** The folder with package.json above this bundle. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

/** Opens the laptop for one piece of work and closes it whatever happens. */
export async function onLaptop<T>(
  { config, program, terminal }: Context,
  options: { misbehave?: readonly string[]; flatFiles?: string; realModel?: boolean },
  work: (laptop: Laptop) => Promise<T>,
): Promise<T> {
  const onNotify = ({ subject, message }: { subject: string | undefined; message: string }) => {
    if (!terminal.json) terminal.note(`  notified: ${subject}\n${message.replace(/^/gm, '    ')}`);
  };
  const laptop = await openLaptop({ config, program, onNotify, ...options });
  try {
    return await work(laptop);
  } finally {
    await laptop.close();
  }
}
