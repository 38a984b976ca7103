import type { ExecutionEvent } from '../../src/local/states/events.ts';
import { inspectMachine, loadMachine } from '../../src/local/states/load.ts';
import { runMachine } from '../../src/local/states/run-machine.ts';
import { send, startLoopback } from '../vendors/loopback.ts';

type Json = Record<string, unknown>;

interface TestStateRequest {
  definition: string;
  stateName: string;
  input: string;
  variables: string;
  mock?: { result?: string; errorOutput?: { error: string; cause: string } };
  stateConfiguration: { retrierRetryCount: number };
}

/** Answers of the APIs that `make check-aws` asks, on loopback. Step Functions' are those of the local engine. */
export async function openAwsAnswers(changes: { validation?: Json } = {}) {
  const asked: string[] = [];
  const { url, close } = await startLoopback(async (response, request) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
    const action = target ?? new URLSearchParams(body).get('Action') ?? request.url!.split('?')[0]!;
    asked.push(action);
    const json = (value: unknown) => send(response, 200, value, { 'content-type': 'application/x-amz-json-1.0' });
    if (action === 'GetCallerIdentity') return send(response, 200, callerIdentity(), { 'content-type': 'text/xml' });
    if (action === 'ValidateStateMachineDefinition') return json(changes.validation ?? validate(JSON.parse(body)));
    if (action === 'TestState') return json(await testState(JSON.parse(body)));
    if (action === '/policy/validation') return json({ findings: findingsOf(JSON.parse(body).policyDocument) });
    response.writeHead(404).end();
  });
  return { url, asked, close };
}

function callerIdentity(): string {
  return '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>x</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>';
}

function validate({ definition }: { definition: string }): Json {
  let problems: { place: string; text: string }[];
  try {
    problems = inspectMachine(JSON.parse(definition), 'case').problems;
  } catch {
    problems = [{ place: '', text: 'not JSON' }];
  }
  const diagnostics = problems.map(({ place, text }) => {
    return { severity: 'ERROR', code: 'SCHEMA_VALIDATION_FAILED', message: text, location: `/${place}` };
  });
  return { result: problems.length === 0 ? 'OK' : 'FAIL', diagnostics, truncated: false };
}

/** As Access Analyzer says of the two mistakes that the test makes. */
function findingsOf(policy: string): Json[] {
  const finding = (issueCode: string, findingDetails: string) => {
    return {
      findingType: 'ERROR',
      issueCode,
      findingDetails,
      learnMoreLink: 'https://docs.aws.amazon.com',
      locations: [],
    };
  };
  let statements: { Action?: string | string[] }[];
  try {
    statements = [JSON.parse(policy).Statement].flat();
  } catch {
    return [finding('INVALID_JSON', 'The policy is no JSON.')];
  }
  const actions = statements.flatMap(({ Action = [] }) => [Action].flat());
  const odd = actions.filter((action) => !/^[a-z0-9-]+:[A-Za-z0-9*]+$/.test(action) && action !== '*');
  return odd.map((action) => finding('INVALID_ACTION', `The action ${action} does not exist.`));
}

/** One state of a machine, from its input and the variables so far to the state that follows. */
async function testState(request: TestStateRequest): Promise<Json> {
  const { definition, stateName, mock = {}, stateConfiguration } = request;
  const whole = JSON.parse(definition) as { States: Record<string, Json> };
  const state = whole.States[stateName]!;
  const variables = JSON.parse(request.variables) as Json;
  const names = new Set([...Object.keys(variables), ...assignedBy(state)]);
  const shown = [...names].map((name) => `$exists($${name}) ? {'${name}': $${name}} : {}`);
  const end = `{% {'output': $states.input, 'variables': $merge([${['{}', ...shown].join(', ')}])} %}`;
  const targets = [...new Set([...nextOf(state), ...(state.End === true ? ['at the end'] : [])])];
  const stub = (Output: string) => ({ Type: 'Succeed', Output });
  const last = ['Succeed', 'Fail'].includes(String(state.Type)) ? [] : targets;
  const machine = loadMachine({
    QueryLanguage: 'JSONata',
    StartAt: 'Begin',
    States: {
      Begin: { Type: 'Pass', Assign: { begun: 0, ...variables }, Next: `test ${stateName}`.slice(0, 80) },
      [`test ${stateName}`.slice(0, 80)]: state.End === true ? { ...withoutEnd(state), Next: 'at the end' } : state,
      ...Object.fromEntries(last.map((name) => [name, stub(end)])),
    },
  });
  const events: ExecutionEvent[] = [];
  let tries = 0;
  const answer = async () => {
    tries += 1;
    if (mock.errorOutput) throw Object.assign(new Error(mock.errorOutput.cause), { name: mock.errorOutput.error });
    return JSON.parse(mock.result ?? '{}') as unknown;
  };
  const result = await runMachine(machine, {
    input: JSON.parse(request.input),
    execution: { arn: 'arn:e', name: 'e', startTime: '2026-01-01T00:00:00.000Z' },
    stateMachine: { arn: 'arn:m', name: 'm' },
    integrations: Object.fromEntries(machine.resources.map((resource) => [resource, answer])),
    sleep: async () => {},
    onEvent: (event) => events.push(event),
  });
  if (tries > stateConfiguration.retrierRetryCount + 1) return { status: 'RETRIABLE', error: mock.errorOutput?.error };
  if (result.status !== 'SUCCEEDED') return { status: 'FAILED', error: result.error, cause: result.cause };
  const entered = events.filter(({ type }) => type === 'StateEntered').map(({ state: name }) => name!);
  const caught = events.some(({ type }) => type === 'StateCaught');
  const { output, variables: after } = last.length > 0 ? (result.output as Json) : { output: result.output, variables };
  const next = entered.at(-1)!;
  return {
    status: caught ? 'CAUGHT_ERROR' : 'SUCCEEDED',
    output: JSON.stringify(output ?? null),
    ...(last.length > 0 && next !== 'at the end' ? { nextState: next } : {}),
    inspectionData: { variables: JSON.stringify(after ?? {}) },
  };
}

function withoutEnd({ End: _, ...rest }: Json): Json {
  return rest;
}

function nextOf(state: Json): string[] {
  const ways = [state, ...((state.Choices as Json[]) ?? []), ...((state.Catch as Json[]) ?? [])];
  return ways.flatMap(({ Next, Default }) =>
    [Next, Default].filter((name): name is string => typeof name === 'string'),
  );
}

function assignedBy(state: Json): string[] {
  const ways = [state, ...((state.Choices as Json[]) ?? []), ...((state.Catch as Json[]) ?? [])];
  return ways.flatMap(({ Assign }) => Object.keys((Assign as Json) ?? {}));
}
