import { cpSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateMarket } from '../../src/local/market/generator.ts';
import { startMarket } from '../../src/local/market/start-market.ts';
import { ANY_WRITE, BACKFILL, FIRST_NIGHT, NIGHT } from './kill-points.ts';
import { type KillPoint, openWorkshop, type Run, type Workshop } from './nights.ts';
import { disturbReferences, type Inspection, inspect } from './stored.ts';

/** The night under test, after its session closed; the home was left the week before. */
const AT = '2025-11-19T09:00:00Z';
const SESSION = '2025-11-18';

let shop: Workshop;
let prepared: string;
/** The same before its references were disturbed: a backfill does not fix them. */
let calm: string;
const kept: Record<'night' | 'backfill' | 'first', Inspection | undefined> = {
  night: undefined,
  backfill: undefined,
  first: undefined,
};
let undisturbed: Run;

interface Kind {
  argv: string[];
  /** The home it starts from; none: an empty one. */
  from: () => string | undefined;
  reference: keyof typeof kept;
  session: string;
}
const KINDS = {
  night: { argv: ['night'], from: () => prepared, reference: 'night', session: SESSION },
  backfill: {
    argv: ['backfill', '--from', '2025-11-13', '--to', '2025-11-17'],
    from: () => calm,
    reference: 'backfill',
    session: '2025-11-17',
  },
  first: { argv: ['night'], from: () => undefined, reference: 'first', session: SESSION },
} satisfies Record<string, Kind>;

beforeAll(async () => {
  shop = await openWorkshop();
  prepared = shop.folder();
  const run = async (argv: string[], at: string) => {
    const { code, output } = await shop.run(prepared, argv, { at });
    if (code !== 0) throw new Error(output);
  };
  await run(['night'], '2025-11-13T09:00:00Z');
  await run(['backfill', '--from', '2025-11-05', '--to', '2025-11-11'], '2025-11-13T10:00:00Z');
  calm = copyOf(prepared);
  await disturbReferences(prepared, shop.product);
  await Promise.all(
    (['night', 'backfill'] as const).map(async (kind) => {
      const home = copyOf(KINDS[kind].from());
      const whole = await shop.run(home, KINDS[kind].argv, { at: AT });
      if (whole.code !== 0) throw new Error(whole.output);
      if (kind === 'night') undisturbed = whole;
      kept[kind] = await inspect(home, shop.product);
    }),
  );
  const first = shop.folder();
  await shop.run(first, KINDS.first.argv, { at: AT });
  kept.first = await inspect(first, shop.product);
});

afterAll(() => {
  const points = [...NIGHT, ...ANY_WRITE, ...BACKFILL, ...FIRST_NIGHT].flat();
  process.stdout.write(
    `${points.length} kill points, ${new Set(points.map((point) => point.write)).size} kinds of write\n`,
  );
  shop?.close();
});

describe('an undisturbed night', () => {
  it('is clean, and so are the others that killed ones are measured by', () => {
    for (const inspection of Object.values(kept)) {
      expect(inspection!.problems).toEqual([]);
      expect(inspection!.leftovers).toEqual([]);
    }
    expect(kept.night!.events).toContain(`${SESSION} Succeeded`);
  });

  it('adds, changes and marks as gone, so that a kill can fall on each', () => {
    expect(undisturbed.writes.filter((write) => write === 'UpdateItem tickers')).toHaveLength(3);
  });

  it('makes no kind of write that no kill falls on', () => {
    const killed = new Set([...NIGHT, ...ANY_WRITE].flat().map(({ write }) => write));
    const spared = [...new Set(undisturbed.writes)].filter((write) => !killed.has(write));
    expect(spared.sort()).toEqual([]);
  });
});

describe.each([
  ['night', NIGHT],
  ['night', ANY_WRITE],
  ['backfill', BACKFILL],
  ['first', FIRST_NIGHT],
] as const)('a killed %s ends as an undisturbed one', (kind, rows) => {
  it.concurrent.each(rows.map((kills) => [kills.map(nameOf).join(', then '), kills] as const))(
    'killed %s',
    async (_, kills) => oneOfTwo(() => survives(KINDS[kind], kills)),
  );
});

describe('a sync killed after page k', () => {
  it('asks the vendor for page k+1 next, not for page 1', async () => {
    const now = () => new Date(AT);
    const market = await startMarket({ source: generateMarket({ symbols: 2500, seed: 1 }), now });
    try {
      const env = {
        POLYGON_BASE_URL: market.url,
        POLYGON_API_KEY: 'x',
        POLYGON_MARKETS: 'stocks',
        ENRICH_SYMBOLS: '10',
      };
      const home = copyOf(prepared);
      const asked = () =>
        market.requests.map(({ path }) => path).filter((path) => path.includes('/reference/tickers?'));
      const kill: KillPoint = { phase: 'after', write: 'PutItem runs CURSOR#tickers', nth: 1 };
      for (const page of [1, 2]) {
        const { signal, output } = await shop.run(home, ['night'], { at: AT, env, kill });
        expect(signal, output).toBe('SIGKILL');
        expect(asked()).toHaveLength(page);
      }
      await shop.run(home, ['night'], { at: AT, env });
      expect(asked().map((path) => path.includes('cursor='))).toEqual([false, true, true]);
      expect(new Set(asked()).size).toBe(3);
    } finally {
      await market.close();
    }
  });
});

async function survives({ argv, from, reference, session }: Kind, kills: readonly KillPoint[]): Promise<void> {
  const origin = from();
  const home = origin ? copyOf(origin) : shop.folder();
  for (const kill of kills) {
    const { signal, output } = await shop.run(home, argv, { at: AT, kill });
    expect(signal, `no kill ${nameOf(kill)}\n${output}`).toBe('SIGKILL');
  }
  const { code, output } = await shop.run(home, argv, { at: AT });
  expect(code, output).toBe(0);
  const found = await inspect(home, shop.product);
  expect(found.stored).toEqual(kept[reference]!.stored);
  expect(found.leftovers).toEqual([]);
  expect(found.problems).toEqual([]);
  expect(found.events).toEqual(kept[reference]!.events);
  const nights = found.nights.filter((night) => night.session === session);
  expect(nights.at(-1)?.status).toBe('Succeeded');
  for (const { status, reasons } of nights) {
    if (status !== 'Succeeded')
      expect({ status, reasons }).toEqual({ status: 'Interrupted', reasons: expect.stringMatching(/interrupted/) });
  }
}

function copyOf(home: string): string {
  const copy = shop.folder();
  cpSync(home, copy, { recursive: true });
  return copy;
}

function nameOf({ phase, write = 'write', nth }: KillPoint): string {
  return `${phase === 'torn' ? 'midway through' : phase} ${write} no. ${nth}`;
}

const busy: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
let turns = 0;

/** A night keeps a core busy, and machines that run tests have two. */
function oneOfTwo<T>(work: () => Promise<T>): Promise<T> {
  const lane = turns++ % busy.length;
  const mine = busy[lane]!.then(work);
  busy[lane] = mine.catch(() => undefined);
  return mine;
}
