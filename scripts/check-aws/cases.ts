import {
  type SFNClient,
  TestExecutionStatus,
  TestStateCommand,
  type TestStateCommandOutput,
  ValidateStateMachineDefinitionCommand,
} from '@aws-sdk/client-sfn';

/** A case of `../shared/conformance`: a machine, what its tasks answered, and what came of it on AWS. */
export interface RecordedCase {
  id: string;
  variant: string;
  kind: 'execution' | 'validation';
  machine: { StartAt: string; States: Record<string, Record<string, unknown>> };
  input?: unknown;
  tasks?: Record<string, TaskAnswer[]>;
  expected: { status: string; output?: unknown; error?: string } | 'accept' | 'refuse';
  /** Any error will do. */
  anyError?: boolean;
  realTime?: boolean;
}
type TaskAnswer = { result?: unknown; error?: string; cause?: string; hang?: boolean };

export interface RecordedCases {
  shared: { values: Record<string, unknown> };
  cases: RecordedCase[];
}

/** What a case came to: undefined when AWS answers today as it was recorded. */
export type CaseVerdict = { name: string; skipped?: string; differs?: string };

/** More states than any case enters. */
const MOST_STEPS = 60;

/** The cases as written down hold names of places where an ARN has its own. */
export function readCases(text: string, partition: string, region: string): RecordedCases {
  return JSON.parse(text.replaceAll('<partition>', partition).replaceAll('<region>', region)) as RecordedCases;
}

/** Asks AWS one state after another, with the recorded answers for mocks, and compares the end. */
export async function checkCase(client: SFNClient, one: RecordedCase, file: RecordedCases): Promise<CaseVerdict> {
  const name = `${one.variant} ${one.id}`;
  const why = whyNot(one);
  if (why !== undefined) return { name, skipped: why };
  const definition = JSON.stringify(one.machine);
  if (typeof one.expected === 'string') {
    const { result } = await client.send(new ValidateStateMachineDefinitionCommand({ definition }));
    const accepts = result === 'OK';
    return accepts === (one.expected === 'accept') ? { name } : { name, differs: `AWS answers ${result}` };
  }
  const wanted = expand(one.expected, file) as { status: string; output?: unknown; error?: string };
  const found = await walk(client, one, definition, file);
  const fits =
    found.status === wanted.status &&
    (one.anyError || (found.error ?? '') === (wanted.error ?? '')) &&
    (!('output' in wanted) || same(wanted.output, found.output));
  return fits ? { name } : { name, differs: `recorded ${short(wanted)}, AWS answers ${short(found)}` };
}

/** TestState takes one state at a time: what fans out would need its whole result for a mock, and a Wait waits. */
function whyNot({ machine, tasks = {}, realTime, expected }: RecordedCase): string | undefined {
  if (typeof expected === 'string') return undefined;
  const types = Object.values(machine.States).map(({ Type }) => Type);
  if (types.includes('Map') || types.includes('Parallel')) return 'has a Map or a Parallel';
  if (types.includes('Wait')) return 'has a Wait';
  if (realTime || Object.values(tasks).some((answers) => answers.some(({ hang }) => hang)))
    return 'waits for a timeout';
  return undefined;
}

async function walk(client: SFNClient, one: RecordedCase, definition: string, file: RecordedCases) {
  const tries = new Map<string, number>();
  let stateName = one.machine.StartAt;
  let input = JSON.stringify(one.input ?? {});
  let variables = '{}';
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const isTask = one.machine.States[stateName]?.Type === 'Task';
    let answer: TestStateCommandOutput;
    for (let retries = 0; ; retries += 1) {
      const mock = isTask ? mockOf(one, stateName, tries, file) : undefined;
      const request = {
        definition,
        stateName,
        input,
        variables,
        mock,
        stateConfiguration: { retrierRetryCount: retries },
      };
      answer = await client.send(new TestStateCommand({ ...request, inspectionLevel: 'DEBUG' }));
      if (answer.status !== TestExecutionStatus.RETRIABLE) break;
    }
    variables = answer.inspectionData?.variables ?? variables;
    if (answer.status === TestExecutionStatus.FAILED) return { status: 'FAILED', error: answer.error };
    input = answer.output ?? 'null';
    if (answer.nextState === undefined) return { status: 'SUCCEEDED', output: JSON.parse(input) as unknown };
    stateName = answer.nextState;
  }
  return { status: `still at ${stateName} after ${MOST_STEPS} states` };
}

function mockOf({ tasks = {} }: RecordedCase, state: string, tries: Map<string, number>, file: RecordedCases) {
  const index = tries.get(state) ?? 0;
  tries.set(state, index + 1);
  const answer = expand(tasks[state]?.[index], file) as TaskAnswer | undefined;
  const fieldValidationMode = 'NONE' as const;
  if (answer?.error !== undefined)
    return { errorOutput: { error: answer.error, cause: answer.cause ?? '' }, fieldValidationMode };
  return { result: JSON.stringify(answer?.result ?? {}), fieldValidationMode };
}

/** `{"$shared": "name"}` stands for a value kept once in the file. */
function expand(value: unknown, file: RecordedCases): unknown {
  if (Array.isArray(value)) return value.map((item) => expand(item, file));
  if (typeof value !== 'object' || value === null) return value;
  if ('$shared' in value) return expand(file.shared.values[String(value.$shared)], file);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, file)]));
}

/** Times were recorded as their names; `{"$any": true}` is anything. */
function same(wanted: unknown, found: unknown): boolean {
  if (typeof wanted === 'string' && /^<?[a-z-]*(date|time|timestamp)>?$/.test(wanted)) return typeof found === 'string';
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && wanted.length === found.length && wanted.every((item, at) => same(item, found[at]));
  }
  if (typeof wanted !== 'object' || wanted === null) return wanted === found;
  if ('$any' in wanted) return true;
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
  const keys = Object.keys(wanted);
  const other = found as Record<string, unknown>;
  return (
    keys.length === Object.keys(found).length && keys.every((key) => same((wanted as typeof other)[key], other[key]))
  );
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
