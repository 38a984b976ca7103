import { assetRow } from '../../src/local/market/companies.ts';
import type {
  AssetRow,
  BarRow,
  DividendRow,
  MarketKind,
  MarketSource,
  SplitRow,
  TickerRow,
} from '../../src/local/market/source.ts';
import type { Random } from './random.ts';
import { SESSIONS } from './sessions.ts';
import type { MarketEvent } from './stories.ts';

/** One security from its first session to its last. Numbers are places in the simulated sessions. */
interface Listing {
  ticker: string;
  name: string;
  figi: string | undefined;
  type: string;
  born: number;
  /** Place of its first session, where it came before the simulated sessions. */
  early: number;
  died: number;
  price: number;
  volume: number;
  /** Sessions without a bar. */
  halts: Set<number>;
}

interface Split {
  listing: Listing;
  at: number;
  from: number;
  to: number;
  /** Instants from which, and until which, the vendor tells of it. */
  knownFrom: number;
  knownTo: number;
}

/** Cash for each share, as a part of the listing's price. */
interface Dividend {
  listing: Listing;
  at: number;
  part: number;
  type: DividendRow['distribution_type'];
  /** Instants from which, and until which, the vendor tells of it. */
  knownFrom: number;
  knownTo: number;
}

/** Another answer about a session than the one before, from an instant on. */
interface Correction {
  date: string;
  symbol: string;
  from: number;
  kind: 'values' | 'missing' | 'late';
}

/** What is true on the exchange, and what the vendor says of it at each instant; drawn from a seed. */
export class Market implements MarketSource {
  readonly kind = 'generated';
  readonly listings: Listing[] = [];
  readonly splitsOf: Split[] = [];
  readonly dividendsOf: Dividend[] = [];
  readonly corrections: Correction[] = [];
  /** Sessions the vendor has nothing of before an instant. */
  readonly lateDays = new Map<string, number>();
  /** The symbol whose first bar is in the session of the first night, where a story has one. */
  newcomer: string | undefined;
  readonly #now: () => Date;
  readonly #sessions: readonly string[];

  /**
   * @param past draws what is the same whatever comes, `random` the rest
   * @param sessions in order; the first `history` of them are over when the simulation begins
   */
  constructor(
    past: Random,
    random: Random,
    { sessions, history, symbols }: { sessions: readonly string[]; history: number; symbols: number },
    now: () => Date,
    events: readonly MarketEvent[] = [],
  ) {
    this.#now = now;
    this.#sessions = sessions;
    for (let index = 0; index < symbols; index += 1) this.listings.push(this.#draw(past.of(`listing ${index}`), index));
    const last = sessions.length;
    // Before anything is drawn that is not of the past, or it would split other securities.
    for (let at = 2; at < history; at += 1) {
      const splitting = past.of(`splits ${at}`);
      // Every history of some length has one: bars that nothing adjusts show little.
      if (at === 2 || splitting.chance(0.1)) this.#split(splitting, at, history);
    }
    const lives = random.of('lives');
    for (let at = history; at < last; at += 1) {
      if (lives.chance(0.2)) lives.pick(this.listings).died = at;
      if (lives.chance(0.2)) this.listings.push({ ...this.#draw(lives.of(at), this.listings.length), born: at });
      if (lives.chance(0.12)) this.#rename(lives.pick(this.listings), at, lives);
      if (lives.chance(0.12)) this.#reuse(lives, at);
    }
    const splitting = random.of('splits');
    for (let at = history; at < last + 5; at += 1) if (splitting.chance(0.3)) this.#split(splitting, at, history);
    const correcting = random.of('corrections');
    for (let at = Math.max(0, history - 4); at < last - 1; at += 1) {
      if (!correcting.chance(0.4)) continue;
      const date = sessions[at]!;
      const from = Date.parse(`${sessions[Math.min(last - 1, at + correcting.int(1, 3))]}T21:30:00Z`);
      const symbol = correcting.pick(this.listings).ticker;
      this.corrections.push({ date, symbol, from, kind: correcting.weighted({ values: 5, missing: 1, late: 2 }) });
    }
    const late = random.of('late');
    for (let at = history; at < last; at += 1) {
      if (late.chance(0.08))
        this.lateDays.set(sessions[at]!, Date.parse(`${sessions[at]}T21:00:00Z`) + late.int(5, 40) * 3_600_000);
    }
    for (let at = 1; at < last + 5; at += 1) {
      const paying = (at < history ? past : random).of(`dividends ${at}`);
      if (paying.chance(0.35)) this.#pay(paying, at);
    }
    for (const event of events) this.#happen(event, random.of(event), history);
  }

  /** What a story needs. */
  #happen(event: MarketEvent, random: Random, history: number): void {
    if (event === 'listing') {
      const fresh = { ...this.#draw(random, this.listings.length), born: history };
      this.listings.push(fresh);
      this.newcomer = fresh.ticker;
      return;
    }
    const listing = random.pick(
      this.listings.filter(({ born, died }) => born < 0 && died === Number.POSITIVE_INFINITY),
    );
    // Half a day after the first night, which is in the morning after its session.
    const knownFrom = Date.parse(`${this.#sessions[history]}T09:00:00Z`) + 36 * 3_600_000;
    // A tenth more shares: a price that jumps for no known reason would be withheld with its session.
    this.splitsOf.push({ listing, at: history, from: 10, to: 11, knownFrom, knownTo: Number.POSITIVE_INFINITY });
  }

  #draw(random: Random, index: number): Listing {
    const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
    const root = letters[index % 24]! + letters[Math.floor(index / 24) % 24]! + random.pick([...letters]);
    const ticker = root + random.pick(['', '', '', '', '.B', 'pA', '.WS', '.U']);
    const halts = new Set<number>();
    for (let at = 0; at < this.#sessions.length; at += 1) if (random.chance(0.01)) halts.add(at);
    return {
      ticker,
      name: `Company ${index}`,
      figi: random.chance(0.85) ? `BBG00${String(index).padStart(4, '0')}${random.int(100, 999)}` : undefined,
      type: ticker.endsWith('.WS') ? 'WARRANT' : random.pick(['CS', 'CS', 'CS', 'ETF', 'ADRC']),
      born: -1000,
      // The market has grown: a third of it is not much older than the first night.
      early: index % 3 === 0 ? -15 : -1000,
      died: Number.POSITIVE_INFINITY,
      price: Math.round(100 * Math.exp(random.unit() * 4)) / 100 + 3,
      volume: random.int(1_000, 5_000_000),
      halts,
    };
  }

  #rename(listing: Listing, at: number, random: Random): void {
    if (listing.died <= at || listing.figi === undefined) return;
    this.listings.push({
      ...listing,
      ticker: `${listing.ticker.slice(0, 2)}Z${random.pick(['A', 'B', 'C'])}`,
      born: at,
    });
    listing.died = at;
  }

  /** A symbol that has ended goes on as another company's. */
  #reuse(random: Random, at: number): void {
    const gone = this.listings.filter(
      ({ died, ticker }) => died < at && !this.#alive(at).some((one) => one.ticker === ticker),
    );
    if (gone.length === 0) return;
    const { ticker } = random.pick(gone);
    const fresh = this.#draw(random.of(`reuse ${at}`), this.listings.length);
    this.listings.push({ ...fresh, ticker, name: `New ${fresh.name}`, born: at });
  }

  #split(random: Random, at: number, history: number): void {
    const candidates = this.listings.filter((one) => one.born < at && one.died > at + 2 && one.price < 4000);
    if (candidates.length === 0) return;
    const listing = random.pick(candidates);
    const [from, to] = random.pick([
      [1, 2],
      [1, 4],
      [10, 1],
      [2, 3],
      [1, 10],
      [5, 1],
    ] as const);
    const effective = Date.parse(`${this.#dateAt(at)}T12:00:00Z`);
    const day = 86_400_000;
    const knownFrom =
      at < history || random.chance(0.9) ? effective - random.int(1, 6) * day : effective + random.int(1, 3) * day;
    // Told of with another ratio at first, and put right about its day.
    const isCorrected = at >= history && random.chance(0.12);
    const corrected = effective + random.int(-1, 2) * day;
    if (isCorrected) this.splitsOf.push({ listing, at, from: from * 3, to, knownFrom, knownTo: corrected });
    const told = isCorrected ? Math.max(knownFrom, corrected) : knownFrom;
    this.splitsOf.push({ listing, at, from, to, knownFrom: told, knownTo: Number.POSITIVE_INFINITY });
    if (random.chance(0.1))
      this.splitsOf.push({ listing, at, from: 4, to: 5, knownFrom, knownTo: Number.POSITIVE_INFINITY });
    if (random.chance(0.15)) {
      // Announced and never carried out; sometimes that is said only after its day.
      const wrong = {
        listing,
        at: at + 3,
        from: 1,
        to: 3,
        knownFrom: knownFrom - day,
        knownTo: effective + random.int(0, 7) * day,
      };
      this.splitsOf.push(wrong);
    }
  }

  /** Announced some days before, or told of too late; one in a few is corrected, taken back, or has a second one beside it. */
  #pay(random: Random, at: number): void {
    const candidates = this.listings.filter(({ born, early, died }) => born < at && early < at && died > at);
    if (candidates.length === 0) return;
    const listing = random.pick(candidates);
    const effective = Date.parse(`${this.#dateAt(at)}T12:00:00Z`);
    const day = 86_400_000;
    const knownFrom = effective + (random.chance(0.9) ? -random.int(1, 8) : random.int(1, 3)) * day;
    const type = random.weighted<DividendRow['distribution_type']>({
      recurring: 6,
      special: 2,
      supplemental: 1,
      irregular: 1,
      unknown: 1,
    });
    const told = { listing, at, part: random.int(1, 40) / 1000, type, knownFrom, knownTo: Number.POSITIVE_INFINITY };
    const change = effective + random.int(-1, 3) * day;
    const fate = random.weighted({ stays: 12, corrected: 3, withdrawn: 2, doubled: 3 });
    if (fate === 'corrected') {
      this.dividendsOf.push({ ...told, part: told.part * 3, knownTo: change });
      this.dividendsOf.push({ ...told, knownFrom: Math.max(knownFrom, change) });
    } else this.dividendsOf.push(fate === 'withdrawn' ? { ...told, knownTo: change } : told);
    if (fate === 'doubled')
      this.dividendsOf.push({ ...told, part: told.part * 2, type: type === 'special' ? 'recurring' : 'special' });
  }

  #dateAt(at: number): string {
    const date = this.#sessions[at];
    if (date !== undefined) return date;
    const last = Date.parse(`${this.#sessions.at(-1)}T12:00:00Z`);
    return new Date(last + (at - this.#sessions.length + 1) * 86_400_000).toISOString().slice(0, 10);
  }

  #alive(at: number): Listing[] {
    return this.listings.filter(({ born, early, died }) => born <= at && early <= at && died > at);
  }

  #place(date: string): number {
    let place = -1;
    while (place + 1 < this.#sessions.length && this.#sessions[place + 1]! <= date) place += 1;
    return place;
  }

  async tickers(market: MarketKind | undefined, asOf: string): Promise<TickerRow[]> {
    if (market === 'otc') return [];
    const at = this.#place(asOf);
    const rows = new Map<string, TickerRow>();
    for (const listing of this.listings.filter(({ born }) => born <= at))
      rows.set(listing.ticker, this.#row(listing, at));
    return [...rows.values()].sort((a, b) => (a.ticker < b.ticker ? -1 : 1));
  }

  #row({ ticker, name, figi, type, died }: Listing, at: number): TickerRow {
    const active = died > at;
    return {
      ticker,
      name,
      market: 'stocks',
      locale: 'us',
      primary_exchange: 'XNYS',
      type,
      active,
      currency_name: 'usd',
      ...(figi && { composite_figi: figi, share_class_figi: figi.replace('BBG00', 'BBG01') }),
      ...(!active && { delisted_utc: `${this.#dateAt(died)}T00:00:00Z` }),
      last_updated_utc: active ? '2020-01-01T00:00:00Z' : `${this.#dateAt(died)}T00:00:00Z`,
    };
  }

  async bars(date: string): Promise<BarRow[]> {
    // Below 0 before the simulated sessions.
    const at = SESSIONS.indexOf(date) - SESSIONS.indexOf(this.#sessions[0]!);
    const now = this.#now().getTime();
    if (!SESSIONS.includes(date) || at >= this.#sessions.length || now < (this.lateDays.get(date) ?? 0)) return [];
    const rows = this.#alive(at)
      .filter(({ halts }) => !halts.has(at))
      .map((listing) => this.#bar(listing, at));
    const known = this.corrections.filter((one) => one.date === date);
    return rows.flatMap((row) => {
      let said: BarRow | undefined = row;
      for (const { symbol, from, kind } of known) {
        if (symbol !== row.T) continue;
        if (kind === 'late' && now < from) said = undefined;
        else if (kind === 'missing' && now >= from) said = undefined;
        else if (kind === 'values' && now >= from && said) said = { ...said, c: said.l, v: said.v + 7 };
      }
      return said ? [said] : [];
    });
  }

  /** By how much splits have moved a price. */
  #shares(listing: Listing, at: number): number {
    return this.splitsOf
      .filter((split) => split.listing === listing && split.at <= at && split.knownTo === Number.POSITIVE_INFINITY)
      .reduce((factor, { from, to }) => (factor * from) / to, 1);
  }

  #bar(listing: Listing, at: number): BarRow {
    const noise = (salt: number) =>
      ((Math.imul(listing.volume + at * 2654435761 + salt * 40503, 0x9e3779b1) >>> 9) % 1000) / 1000;
    const shares = this.#shares(listing, at);
    const price = (value: number) => Math.max(0.0001, Math.round(value * shares * 10_000) / 10_000);
    const close = listing.price * (1 + 0.03 * (noise(1) - 0.5));
    const open = listing.price * (1 + 0.03 * (noise(2) - 0.5));
    const [low, high] = [Math.min(open, close) * (1 - 0.01 * noise(3)), Math.max(open, close) * (1 + 0.01 * noise(4))];
    return {
      T: listing.ticker,
      o: price(open),
      h: Math.max(price(high), price(open), price(close)),
      l: Math.min(price(low), price(open), price(close)),
      c: price(close),
      v: Math.round(listing.volume * (0.5 + noise(5))),
      vw: price((open + close) / 2),
      n: Math.round(100 * noise(6)),
    };
  }

  async splits(): Promise<SplitRow[]> {
    const now = this.#now().getTime();
    return this.splitsOf
      .filter(({ knownFrom, knownTo }) => knownFrom <= now && now < knownTo)
      .map(({ listing, at, from, to }) => {
        const date = this.#dateAt(at);
        return {
          id: `S${listing.ticker}${date}${from}${to}`,
          execution_date: date,
          split_from: from,
          split_to: to,
          ticker: listing.ticker,
        };
      });
  }

  async dividends(): Promise<DividendRow[]> {
    const now = this.#now().getTime();
    return this.dividendsOf
      .filter(({ knownFrom, knownTo }) => knownFrom <= now && now < knownTo)
      .map(({ listing, at, part, type }) => {
        const date = this.#dateAt(at);
        const cash = Math.max(0.0001, Math.round(listing.price * this.#shares(listing, at) * part * 10_000) / 10_000);
        const later = (days: number) => new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);
        return {
          id: `D${listing.ticker}${date}${type}${part}`,
          ticker: listing.ticker,
          cash_amount: cash,
          currency: 'USD',
          declaration_date: later(-9),
          ex_dividend_date: date,
          record_date: date,
          pay_date: later(20),
          frequency: type === 'recurring' ? 4 : 0,
          distribution_type: type,
        };
      });
  }

  async assets(asOf: string): Promise<AssetRow[]> {
    const rows = (await this.tickers(undefined, asOf)).map(assetRow);
    return rows.sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  }

  async span(): Promise<{ from?: string; to?: string }> {
    return { from: this.#sessions[0] };
  }
}
