import { resampler } from './resampler.ts';

await resampler(process, new URL('thread.mjs', import.meta.url));
