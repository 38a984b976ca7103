/** One thing that was recounted. `problems` empty = clean; notes are worth knowing and no fault. */
export interface Check {
  name: string;
  counted: string;
  problems: string[];
  /** Commands that mend the problems. */
  repairs: string[];
  notes: string[];
}

/** How many of a kind are shown to a person. */
export const SHOWN = 10;

export function refetch(date: string): string {
  return `npx afterbell night --session ${date}`;
}
