/** One line of the rehearsal's log: what was done, and in how many seconds. */
export function say(what: string, since: number): void {
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  process.stderr.write(`rehearsal: ${seconds.padStart(6)} s  ${what}\n`);
}
