import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { lostNotice, type NoticeFacts, noticeOf } from '../../src/night/notice.ts';
import { judgeNight } from '../../src/night/verdict.ts';
import { type Changes, closing, ended, failed, HELD, SESSION, unstaged } from './closing.ts';

const ARN = 'arn:aws:states:eu-west-1:123456789012:execution:afterbell-dev-nightly:night-1';

function told(changes: Changes, more: Partial<NoticeFacts> = {}, jobs = {}) {
  const input = closing({ ...changes, night: { executionArn: ARN, ...changes.night } });
  return noticeOf({
    night: input.night,
    verdict: judgeNight(input, jobs),
    fresh: [],
    served: { sessions: 1255, newest: '2026-11-24', complete: {} },
    page: 's3://lake/reports/date=2026-11-25/index.html',
    stage: 'dev',
    closedAt: '2026-11-26T09:02:00.000Z',
    ...more,
  });
}

const LINK = `Execution: https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/${ARN}`;

test('a failed night', () => {
  const cause = JSON.stringify({
    errorType: 'Vendor.AuthFailed',
    errorMessage: 'POLYGON_API_KEY was refused',
    trace: [],
  });
  const { notify, subject, message } = told({ prices: unstaged('Vendor.AuthFailed', cause) });
  expect([notify, subject]).toEqual([true, `afterbell Failed: session ${SESSION}`]);
  expect(message.split('\n')).toEqual([
    `Failed: prices (night night-1 for session ${SESSION}).`,
    'Since Thu 26 Nov 2026 04:00 EST; it ended after 2 min 00 s.',
    'Published data is unchanged: 1,255 sessions, through 2026-11-24.',
    'Done all the same: tickers, assets.',
    `Error: prices: ${SESSION}: Vendor.AuthFailed: POLYGON_API_KEY was refused`,
    'Report: s3://lake/reports/date=2026-11-25/index.html',
    LINK,
    `Repair: npx afterbell night --session ${SESSION} --stage dev`,
  ]);
});

test("a night whose job failed says the container's own last error", () => {
  const cause = JSON.stringify({ StatusReason: 'Essential container in task exited', Container: { ExitCode: 1 } });
  const trouble = { state: 'Consolidate', error: 'States.TaskFailed', cause };
  const error = { name: 'Lake.Corrupt', symbol: 'AAPL', message: 'bronze/…/data.parquet is damaged' };
  const jobs = { consolidate: { runId: 'night-1', status: 'failed', seconds: 1, errors: [error] } };
  const { message } = told({ prices: { jobs: [], trouble } }, { stage: 'local' }, jobs);
  expect(message.split('\n').slice(4)).toEqual([
    'Error: consolidate: Lake.Corrupt: bronze/…/data.parquet is damaged',
    '- consolidate: States.TaskFailed: Essential container in task exited',
    'Report: s3://lake/reports/date=2026-11-25/index.html',
    `Repair: npx afterbell verify --repair, then npx afterbell night --session ${SESSION}`,
  ]);
});

test('a partial night', () => {
  const served = { sessions: 1256, newest: SESSION, complete: { assets: '2026-11-25T09:00:40.000Z' } };
  const { notify, subject, message } = told(
    {
      reference: [
        ended('sync-tickers'),
        failed('sync-assets', 'Vendor.Unavailable', 'no answer from api.alpaca.markets'),
      ],
    },
    { served },
  );
  expect([notify, subject]).toEqual([true, `afterbell Partial: session ${SESSION}`]);
  expect(message.split('\n')).toEqual([
    `Partial: assets failed (night night-1 for session ${SESSION}).`,
    'Since Thu 26 Nov 2026 04:00 EST; it ended after 2 min 00 s.',
    `Published data is unchanged: 1,256 sessions, through ${SESSION} and assets of Wed 25 Nov 2026 04:00 EST.`,
    'Done all the same: tickers, prices, consolidate, resample.',
    'Error: sync-assets: Vendor.Unavailable: no answer from api.alpaca.markets. Every try failed; the next run asks again',
    'Report: s3://lake/reports/date=2026-11-25/index.html',
    LINK,
    'Repair: npx afterbell run sync-assets --stage dev',
  ]);
});

test('a night with single symbols left out is told in its report only', () => {
  const few = ended('sync-assets', { status: 'partial', reasons: ['2 items were not written'] });
  expect(told({ reference: [ended('sync-tickers'), few] })).toMatchObject({
    notify: false,
    subject: `afterbell Partial: session ${SESSION}`,
  });
  expect(told({})).toMatchObject({ notify: false });
});

test('a held night', () => {
  const releasing = { sessions: 1, changed: 0, removed: 1526 };
  const { notify, subject, message } = told({ prices: { ...HELD, check: { ...HELD.check!, releasing } } });
  expect([notify, subject]).toEqual([true, `afterbell Held: session ${SESSION}`]);
  expect(message.split('\n')).toEqual([
    `Held: prices (night night-1 for session ${SESSION}).`,
    'Since Thu 26 Nov 2026 04:00 EST; it ended after 2 min 00 s.',
    'Published data is unchanged: 1,255 sessions, through 2026-11-24.',
    'Done all the same: tickers, assets.',
    `Why: prices: ${SESSION}: 50 rows, usually 100`,
    'Report: s3://lake/reports/date=2026-11-25/index.html',
    LINK,
    'Look first: npx afterbell report --run night-1 --stage dev',
    `Once the vendor has fixed it (else it is withheld again): npx afterbell night --session ${SESSION} --stage dev`,
    'Releasing publishes 1 session and removes 1,526 served rows. If it is right after all: npx afterbell release night-1 --stage dev',
  ]);
});

test('a good night that withheld an older session is notified once, with what to do about that session', () => {
  const old = '2026-11-20';
  const check = { publish: [SESSION], held: [old], holds: [`${old}: 50 rows, usually 100`], notes: [] };
  const { notify, message } = told({ prices: { check } }, { fresh: [old], stage: 'local' });
  expect(notify).toBe(true);
  expect(message.split('\n').slice(4)).toEqual([
    `Why: prices: ${old}: 50 rows, usually 100`,
    'Report: s3://lake/reports/date=2026-11-25/index.html',
    'Look first: npx afterbell report --run night-1',
    `Once the vendor has fixed it (else it is withheld again): npx afterbell night --session ${old}`,
    'If it is right after all: npx afterbell release night-1',
  ]);
  expect(told({ prices: { check } }).notify).toBe(false);
});

test('a good night that could not fetch an older session names the command for that session', () => {
  const [failing] = unstaged('Data.Invalid').staged!;
  const staged = [...closing().prices.staged, { ...failing!, date: '2026-11-20' }];
  const { message } = told({ prices: { staged } }, { fresh: ['2026-11-20'], stage: 'local' });
  expect(message).toContain('Error: prices: 2026-11-20: Data.Invalid: why');
  expect(message).toMatch(/\nRepair: npx afterbell night --session 2026-11-20$/);
});

test('a night whose list is held says what it would change', () => {
  const held = ended('sync-tickers', { status: 'held', reasons: ['tickers: 30 of 60 are missing'] });
  const { message } = told({ reference: [held] }, { stage: 'local' });
  expect(message.split('\n').slice(4)).toEqual([
    'Why: sync-tickers: tickers: 30 of 60 are missing',
    '- sync-assets: did not run',
    `What tickers would change: reports/date=${SESSION}/held-tickers.json`,
    'Report: s3://lake/reports/date=2026-11-25/index.html',
    'Look first: npx afterbell report --run night-1',
    'Once the vendor has fixed it (else it is withheld again): npx afterbell run sync-tickers',
    'If it is right after all: npx afterbell release night-1',
    'Repair: npx afterbell run sync-assets',
  ]);
});

const LOST = {
  name: 'night-1',
  status: 'ABORTED',
  error: 'Job.Interrupted',
  cause: 'its process ended',
  began: 'Thu 26 Nov 2026 03:55 EST',
  time: 'Thu 26 Nov 2026 04:00 EST',
  link: 'https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn',
  stage: 'dev',
};

test('a killed night', () => {
  const { subject, message } = lostNotice(LOST);
  expect(subject).toBe('afterbell Interrupted: night-1');
  expect(message.split('\n')).toEqual([
    'Interrupted: execution night-1 stopped without reporting a reason (ABORTED).',
    'Since Thu 26 Nov 2026 03:55 EST; it had ended by Thu 26 Nov 2026 04:00 EST.',
    'What was published by then stays, and each part of it is whole.',
    'Error: Job.Interrupted: its process ended',
    `Execution: ${LOST.link}`,
    'Repair: npx afterbell night --stage dev',
    'It goes on where the run stopped. What is missing: npx afterbell status --stage dev',
  ]);
});

test('a notice of a cause that is cut inside a pair, in a name that is no ASCII, can be sent', () => {
  const { subject, message } = lostNotice({ ...LOST, name: 'n\u{1f600}\0', cause: `${'x'.repeat(7_999)}\u{1f600}\0` });
  expect(subject).toMatch(/^[\x20-\x7e]{1,100}$/);
  expect(message).not.toMatch(/[\p{Cs}\0]/u);
  expect(message).toContain(`${'x'.repeat(7_999)}\n`);
});

test('the event rule of a stage says the same words, but for the cause', () => {
  const terraform = readFileSync(fileURLToPath(new URL('../../terraform/events.tf', import.meta.url)), 'utf8');
  const template = /input_template = join\("\\n", \[\n([\s\S]*?)\n\s*\]\)/.exec(terraform)![1]!;
  const values: Record<string, string> = { ...LOST, region: 'eu-west-1', arn: 'arn' };
  const lines = [...template.matchAll(/"\\"(.*)\\"",?/g)].map(([, line]) =>
    line!.replaceAll(/\$\{var\.stage\}/g, 'dev').replace(/<([a-z]+)>/g, (_, name: string) => values[name]!),
  );
  const { cause: _, began: __, ...stage } = LOST;
  expect(lines.join('\n')).toBe(lostNotice(stage).message);
  // Vendors' and drivers' words hold quotes and line breaks, and the template is JSON.
  expect(terraform).not.toContain('$.detail.cause');
});

test('a reason that mentions a damaged lake sends nobody to verify it', () => {
  const prices = unstaged('Vendor.Unavailable', 'the proxy answered "Lake.Corrupt"');
  expect(told({ prices }).message.split('\n').at(-1)).toBe(
    `Repair: npx afterbell night --session ${SESSION} --stage dev`,
  );
});
