import { pathToFileURL } from 'node:url';
import { keepFilesPrivate } from './permissions.ts';

/**
 * Runs a batch job's program in this process: `node job-process.mjs PROGRAM [ARGUMENT…]`. It exists so that a
 * job ends with its parent, and so that Ctrl-C and a closed terminal, which reach the whole process group, are left to the parent
 * (which sends SIGTERM, as AWS Batch does).
 */
const [node, , program, ...command] = process.argv;
if (node === undefined || program === undefined) throw new Error('usage: job-process PROGRAM [ARGUMENT...]');

keepFilesPrivate();
process.on('disconnect', () => process.exit(75));
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
// The channel is only there to notice the parent's end; a job that is done must not wait for it.
process.channel?.unref();
process.argv = [node, program, ...command];
await import(pathToFileURL(program).href);
