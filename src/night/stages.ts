import type { CloseInput } from './outcome.ts';

/** One state of the machine as it went, or one item of a Map in it; in night.json and drawn in the report. */
export interface Stage {
  /** The state's name. */
  state: string;
  /** The dataset or session, for a state inside a Map. */
  item?: string;
  /** Entry to exit, waits and retries included; absent where the machine does not measure it. */
  seconds?: number;
  retries: number;
  pages?: number;
  /** The error that a Catch took. */
  error?: string;
}

/** A backfill chunk has 250 sessions; the graph needs only those that say something. */
const SHOWN_SESSIONS = 50;

/** Pure: what the machine's own variables say of every state up to Close Night, in the order they ended. */
export function stagesOf({ stages = [], reference, enriched, prices }: CloseInput): Stage[] {
  const pages = reference.flatMap(({ results }) =>
    results.map(({ task, seconds, retries = 0, page, trouble }): Stage => {
      const counted = page ? { pages: page.pages } : {};
      return { state: 'Sync Page', item: task, seconds, retries, ...counted, ...errorOf(trouble?.error) };
    }),
  );
  const chunks = enriched.map(({ task, seconds, retries = 0, page, trouble }): Stage => {
    const counted = page ? { pages: page.pages } : {};
    return { state: 'Enrich Chunk', item: task, seconds, retries, ...counted, ...errorOf(trouble?.error) };
  });
  const staged = prices.staged.map(({ date, retries = 0, trouble }): Stage => {
    return { state: 'Stage Session', item: date, retries, ...errorOf(trouble?.error) };
  });
  const published = prices.published.map(({ date, retries = 0 }): Stage => {
    return { state: 'Publish Session', item: date, retries };
  });
  const unpublished = prices.unpublished.map(({ date, retries = 0, trouble }): Stage => {
    return { state: 'Publish Session', item: date, retries, ...errorOf(trouble.error) };
  });
  const own = stages.map(({ state, seconds, retries, error }): Stage => {
    return { state, seconds, retries, ...errorOf(error ?? undefined) };
  });
  return [...own, ...pages, ...few(staged), ...few([...published, ...unpublished]), ...chunks];
}

/** Those that were retried or failed come first; the order among equals stays. */
function few(stages: readonly Stage[]): Stage[] {
  const weight = ({ retries, error }: Stage) => (error ? 2 : 0) + (retries > 0 ? 1 : 0);
  return [...stages].sort((a, b) => weight(b) - weight(a)).slice(0, SHOWN_SESSIONS);
}

function errorOf(error: string | undefined): { error?: string } {
  return error ? { error } : {};
}
