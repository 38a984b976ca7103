import { fewFiles } from '../errors.ts';
import { printError } from './print-error.ts';

/**
 * The executable. Its bundle imports nothing but Node.js itself, so that it runs, and says what to do, where the limit
 * of open files is too low for the rest to be loaded.
 */
try {
  const { main } = (await import(new URL('main.mjs', import.meta.url).href)) as typeof import('./main.ts');
  await main();
} catch (error) {
  const named = fewFiles(error);
  if (!named) throw error;
  printError(named);
  process.exitCode = 1;
}
