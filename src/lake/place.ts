import { fileURLToPath } from 'node:url';

/** Where an object of a lake is found by a person: a path on this computer, or its address in the bucket. */
export function placeIn({ uri }: { uri: string }, key: string): string {
  const base = uri.startsWith('file://') ? fileURLToPath(uri) : uri;
  return `${base.replace(/\/+$/, '')}/${key}`;
}
