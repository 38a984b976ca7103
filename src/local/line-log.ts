import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** Where a line came from: the function or job, its request or job id, and the stream. */
export interface LineOrigin {
  name: string;
  id: string;
  stream: 'stdout' | 'stderr';
}

export interface LineLog {
  /** Appends one line, as `{at, name, id, stream, record}` when it is a JSON object, else with `text`. */
  write(origin: LineOrigin, line: string): void;
  /** Resolves when everything written is in the file. @throws the file's error, if it had one */
  close(): Promise<void>;
}

/** A JSONL file that child output is appended to, line by line. */
export function openLineLog(path: string, now: () => Date = () => new Date()): LineLog {
  const file = createWriteStream(path, { flags: 'a' });
  // A full disk must not end the process in the middle of a night; close() reports it.
  file.on('error', () => undefined);
  return {
    write: (origin, line) => {
      if (line.trim() === '' || file.errored) return;
      file.write(`${JSON.stringify({ at: now().toISOString(), ...origin, ...content(line) })}\n`);
    },
    close: async () => {
      file.end();
      await finished(file);
    },
  };
}

/** Characters of a line that are kept together: four times what CloudWatch takes as one event. */
export const LONGEST_LINE = 1024 * 1024;

/**
 * Calls `onLine` for every line of a stream, the unfinished last one too; a longer line comes in pieces of LONGEST_LINE,
 * so that output without a line break is never gathered whole. Resolves at the end of the stream.
 */
export function eachLine(stream: Readable, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve) => {
    let rest = '';
    const pass = (line: string) => {
      for (let at = 0; at === 0 || at < line.length; at += LONGEST_LINE) onLine(line.slice(at, at + LONGEST_LINE));
    };
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) pass(line);
      while (rest.length > LONGEST_LINE) {
        onLine(rest.slice(0, LONGEST_LINE));
        rest = rest.slice(LONGEST_LINE);
      }
    });
    stream.once('close', () => {
      if (rest !== '') onLine(rest);
      resolve();
    });
  });
}

function content(line: string): { record: unknown } | { text: string } {
  if (line.startsWith('{')) {
    try {
      return { record: JSON.parse(line) as unknown };
    } catch {
      // Not JSON after all: kept as text.
    }
  }
  return { text: line };
}
