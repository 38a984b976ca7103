import { parentPort } from 'node:worker_threads';
import { serve } from '../../src/jobs/resample/crew.ts';

// A thread of the resampler; a bundle of its own, so that a thread loads nothing else.
serve(parentPort!);
