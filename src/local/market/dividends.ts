import { sessionAt, sessionNumber } from '../../calendar/calendar.ts';
import { generatedBar, sessionNumberOn, shareFactor } from './generated-bar.ts';
import { type Listing, tickerIn } from './listings.ts';
import { hash, hexOf, textKey, unit, walk } from './noise.ts';
import type { DividendRow } from './source.ts';

/** The practice market has dividends from here on. */
const FIRST = '2019-01-02';
/** Sessions from the declaration to the ex-dividend date, and from there to the payment. */
const [DECLARED, PAID] = [15, 10];
/** A withdrawn one is listed until so many sessions before its day, a wrong amount until so many after it. */
const [WITHDRAWN, CORRECTED] = [3, 2];

/** Who pays: the share of a type's listings, and how many times a year. */
const PAYERS: Readonly<Record<string, { share: number; times: number }>> = {
  CS: { share: 0.35, times: 4 },
  ETF: { share: 0.5, times: 4 },
  FUND: { share: 0.8, times: 12 },
  PFD: { share: 1, times: 4 },
  ADRC: { share: 0.4, times: 2 },
};
const ALWAYS: readonly string[] = ['AAPL', 'SPY'];
const SESSIONS_A_YEAR = 252;

/** One dividend as the market will have meant it in the end. Sessions are calendar session numbers. */
interface Payout {
  session: number;
  amount: number;
  type: DividendRow['distribution_type'];
  times: number;
  /** Listed with this amount until CORRECTED sessions after its day. */
  wrongAmount?: number;
  /** Never paid: it goes before its day. */
  isWithdrawn: boolean;
  id: string;
  /** The last close before its day, once asked for. */
  close?: number;
}

/** A sync asks day after day for much the same. */
const drawn = new WeakMap<Listing, { last: number; payouts: Payout[] }>();

function payoutsUntil(listing: Listing, last: number): readonly Payout[] {
  let known = drawn.get(listing);
  if (known === undefined || known.last < last) {
    known = { last: last + SESSIONS_A_YEAR, payouts: payoutsOf(listing, last + SESSIONS_A_YEAR) };
    drawn.set(listing, known);
  }
  return known.payouts.filter(({ session }) => session <= last);
}

/**
 * Dividends of one listing up to a session, by day: most recur; one in 24 has a special one or, with funds and preferred
 * shares, a return of capital beside it; one in 29 is corrected, one in 37 taken back.
 */
function payoutsOf(listing: Listing, last: number): Payout[] {
  const { key, type, ticker, sigma, baseLog } = listing;
  const payer = PAYERS[type];
  if (!payer || (unit(key, 80) >= payer.share && !ALWAYS.includes(ticker))) return [];
  const step = Math.round(SESSIONS_A_YEAR / payer.times);
  const first = sessionNumber(FIRST) + (hash(key, 81) % step);
  const rate = (0.01 + 0.05 * unit(key, 82)) / payer.times;
  const payouts: Payout[] = [];
  for (let session = first, count = 0; session <= last; session += step, count += 1) {
    if (session <= listing.born || session >= listing.died) continue;
    const price = Math.exp(baseLog + sigma * walk(key, session - DECLARED)) * shareFactor(listing, session);
    const amount = inCents(price * rate);
    const draw = hash(key, 83, count);
    const isWithdrawn = draw % 37 === 1;
    const wrong = draw % 29 === 1 ? { wrongAmount: inCents(amount * 1.1 + 0.01) } : {};
    const idOf = (kind: string) => `E${hexOf(textKey(`${ticker} ${session} ${kind}`, key), 64)}`;
    payouts.push({
      session,
      amount,
      type: 'recurring',
      times: payer.times,
      isWithdrawn,
      id: idOf('recurring'),
      ...wrong,
    });
    if (draw % 24 !== 5) continue;
    const isCapital = type === 'FUND' || type === 'PFD';
    const extra = { session, times: 0, isWithdrawn: false, id: idOf('extra') };
    if (isCapital) payouts.push({ ...extra, amount: inCents(amount / 2), type: 'irregular' });
    else payouts.push({ ...extra, amount: inCents(amount * 2.5), type: 'special' });
  }
  return payouts;
}

/** Cents, or hundredths of them for the cheapest shares. */
function inCents(amount: number): number {
  return amount < 0.05 ? Math.max(Math.round(amount * 1e4) / 1e4, 1e-4) : Math.round(amount * 100) / 100;
}

/** Rows of one listing as the vendor has them on a date: those declared by then, those taken back no more. */
export function dividendRows(listing: Listing, asOf: string): DividendRow[] {
  const now = sessionNumberOn(asOf);
  const known = payoutsUntil(listing, now + DECLARED).filter(
    ({ session, isWithdrawn }) => !isWithdrawn || now < session - WITHDRAWN,
  );
  const amountOf = ({ session, wrongAmount, amount }: Payout) =>
    wrongAmount !== undefined && now < session + CORRECTED ? wrongAmount : amount;
  // One ADR in four pays in its own currency.
  const currency = listing.type === 'ADRC' && hash(listing.key, 84) % 4 === 0 ? 'EUR' : 'USD';
  const sharesNow = shareFactor(listing, now);
  const rows: DividendRow[] = [];
  let factor = 1;
  let later: number | undefined;
  for (const [place, payout] of known.toReversed().entries()) {
    const { session, type, times, id } = payout;
    const isInForce = session <= now && currency === 'USD';
    if (isInForce && session !== later) {
      // A day has one dividend, or two.
      const beside = known[known.length - 2 - place];
      const cash = amountOf(payout) + (beside?.session === session ? amountOf(beside) : 0);
      payout.close ??= closeBefore(listing, session);
      factor *= 1 - cash / payout.close;
      later = session;
    }
    const amount = amountOf(payout);
    rows.push({
      id,
      ticker: tickerIn(listing, session),
      cash_amount: amount,
      currency,
      declaration_date: sessionAt(session - DECLARED),
      ex_dividend_date: sessionAt(session),
      record_date: sessionAt(session),
      pay_date: sessionAt(session + PAID),
      frequency: times,
      distribution_type: type,
      ...(isInForce && { historical_adjustment_factor: Math.round(factor * 1e6) / 1e6 }),
      split_adjusted_cash_amount: Number(((amount * sharesNow) / shareFactor(listing, session)).toPrecision(9)),
    });
  }
  return rows.reverse();
}

/** The last close before a session, on that session's share basis. */
function closeBefore(listing: Listing, session: number): number {
  let before = session - 1;
  while (generatedBar(listing, before) === undefined && before > listing.born) before -= 1;
  const close = generatedBar(listing, before)?.c ?? Number.POSITIVE_INFINITY;
  return (close * shareFactor(listing, session)) / shareFactor(listing, before);
}
