import { resampler } from './resampler.ts';

await resampler(process);
