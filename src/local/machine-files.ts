import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { atStage } from '../night/at-stage.ts';
import { loadMachine } from './states/load.ts';
import type { Machine } from './states/machine.ts';
import { placeholdersIn, renderTemplate } from './states/template.ts';

/** Job definitions by placeholder: the same words as in Terraform. */
const JOB_PROGRAMS = ['consolidator', 'resampler'] as const;

/**
 * The machine of `state-machines/{name}.asl.json` with a laptop's names in its placeholders: a function's
 * placeholder is its folder's name in snake case.
 */
export function laptopMachine(root: string, name: string): Machine {
  const text = readFileSync(join(root, 'state-machines', `${name}.asl.json`), 'utf8');
  const values = placeholdersIn(text).map((placeholder) => [placeholder, localName(placeholder)]);
  return loadMachine(JSON.parse(renderTemplate(text, Object.fromEntries(values))), { name });
}

function localName(placeholder: string): string {
  if (placeholder === 'topic') return 'arn:aws:sns:us-east-1:000000000000:afterbell-local';
  if (placeholder === 'job_queue') return 'afterbell-local';
  if (placeholder === 'at_stage') return atStage('local');
  return (JOB_PROGRAMS as readonly string[]).includes(placeholder) ? placeholder : placeholder.replaceAll('_', '-');
}

/** The patterns of `state-machines/rules.json`, which Terraform deploys as they are. */
export function ruleFile(root: string): Record<string, Record<string, unknown>> {
  return JSON.parse(readFileSync(join(root, 'state-machines', 'rules.json'), 'utf8'));
}
