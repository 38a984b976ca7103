const CLOCK = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'America/New_York',
  weekday: 'short',
  day: '2-digit',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const ZONE = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', timeZoneName: 'short' });

/** An instant on the exchange's clock: `Sat 21 Nov 04:02 EST`. */
export function exchangeClock(instant: Date | string): string {
  const date = new Date(instant);
  const zone = ZONE.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? 'New York';
  return `${CLOCK.format(date).replaceAll(',', '')} ${zone}`;
}

/** The ledger's timestamps are UTC without a zone: `2026-11-21 09:02:00.1` → ISO. */
export function ledgerInstant(timestamp: unknown): string | null {
  return timestamp ? `${String(timestamp).replace(' ', 'T')}Z` : null;
}
