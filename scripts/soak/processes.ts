import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const SAMPLE_MS = 100;

/** The highest figures of all processes of one role. */
export interface Peak {
  /** Resident bytes, as the kernel has recorded their peak. */
  rssBytes: number;
  openFiles: number;
}

interface Watched {
  pid: number;
  role: string;
  /** Distinguishes processes that were given the same pid. */
  startedAt: string;
  /** Since the last call of takePeaks. */
  peak?: Peak;
  /** Whether it had the file open that divides its role. */
  divided: boolean;
}

interface Stat {
  parent: number;
  state: string;
  startedAt: string;
}

export interface Watch {
  /** Peaks by role since the last call. */
  takePeaks(): Record<string, Peak>;
  /** What a process holds at this moment; nothing once it has ended. */
  now(pid: number): Peak | undefined;
  /** Processes that still run, or that ended and nobody waited for, whoever is their parent now. */
  left(except: readonly number[]): { pid: number; role: string; zombie: boolean }[];
  close(): void;
}

/**
 * A role whose processes need much more while they have the file with this ending open: they count as a role of their
 * own, or which of the two happened to run would look like growth.
 */
export interface Division {
  roles: readonly string[];
  openFile: string;
}

/** Follows every descendant of this process, also those whose parent has ended. */
export function watchProcesses(roleOf: (commandLine: string) => string, division?: Division): Watch {
  const known = new Map<number, Watched>();
  let ended: Watched[] = [];
  const sample = () => {
    const stats = readStats();
    for (const process of known.values()) {
      if (stats.get(process.pid)?.startedAt === process.startedAt) continue;
      known.delete(process.pid);
      ended.push(process);
    }
    // A parent may have a higher pid than its child once pids have wrapped, hence until nothing is new.
    for (let found = true; found; ) {
      found = false;
      for (const [pid, { parent, startedAt }] of stats) {
        if (known.has(pid) || (parent !== process.pid && !known.has(parent))) continue;
        known.set(pid, { pid, role: '', startedAt, divided: false });
        found = true;
      }
    }
    for (const process of known.values()) {
      // A process has its parent's command line until it has started its own program.
      process.role = roleOf(commandLine(process.pid)) || process.role;
      const held = heldBy(process.pid);
      // Between a fork and its program there is nothing of ours to measure.
      if (!held || process.role === '') continue;
      process.peak = higher(process.peak, { rssBytes: held.peakBytes, openFiles: held.openFiles });
      process.divided ||= division?.roles.includes(process.role) === true && hasOpen(process.pid, division.openFile);
    }
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    takePeaks() {
      sample();
      const peaks: Record<string, Peak> = {};
      for (const process of [...ended, ...known.values()]) {
        if (!process.peak) continue;
        const role = process.divided ? `${process.role}, with ${division!.openFile}` : process.role;
        peaks[role] = higher(peaks[role], process.peak);
        process.peak = undefined;
      }
      ended = [];
      return peaks;
    },
    now(pid) {
      const held = heldBy(pid);
      return held && { rssBytes: held.bytes, openFiles: held.openFiles };
    },
    left(except) {
      sample();
      return (
        [...known.values()]
          .filter(({ pid }) => !except.includes(pid))
          .map(({ pid, role }) => ({ pid, role, state: readStat(pid) }))
          // Whoever inherits an orphan has to wait for it; when the system does not, that is not ours to count.
          .filter(
            ({ state }) => state && (state.state !== 'Z' || state.parent === process.pid || known.has(state.parent)),
          )
          .map(({ pid, role, state }) => ({ pid, role, zombie: state!.state === 'Z' }))
      );
    },
    close: () => clearInterval(timer),
  };
}

function higher(one: Peak | undefined, other: Peak): Peak {
  return {
    rssBytes: Math.max(one?.rssBytes ?? 0, other.rssBytes),
    openFiles: Math.max(one?.openFiles ?? 0, other.openFiles),
  };
}

function hasOpen(pid: number, ending: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => readlinkSync(`${folder}/${fd}`).endsWith(ending));
  } catch {
    // It ended, or closed one, in between.
    return false;
  }
}

function readStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat) stats.set(Number(name), stat);
  }
  return stats;
}

function readStat(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, parent: Number(fields[1]), startedAt: fields[19]! };
}

function commandLine(pid: number): string {
  return (read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
}

function heldBy(pid: number): { bytes: number; peakBytes: number; openFiles: number } | undefined {
  const status = read(`/proc/${pid}/status`);
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status ?? '')?.[1] ?? 0);
  // A zombie has no memory, and its files are closed.
  if (kilobytes('VmHWM') === 0) return undefined;
  try {
    const openFiles = readdirSync(`/proc/${pid}/fd`).length;
    return { bytes: kilobytes('VmRSS') * 1024, peakBytes: kilobytes('VmHWM') * 1024, openFiles };
  } catch {
    // It ended in between.
    return undefined;
  }
}

/** Undefined once the process has ended. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
