import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import aslValidator from 'asl-validator';
import { describe, expect, test } from 'vitest';
import { lintMachine } from '../../scripts/lint-asl.ts';
import type { ExecutionEvent, Integration } from '../../src/local/states/events.ts';
import { loadMachine } from '../../src/local/states/load.ts';
import { runMachine } from '../../src/local/states/run-machine.ts';
import { placeholdersIn, renderTemplate } from '../../src/local/states/template.ts';

/** One machine with its mocked tasks and what comes of it. */
interface Case {
  name: string;
  machine: Record<string, unknown>;
  input?: unknown;
  /** Results by state, one per try; a state without any answers with its own Arguments. */
  tasks?: Record<string, TaskAnswer[]>;
  expected: {
    status: string;
    output?: unknown;
    error?: string;
    cause?: string;
    causeContains?: string;
    /** Names of the states entered, in order. */
    states?: string[];
    /** Seconds of the Waits begun. */
    waits?: number[];
    /** Seconds before each retry. */
    delays?: number[];
  };
}
type TaskAnswer = { error: string; cause?: string } | { hang: true } | Record<string, unknown>;

const here = fileURLToPath(new URL('.', import.meta.url));
const machinesFolder = fileURLToPath(new URL('../../state-machines/', import.meta.url));
const cases = readdirSync(here)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file): Case & { file: string } => ({ ...JSON.parse(readFileSync(`${here}${file}`, 'utf8')), file }));

describe('conformance', () => {
  test('there are at least 60 cases, each with a name of its own', () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  test.each(cases)('$name ($file)', async (one) => {
    const events: ExecutionEvent[] = [];
    const answer = answers(one.tasks ?? {});
    const result = await runMachine(loadMachine(one.machine, { name: one.name }), {
      input: one.input ?? {},
      execution: { arn: 'arn:aws:states:::execution:m:e', name: 'e', startTime: '2025-11-19T09:00:00.000Z' },
      stateMachine: { arn: 'arn:aws:states:::stateMachine:m', name: 'm' },
      integrations: Object.fromEntries(
        ['lambda:invoke', 'batch:submitJob.sync', 'sns:publish'].map((api) => [`arn:aws:states:::${api}`, answer]),
      ),
      sleep: async () => {},
      random: () => 0.5,
      now: () => new Date('2025-11-19T09:00:01.000Z'),
      onEvent: (event) => events.push(event),
    });
    const { expected } = one;
    const { status, output, error, cause } = result;
    expect({ status, output, error }).toEqual({
      status: expected.status,
      output: expected.output,
      error: expected.error,
    });
    if (expected.cause !== undefined) expect(cause).toBe(expected.cause);
    if (expected.causeContains !== undefined) expect(cause).toContain(expected.causeContains);
    const of = (type: string): ExecutionEvent[] => events.filter((event) => event.type === type);
    if (expected.states !== undefined) expect(of('StateEntered').map(({ state }) => state)).toEqual(expected.states);
    if (expected.waits !== undefined) expect(of('WaitStarted').map(({ seconds }) => seconds)).toEqual(expected.waits);
    if (expected.delays !== undefined) {
      expect(of('TaskRetried').map(({ delaySeconds }) => delaySeconds)).toEqual(expected.delays);
    }
  });

  test.each(cases)('asl-validator accepts the machine of $file', ({ machine }) => {
    expect(validatorErrors(machine)).toEqual([]);
  });
});

describe('state-machines/', () => {
  test('every machine loads, and asl-validator and the lint find nothing in it', () => {
    const files = existsSync(machinesFolder) ? readdirSync(machinesFolder) : [];
    const found = files
      .filter((file) => file.endsWith('.asl.json'))
      .flatMap((file) => {
        const text = readFileSync(`${machinesFolder}${file}`, 'utf8');
        const values = Object.fromEntries(placeholdersIn(text).map((name) => [name, `value-of-${name}`]));
        const definition = JSON.parse(renderTemplate(text, values));
        loadMachine(definition, { name: file });
        return [...validatorErrors(definition), ...lintMachine(JSON.parse(text))].map((text) => `${file}: ${text}`);
      });
    expect(found).toEqual([]);
  });
});

/** The validator writes QueryLanguage into what it is given, so it gets a copy. */
function validatorErrors(definition: Record<string, unknown>): string[] {
  return aslValidator(structuredClone(definition)).errors.map(({ Message }) => Message);
}

function answers(tasks: Record<string, TaskAnswer[]>): Integration {
  const tries = new Map<string, number>();
  return async (args, { stateName, signal }) => {
    const list = tasks[stateName];
    if (list === undefined) return args;
    const index = tries.get(stateName) ?? 0;
    tries.set(stateName, index + 1);
    const given = list[index];
    if (given === undefined) throw new Error(`${stateName} was tried ${index + 1} times; ${list.length} answers`);
    if ('error' in given) throw Object.assign(new Error(String(given.cause ?? '')), { name: given.error });
    if ('hang' in given) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return given;
  };
}
