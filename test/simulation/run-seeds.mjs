import { fork } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.mjs';
import { bundleSubject } from './bundle.mjs';
import { emptyCluster } from './cluster.mjs';
import { pastOf } from './seeds.mjs';

const project = fileURLToPath(new URL('../..', import.meta.url));
/** Seeds a process runs before another takes its place, so that twenty thousand of them need no more memory than these. */
const SEEDS_A_PROCESS = 400;
/** A world leaves much behind that the next one has no use for. */
const execArgv = ['--max-semi-space-size=64'];

/**
 * Runs seeds in `workers` processes, each one world at a time. Those after one another that share a past run in one process.
 * @param options.root checkout with the code under test; this one unless given
 * @param options.onOutcome told of each seed as it ends; true stops the others
 * @returns outcomes by seed, as main.ts answers them
 */
export async function runSeeds(seeds, { root = project, workers = 2, log = false, minimise = false, onOutcome } = {}) {
  const folder = `${project}node_modules/.cache/simulation/${process.pid}-${Math.random().toString(36).slice(2)}/`;
  mkdirSync(folder, { recursive: true });
  const [simulator, subject] = [`${folder}simulator.mjs`, `${folder}subject.json`];
  await bundle(`${project}test/simulation/main.ts`, simulator);
  writeFileSync(subject, JSON.stringify(await bundleSubject(root)));
  const cluster = await emptyCluster();
  const queue = groupsOf(seeds);
  const outcomes = [];
  let stopped = false;
  const work = async () => {
    let group = [];
    const hasNext = () => !stopped && group.length + queue.length > 0;
    const next = () => {
      if (group.length === 0) group = queue.shift();
      return group.shift();
    };
    while (hasNext()) {
      const child = fork(simulator, [subject, cluster], {
        cwd: root,
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        execArgv,
      });
      try {
        await answerOf(child);
        for (let run = 0; run < SEEDS_A_PROCESS && hasNext(); run += 1) {
          child.send({ seed: next(), log, minimise });
          const outcome = await answerOf(child);
          outcomes.push(outcome);
          if (onOutcome?.(outcome)) stopped = true;
        }
      } finally {
        if (child.connected) child.disconnect();
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(workers, queue.length) }, work));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return outcomes.sort((a, b) => a.seed - b.seed);
}

function groupsOf(seeds) {
  const groups = [];
  for (const [place, seed] of seeds.entries()) {
    if (place > 0 && pastOf(seed) === pastOf(seeds[place - 1])) groups.at(-1).push(seed);
    else groups.push([seed]);
  }
  return groups;
}

function answerOf(child) {
  return new Promise((resolve, reject) => {
    const ended = (code, signal) => reject(new Error(`a simulator ended with ${code ?? signal}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}

/** What several seeds came to, for people. */
export function summaryOf(outcomes, seconds) {
  const sum = (of) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const faults = {};
  for (const outcome of outcomes) {
    for (const [how, count] of Object.entries(outcome.faults)) faults[how] = (faults[how] ?? 0) + count;
  }
  const listed = Object.entries(faults)
    .sort(([, a], [, b]) => b - a)
    .map(([how, count]) => `${how} ${count}`);
  return [
    `${outcomes.length} seeds, ${sum((one) => one.executions)} executions, ${sum((one) => one.effects)} effects in ${seconds.toFixed(0)} s (${sum((one) => one.cpuSeconds).toFixed(0)} CPU-s); ${outcomes.filter(({ problems }) => problems.length > 0).length} seeds failed`,
    `faults: ${listed.join(', ')}`,
  ];
}
