/** What a release of a run's held sessions would do to what is served. */
export interface ReleaseEffect {
  sessions: number;
  /** Served rows that would have other values. */
  changed: number;
  /** Served rows that would be gone. */
  removed: number;
}

/** Pure: one sentence for whoever decides about a release. */
export function releaseText({ sessions, changed, removed }: ReleaseEffect): string {
  const rows = (count: number) => `${count.toLocaleString('en-US')} served ${count === 1 ? 'row' : 'rows'}`;
  const parts = [
    `publishes ${sessions.toLocaleString('en-US')} ${sessions === 1 ? 'session' : 'sessions'}`,
    ...(changed > 0 ? [`changes ${rows(changed)}`] : []),
    removed > 0 ? `removes ${rows(removed)}` : 'removes no served row',
  ];
  return `Releasing ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}.`;
}
