import { programs } from '../deploy/tools.ts';
import { checkAws } from './check-aws.ts';

/** `ROOT CASES STAGE`, as scripts/check-aws.mjs calls it. */
const [root = '.', cases = '', stage = ''] = process.argv.slice(2);
const right = await checkAws({ root, stage: stage || 'dev', tools: programs, cases });
process.exitCode = right ? 0 : 1;
