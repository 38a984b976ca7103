import type { Answer } from './main.ts';

export interface RunOptions {
  root?: string;
  workers?: number;
  log?: boolean;
  minimise?: boolean;
  onOutcome?: (outcome: Answer) => boolean | undefined;
}

export function runSeeds(seeds: readonly number[], options?: RunOptions): Promise<Answer[]>;
export function summaryOf(outcomes: readonly Answer[], seconds: number): string[];
