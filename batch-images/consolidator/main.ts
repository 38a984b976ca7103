import { consolidator } from './consolidator.ts';

await consolidator(process);
