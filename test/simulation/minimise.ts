import type { Script, Step } from './script.ts';

/**
 * The smallest script that is found to go wrong in the same way: steps, faults and misbehaviours are left out one after
 * the other as long as it does.
 * @param fails runs a script and says what was wrong, undefined when nothing
 */
export async function minimise(
  script: Script,
  problem: string,
  fails: (script: Script) => Promise<string | undefined>,
): Promise<Script> {
  let smallest = script;
  for (let shrunk = true; shrunk; ) {
    shrunk = false;
    for (const smaller of smallerOnes(smallest)) {
      const found = await fails(smaller);
      if (found === undefined || kindOf(found) !== kindOf(problem)) continue;
      smallest = smaller;
      shrunk = true;
      break;
    }
  }
  return smallest;
}

/** The same words about another day or symbol are the same failure. */
export function kindOf(problem: string): string {
  return problem
    .replace(/\(.*/s, '')
    .replace(/\d[\d:T.Z-]*/g, '#')
    .replace(/\b[A-Z]{2,}[A-Za-z.]*\b/g, 'S')
    .trim();
}

function* smallerOnes(script: Script): Generator<Script> {
  const { steps } = script;
  const withSteps = (changed: Step[]): Script => ({ ...script, steps: changed });
  for (let at = steps.length - 1; at >= 0; at -= 1) yield withSteps(steps.toSpliced(at, 1));
  for (const [at, step] of steps.entries()) {
    const put = (changed: Step) => withSteps(steps.with(at, changed));
    if ('faults' in step) {
      for (let one = 0; one < step.faults.length; one += 1)
        yield put({ ...step, faults: step.faults.toSpliced(one, 1) } as Step);
      for (const [one, fault] of step.faults.entries())
        if (fault.times > 1) yield put({ ...step, faults: step.faults.with(one, { ...fault, times: 1 }) } as Step);
    }
    if ('misbehave' in step) {
      for (let one = 0; one < step.misbehave.length; one += 1)
        yield put({ ...step, misbehave: step.misbehave.toSpliced(one, 1) } as Step);
    }
  }
}
