import { AsyncLocalStorage } from 'node:async_hooks';

/** One request as it ended. Nothing in it is secret: keys travel in headers. */
export interface VendorRequest {
  vendor: string;
  /** Method, path and the parameters that are known to be ours. */
  request: string;
  /** HTTP status; absent when there was no whole answer. */
  status?: number;
  /** Name of the error the answer stands for, if any. */
  error?: string;
  milliseconds: number;
  characters?: number;
}

type Watch = (request: VendorRequest) => void;

const watches = new AsyncLocalStorage<Watch>();

/** Runs `work` and tells `watch` of every vendor request within it, however deep: clients outlive a call. */
export function watchVendors<T>(watch: Watch, work: () => Promise<T>): Promise<T> {
  return watches.run(watch, work);
}

export function tellWatch(request: VendorRequest): void {
  watches.getStore()?.(request);
}

const SHOWN = new Set(
  'active adjusted asset_class execution_date.gte include_otc limit market order part sort status symbol'.split(' '),
);

/** Path with query for a log: a parameter that may be a token or a cursor is named and not shown. */
export function shownPath(pathAndQuery: string): string {
  const [path = '', query] = pathAndQuery.split('?');
  if (!query) return path;
  const parts = [...new URLSearchParams(query)].map(([name, value]) => `${name}=${SHOWN.has(name) ? value : '…'}`);
  return `${path}?${parts.join('&')}`;
}
