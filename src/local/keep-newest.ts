/** Drops the oldest entries of a server's memory until `most` are left: it runs for weeks, and nobody asks for them again. */
export function keepNewest(entries: Map<unknown, unknown> | unknown[], most: number): void {
  if (Array.isArray(entries)) {
    if (entries.length > most) entries.splice(0, entries.length - most);
    return;
  }
  for (const key of entries.keys()) {
    if (entries.size <= most) return;
    entries.delete(key);
  }
}
