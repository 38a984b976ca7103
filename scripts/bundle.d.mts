import type { BuildResult } from 'esbuild';

export const NATIVE: string[];
export function bundle(program: string, outfile: string): Promise<BuildResult>;
