import { createHash } from 'node:crypto';
import { NamedError } from '../../errors.ts';

/** One of several jobs that share a run. */
export interface Shard {
  index: number;
  size: number;
  /** Names the submission that all its shards have in common, and no other. */
  submission: string;
}

/** Whether a symbol is this shard's: by the first 32 bits of its SHA-256, so it stays where it is for good. */
export function isOfShard(symbol: string, { index, size }: Pick<Shard, 'index' | 'size'>): boolean {
  return size === 1 || createHash('sha256').update(symbol).digest().readUInt32BE(0) % size === index;
}

interface ArrayJob {
  AWS_BATCH_JOB_ARRAY_INDEX?: number;
  AWS_BATCH_JOB_ARRAY_SIZE?: number;
  AWS_BATCH_JOB_ID?: string;
}

/**
 * The shard that Batch gives a child of an array job; undefined outside of one. Batch names children `id:index`, which
 * attempts of the same child share.
 * @throws Config.Invalid for an index without a size, or beyond it
 */
export function shardOf(config: ArrayJob, runId: string): Shard | undefined {
  const { AWS_BATCH_JOB_ARRAY_INDEX: index, AWS_BATCH_JOB_ARRAY_SIZE: size, AWS_BATCH_JOB_ID: job } = config;
  if (index === undefined) return undefined;
  if (size === undefined || index >= size) {
    throw new NamedError('Config.Invalid', {
      what: 'this is no shard of an array job',
      found: `AWS_BATCH_JOB_ARRAY_INDEX=${index}, AWS_BATCH_JOB_ARRAY_SIZE=${size ?? ''}`,
      wanted: 'an index below the size',
    });
  }
  return { index, size, submission: `${runId} ${job?.replace(/:\d+$/, '') ?? ''}` };
}
