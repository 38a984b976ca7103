import { fileURLToPath } from 'node:url';

/** `a, b and c` */
export function list(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'America/New_York',
  weekday: 'short',
  day: '2-digit',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const ZONE = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', timeZoneName: 'short' });

/** An instant on the exchange's clock: `Sat 21 Nov 2026 04:02 EST`. */
export function exchangeTime(instant: Date | string): string {
  const date = new Date(instant);
  const zone = ZONE.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? 'New York';
  return `${CLOCK.format(date).replaceAll(',', '')} ${zone}`;
}

/** `0.4 s`, `2 min 05 s`, `1 h 10 min` */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** 116,747 · 12.3 */
export function figure(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

/** `1 row`, `2 rows`, `2 retries` */
export function counted(count: number, word: string, words = `${word}s`): string {
  return `${figure(count)} ${count === 1 ? word : words}`;
}

/** The statement under its `-- name:` heading in a file of several. */
export function statement(file: string, name: string): string {
  const heading = `-- name: ${name}\n`;
  const from = file.indexOf(heading);
  if (from < 0) throw new Error(`no statement ${name}`);
  const body = file.slice(from + heading.length);
  const next = body.indexOf('-- name: ');
  return (next < 0 ? body : body.slice(0, next)).trim();
}

/** The ledger's timestamps are UTC without a zone: `2026-11-21 09:02:00.1` → ISO. */
export function ledgerInstant(timestamp: unknown): string | null {
  return timestamp ? `${String(timestamp).replace(' ', 'T')}Z` : null;
}

/** Pure: text of at most so many characters, cut after a word. */
export function short(text: string, width = 110): string {
  if (text.length <= width) return text;
  return `${wellFormed(wellFormed(text, width).replace(/\s+\S*$/, ''), width - 1)}…`;
}

/**
 * What somebody who wrote `text` may have meant: the known name with the fewest letters put in, left out, changed or
 * swapped, upper and lower case being alike; undefined when more than a third of them would have to be.
 */
export function nearestName(text: string, known: Iterable<string>): string | undefined {
  const wanted = text.toLowerCase();
  let nearest: string | undefined;
  let fewest = Math.max(1, Math.floor(text.length / 3)) + 1;
  for (const name of known) {
    // The difference in length is the least there can be, and spares looking at most of thousands of symbols.
    if (Math.abs(name.length - text.length) >= fewest) continue;
    const edits = editsBetween(wanted, name.toLowerCase());
    if (edits < fewest) [nearest, fewest] = [name, edits];
  }
  return nearest;
}

/** The same as the last sentence of an error; undefined when nothing is near. */
export function didYouMean(text: string, known: Iterable<string>): string | undefined {
  const name = nearestName(text, known);
  return name === undefined ? undefined : `Did you mean ${name}?`;
}

/** Damerau's distance, each pair of letters swapped at most once. */
function editsBetween(a: string, b: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}

/** Levels of lists and objects. What is meant has a few; what walks thousands of them runs out of stack. */
const DEEPEST = 100;

/** JSON from outside. @throws SyntaxError for what is none, and for JSON that is nested too deep */
export function jsonFrom(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (isTooDeep(text)) throw new SyntaxError(`JSON of more than ${DEEPEST} levels`);
  return value;
}

/** Of a text that is JSON. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let place = 0; place < text.length; place++) {
    const sign = text.charCodeAt(place);
    if (sign === QUOTE) place = closingQuote(text, place);
    else if (sign === OPEN_LIST || sign === OPEN_OBJECT) depth += 1;
    else if (sign === CLOSE_LIST || sign === CLOSE_OBJECT) depth -= 1;
    if (depth > DEEPEST) return true;
  }
  return false;
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [34, 92, 91, 93, 123, 125];

/** The next quote behind an even number of backslashes; looked for as a whole, because some texts are megabytes. */
function closingQuote(text: string, open: number): number {
  for (let place = text.indexOf('"', open + 1); place >= 0; place = text.indexOf('"', place + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(place - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return place;
  }
  return text.length;
}

/** What a text holds as JSON; undefined for one that is none, as it was cut, is something else or is nested too deep. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return jsonFrom(text);
  } catch {
    return undefined;
  }
}

/** Where an object of a lake is found by a person: a path on this computer, or its address in the bucket. */
export function placeIn({ uri }: { uri: string }, key: string): string {
  const base = uri.startsWith('file://') ? fileURLToPath(uri) : uri;
  return `${base.replace(/\/+$/, '')}/${key}`;
}

/** Where somebody stands who reads a command of ours and types it. */
export interface Stand {
  /** What starts the program there: `npx afterbell`, `afterbell`, or its path. */
  start: string;
  /** AFTERBELL_HOME, where it has to be said. */
  home?: string;
  /** The stage the commands are about. */
  stage?: string;
}

/** How our texts name a command, wherever they are kept; a second word is its verb. */
const COMMAND = /npx afterbell\b(?: ([a-z]+))?/g;
/** Settings that stand before a command name its data directory already. */
const HAS_HOME = /\bAFTERBELL_HOME=\S+ (?:[A-Z_]+=\S+ )*$/;

/**
 * Pure: a text of ours with its commands as they are typed where its reader stands, to act on the data it is about.
 * Texts are written and stored with `npx afterbell …` and nobody's paths; whoever shows them to a person does this.
 */
export function typedCommands(text: string, { start, home, stage }: Stand): string {
  return text.replace(COMMAND, (_, verb: string | undefined, place: number) => {
    const known = home === undefined || HAS_HOME.test(text.slice(0, place));
    const typed = `${known ? '' : `AFTERBELL_HOME=${shellWord(home)} `}${start}`;
    if (verb === undefined) return typed;
    const staged = stage === undefined || text.slice(place).includes(' --stage ');
    return `${typed} ${verb}${staged ? '' : ` --stage ${stage}`}`;
  });
}

/** Writes commands for a deployed stage, wherever they are read; undefined for a data directory, which only its reader knows. */
export function typedForStage(stage: string): ((text: string) => string) | undefined {
  if (stage === 'local') return undefined;
  return (text) => typedCommands(text, { start: 'npx afterbell', stage });
}

/** Pure: a word as every POSIX shell reads it back. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What a command needs to act on the same stage again; nothing for a home. */
export function there({ stage }: { stage?: { stage: string } }): string {
  return stage ? ` --stage ${stage.stage}` : '';
}

/** The option with which a command of ours acts on a deployed stage; nothing on a laptop, whose home is the default. */
export function atStage(stage: string): string {
  return stage === 'local' ? '' : ` --stage ${stage}`;
}

/** Where the console shows an execution. */
export function executionLink(executionArn: string): string {
  const region = executionArn.split(':')[3];
  return `https://${region}.console.aws.amazon.com/states/home?region=${region}#/v2/executions/details/${executionArn}`;
}

/**
 * Text from outside (a vendor's message, a driver's error, a cut cause) as every store can take it: half surrogates
 * and NUL, which neither PostgreSQL nor UTF-8 holds, become U+FFFD. `most` cuts it to so many UTF-16 units.
 */
export function wellFormed(text: string, most = Number.POSITIVE_INFINITY): string {
  const whole = text.length > most ? text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '') : text;
  return whole.replace(/[\p{Cs}\0]/gu, '\uFFFD');
}

/** The same value with every text in it well-formed. */
export function wellFormedTexts<T>(value: T): T {
  if (typeof value === 'string') return wellFormed(value) as T;
  if (Array.isArray(value)) return value.map(wellFormedTexts) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, wellFormedTexts(one)])) as T;
}

/**
 * Text from outside as one line that shows what it is: white space that would begin another line is a blank, and
 * control and format characters (terminal escapes, reversed or invisible text) are U+FFFD.
 */
export function oneLine(text: string): string {
  return text.replace(/[\t\n\v\f\r\x85\u2028\u2029]+/g, ' ').replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\uFFFD');
}
