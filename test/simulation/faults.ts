import type { Random } from './random.ts';
import type { Fault, Owner, World, Wrong } from './world.ts';

/** One thing that goes wrong: with the `at`-th effect of a step, and with as many alike after it. */
export interface PlannedFault {
  at: number;
  /** Only effects whose name begins so are counted; all of them without it. */
  on?: string;
  /** `clock`: it jumps, and stays there; `clock-ahead`: it is so from the step's beginning to its end. */
  how: 'before' | 'after' | 'slow' | 'full' | 'crash-functions' | 'crash-jobs' | 'stop' | 'clock' | 'clock-ahead';
  times: number;
  /** Of a slow answer or of a clock's jump. */
  ms?: number;
}

/** How often something goes wrong in a step, and what. */
export function drawFaults(random: Random, effects: number): PlannedFault[] {
  const count = random.weighted({ 0: 2, 1: 4, 2: 2, 3: 1 });
  return Array.from({ length: Number(count) }, () => {
    const how = random.weighted({
      before: 3,
      after: 3,
      slow: 1,
      full: 0.5,
      'crash-functions': 3,
      'crash-jobs': 1.5,
      stop: 2,
      clock: 0.5,
    });
    const at = random.int(1, effects);
    const ms = how === 'clock' ? random.pick([-7200_000, -3600_000, 3600_000, 86_400_000]) : random.int(1, 180) * 1000;
    return { at, how, times: random.pick([1, 1, 2, 8]), ...((how === 'slow' || how === 'clock') && { ms }) };
  });
}

/** The deaths a step can ask for. */
export interface Deaths {
  functions(): void;
  jobs(): void;
  /** The execution itself: what runs in it is left alone. */
  execution(): void;
}

/** Carries a plan out, effect by effect. */
export function faultsOf(
  plan: readonly PlannedFault[],
  world: World,
  deaths: Deaths,
  count: (how: string) => void,
): Fault {
  const met = plan.map(() => 0);
  const going: { kind: string; fault: PlannedFault; left: number }[] = [];
  return (name: string, owner: Owner): Wrong | undefined => {
    const kind = kindOf(name);
    for (const [place, fault] of plan.entries()) {
      if (fault.on !== undefined && !name.startsWith(fault.on)) continue;
      met[place]! += 1;
      if (fault.at !== met[place]) continue;
      if (fault.how === 'crash-functions') deaths.functions();
      else if (fault.how === 'crash-jobs') deaths.jobs();
      else if (fault.how === 'stop') deaths.execution();
      else if (fault.how === 'clock') {
        world.say(`the clock jumps by ${fault.ms! / 60_000} min`);
        world.wall += fault.ms!;
      } else if (fault.how !== 'clock-ahead') going.push({ kind, fault, left: fault.times });
      if (['crash-functions', 'crash-jobs', 'stop', 'clock'].includes(fault.how)) count(fault.how);
    }
    const active = going.find((one) => one.kind === kind && one.left > 0);
    if (!active || !owner.alive) return undefined;
    active.left -= 1;
    const wrong = wrongOf(active.fault, kind);
    if (wrong) count(`${kind.split(' ')[0]} ${active.fault.how}`);
    return wrong;
  };
}

/** Whether all that happened is over when it is tried again a few times. */
export function isPassing(happened: readonly string[], misbehave: readonly string[]): boolean {
  const areLost = happened.length < 8 && happened.every((how) => how === 's3 before' || how === 's3 after');
  return areLost && misbehave.every((rule) => /^(rate-limit|server-error|truncated-json)@\w+:[12]$/.test(rule));
}

function kindOf(name: string): string {
  const [store, call] = name.split(' ');
  return store === 's3' || store === 'dynamodb' || store === 'file' ? `${store} ${call}` : store!;
}

function wrongOf({ how, ms = 0 }: PlannedFault, kind: string): Wrong | undefined {
  if (how === 'slow') return { slow: ms };
  if (kind.startsWith('file')) return diskTrouble(how, kind);
  if (how === 'before') return { before: () => broken(kind) };
  return how === 'after' ? { after: () => broken(kind) } : undefined;
}

/** A disk loses no answers; it is full, or fails. */
function diskTrouble(how: PlannedFault['how'], kind: string): Wrong | undefined {
  const isWrite = /write|rename|link/.test(kind);
  if (how === 'full' && isWrite) return { before: () => systemError('ENOSPC', 'no space left on device') };
  return how === 'before' && isWrite ? { before: () => systemError('EIO', 'i/o error') } : undefined;
}

function systemError(code: string, words: string): Error {
  return Object.assign(new Error(`${code}: ${words}`), { code, syscall: 'write' });
}

function broken(kind: string): Error {
  const reset = { code: 'ECONNRESET' };
  // As Node's fetch says it.
  if (kind === 'vendor') return new TypeError('fetch failed', { cause: Object.assign(new Error('reset'), reset) });
  return Object.assign(new Error(`socket hang up (${kind})`), { ...reset, name: 'Error' });
}
