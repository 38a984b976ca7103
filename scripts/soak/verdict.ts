import type { Footprint } from './footprint.ts';
import type { Peak } from './processes.ts';

/** What was seen of one night, once everything beside it had ended. */
export interface Sample {
  session: string;
  /** Until the night had succeeded, with every run that did not. */
  seconds: number;
  attempts: number;
  /** Bars in the lake. */
  rows: number;
  peaks: Record<string, Peak>;
  /** The long-running ones as they are between two nights. */
  servers: Record<string, Peak>;
  footprint: Footprint;
  processesLeft: string[];
}

export interface Figure {
  name: string;
  unit: 'MB' | 'kB' | 's' | '';
  first: number;
  last: number;
  perNight: number;
  /** Of all nights. */
  highest: number;
  problem?: string;
}

const WINDOW = 10;
const MEMORY_GROWTH = 1.2;
const OPEN_FILES_GROWTH = 1.2;
/** Open files differ by some from night to night: connections that happen to be open when they are counted. */
const OPEN_FILES_NOISE = 6;
/** Later nights may need this much more disk for as many rows: names and paths differ in length. */
const DISK_GROWTH = 1.5;
const DISK_NOISE = 256 * 1024;
/** PostgreSQL makes and removes its log in segments. */
const WAL_SEGMENT = 16 * 1024 * 1024;

/** The figures of the first and the last nights side by side, and what is wrong with them. */
export function judge(samples: readonly Sample[]): Figure[] {
  const window = Math.min(WINDOW, Math.floor(samples.length / 2));
  const seen = { samples, first: samples.slice(0, window), last: samples.slice(-window) };
  return [...memory(seen), ...openFiles(seen), ...disk(seen), ...leftovers(seen), ...times(seen)];
}

interface Seen {
  samples: readonly Sample[];
  first: readonly Sample[];
  last: readonly Sample[];
}

function memory(seen: Seen): Figure[] {
  return processes(seen.samples).map(({ role, held }) => {
    const figure = compare(`memory, ${role}`, 'MB', seen, median, (sample) => held(sample)?.rssBytes);
    const grown = figure.last > figure.first * MEMORY_GROWTH;
    return grown ? { ...figure, problem: `${percent(figure)} more memory than in the first nights` } : figure;
  });
}

/** Medians: which of the short moments with many open files a sample meets is chance; the highest is shown beside. */
function openFiles(seen: Seen): Figure[] {
  return processes(seen.samples).map(({ role, held }) => {
    const figure = compare(`open files, ${role}`, '', seen, median, (sample) => held(sample)?.openFiles);
    const grown = figure.last > figure.first * OPEN_FILES_GROWTH + OPEN_FILES_NOISE;
    return grown ? { ...figure, problem: 'the number of open files grows' } : figure;
  });
}

/** As many rows are added in the second half of the nights as in the first; so may bytes be, and not many more. */
function disk(seen: Seen): Figure[] {
  const parts = namesIn(seen.samples, ({ footprint }) => footprint.bytes);
  const figures = parts.map((part) => {
    const at = (sample: Sample | undefined) => sample?.footprint.bytes[part] ?? 0;
    const figure = compare(`disk, ${part}`, 'kB', seen, median, at);
    const { samples } = seen;
    const middle = samples[Math.floor((samples.length - 1) / 2)];
    const early = at(middle) - at(samples[0]);
    const late = at(samples.at(-1)) - at(middle);
    const noise = part === 'warehouse' ? WAL_SEGMENT : DISK_NOISE;
    const problem = `${kilobytes(late)} kB in the second half of the nights, ${kilobytes(early)} kB in the first`;
    return late > Math.max(0, early) * DISK_GROWTH + noise ? { ...figure, problem } : figure;
  });
  const rows = compare('bars in the lake', '', seen, median, (sample) => sample.rows);
  const lost = seen.samples.find(({ rows }, index) => rows <= (seen.samples[index - 1]?.rows ?? 0));
  return [
    ...figures,
    compare('files', '', seen, median, ({ footprint }) => footprint.files),
    lost ? { ...rows, problem: `no bars were added for ${lost.session}` } : rows,
  ];
}

function leftovers(seen: Seen): Figure[] {
  const atEnd = seen.samples.at(-1);
  const paths = compare('files left behind', '', seen, Math.max, ({ footprint }) => footprint.left.length);
  const processesLeft = compare('processes left behind', '', seen, Math.max, (sample) => sample.processesLeft.length);
  const left = atEnd?.footprint.left ?? [];
  const running = atEnd?.processesLeft ?? [];
  return [
    left.length > 0 ? { ...paths, problem: left.slice(0, 5).join(', ') } : paths,
    running.length > 0 ? { ...processesLeft, problem: running.slice(0, 5).join(', ') } : processesLeft,
  ];
}

function times(seen: Seen): Figure[] {
  return [compare('seconds to a succeeded night', 's', seen, median, ({ seconds }) => seconds)];
}

/** Each role of a process and each server, with what it held in a sample. */
function processes(samples: readonly Sample[]): { role: string; held(sample: Sample): Peak | undefined }[] {
  return [
    ...namesIn(samples, ({ peaks }) => peaks).map((role) => ({ role, held: ({ peaks }: Sample) => peaks[role] })),
    ...namesIn(samples, ({ servers }) => servers).map((role) => ({
      role: `${role} between nights`,
      held: ({ servers }: Sample) => servers[role],
    })),
  ];
}

function namesIn(samples: readonly Sample[], of: (sample: Sample) => Record<string, unknown>): string[] {
  return [...new Set(samples.flatMap((sample) => Object.keys(of(sample))))].sort();
}

function compare(
  name: string,
  unit: Figure['unit'],
  { samples, first, last }: Seen,
  summary: (...values: number[]) => number,
  of: (sample: Sample) => number | undefined,
): Figure {
  const values = (part: readonly Sample[]) => part.map(of).filter((value) => value !== undefined);
  const [early, late] = [values(first), values(last)];
  const [from, to] = [early.length > 0 ? summary(...early) : 0, late.length > 0 ? summary(...late) : 0];
  // A process that ran in none of the first nights has nothing to be compared with.
  const comparable = early.length > 0 && late.length > 0;
  const nights = samples.length - last.length;
  return {
    name,
    unit,
    first: comparable ? from : to,
    last: to,
    perNight: comparable && nights ? (to - from) / nights : 0,
    highest: Math.max(...values(samples)),
  };
}

function median(...values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function percent({ first, last }: Figure): string {
  return `${Math.round((last / first - 1) * 100)} %`;
}

function kilobytes(bytes: number): number {
  return Math.round(bytes / 1024);
}

const SCALE = { MB: 1024 * 1024, kB: 1024, s: 1, '': 1 };

export function figureLine({ name, unit, first, last, perNight, highest, problem }: Figure): string {
  const shown = (value: number, digits: number) => (value / SCALE[unit]).toFixed(digits).padStart(11);
  const digits = unit === '' ? 0 : 1;
  const wrong = problem ? `  NOT BOUNDED: ${problem}` : '';
  return `${`${name}${unit ? ` (${unit})` : ''}`.padEnd(46)}${shown(first, digits)}${shown(last, digits)}${shown(perNight, 2)}${shown(highest, digits)}${wrong}`;
}
