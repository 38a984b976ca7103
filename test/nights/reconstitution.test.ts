import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readStored } from '../../src/tables/reference-table.ts';
import { openMarket, openOn, scratch, warmHome } from './scene.ts';

const TASK = { kind: 'task' as const };
const MEMBERS = 40;
/** Of forty: more than 10 % of the index, as a reconstitution of the real one moves. */
const REPLACED = 5;

/** A fund's file as of a day, in the vendor's form. */
function holdings(day: string, symbols: readonly string[]): string {
  const date = new Date(`${day}T12:00:00Z`).toLocaleDateString('en-US', {
    month: 'short',
    day: '2-digit',
    year: 'numeric',
    timeZone: 'UTC',
  });
  const rows = symbols.map((symbol) => `"${symbol}","N","Equity","1.00","NASDAQ"\n`).join('');
  return `\ufeffFund\nFund Holdings as of,"${date}"\n\u00a0\nTicker,Name,Asset Class,Price,Exchange\n${rows}\u00a0\n"The end."\n`;
}

test('an announced reconstitution passes and is named; the same churn on any other day is held', async () => {
  const uri = join(scratch(), 'IWM_holdings.csv');
  let now = new Date('2026-06-25T09:00:00Z');
  const env = { INDEX_MEMBERS_URI: uri };
  const scene = await openOn(await warmHome(), await openMarket({}), { env, timeScale: 0, now: () => now });
  const { tables, config, warehouse } = scene.laptop.stores;
  await scene.run({ task: 'sync-tickers' }, { ...TASK, session: '2026-06-24' });
  const listed = [...(await readStored(tables, config.TICKERS_TABLE)).values()]
    .filter(({ active, values }) => active && values.market === 'stocks')
    .map(({ key }) => key)
    .filter((symbol) => /^[A-Z]+$/.test(symbol));
  let members = listed.slice(0, MEMBERS);
  expect(members).toHaveLength(MEMBERS);
  /** The list with other members in place of its first five, who may come back later. */
  const churned = () => {
    const others = listed.filter((symbol) => !members.includes(symbol)).slice(0, REPLACED);
    expect(others).toHaveLength(REPLACED);
    return [...members.slice(REPLACED), ...others];
  };
  /** The night after a day, on which the fund's file of that day is read. */
  const nightAfter = async (day: string, list: readonly string[]) => {
    writeFileSync(uri, holdings(day, list));
    now = new Date(Date.parse(`${day}T09:00:00Z`) + 24 * 3_600_000);
    const { outcome } = await scene.run({ task: 'sync-index-members' }, { ...TASK, session: day });
    const { status } = outcome.datasets.find(({ name }) => name === 'index_members')!;
    return { status, said: [...outcome.reasons, ...(outcome.notes ?? [])].join('\n') };
  };
  const current = async () => {
    const rows = await warehouse.query('SELECT symbol FROM index_members WHERE valid_to IS NULL ORDER BY symbol');
    return rows.map(({ symbol }) => symbol);
  };

  // June: the fourth Friday.
  expect(await nightAfter('2026-06-25', members)).toMatchObject({ status: 'success' });
  members = churned();
  const june = await nightAfter('2026-06-26', members);
  expect(june.status, june.said).toBe('success');
  expect(june.said).toContain('index_members: Russell US Indexes reconstitution of 2026-06-26: 5 joined, 5 left');
  expect(await current()).toEqual([...members].sort());

  // Ordinary days; the second Friday of November is what was announced first.
  expect(await nightAfter('2026-09-14', members)).toMatchObject({ status: 'success' });
  for (const [before, day] of [
    [undefined, '2026-09-15'],
    ['2026-11-12', '2026-11-13'],
  ]) {
    if (before) expect(await nightAfter(before, members)).toMatchObject({ status: 'success' });
    const held = await nightAfter(day!, churned());
    expect(held.status).toBe('held');
    expect(held.said).toContain('5 of 40 active rows are missing from the answer (12.5 %; at most 5.0 % may vanish');
    expect(held.said).not.toContain('reconstitution of');
    expect(await current()).toEqual([...members].sort());
  }

  // December: the second Friday, as FTSE Russell announced in the end.
  expect(await nightAfter('2026-12-10', members)).toMatchObject({ status: 'success' });
  members = churned();
  const december = await nightAfter('2026-12-11', members);
  expect(december.status, december.said).toBe('success');
  expect(december.said).toContain('index_members: Russell US Indexes reconstitution of 2026-12-11: 5 joined, 5 left');
  expect(await current()).toEqual([...members].sort());

  // A list cut in half is damage on such a day too.
  const half = await nightAfter('2026-12-14', members.slice(MEMBERS / 2));
  expect(half.status).toBe('held');
});
