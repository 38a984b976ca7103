// Preloaded into a command and every process it starts (`node --import`): the clock stands SOAK_SHIFT_MS away from the
// real one and goes on, and temporary files go to the soak's own folder, whose content is counted.
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

const { SOAK_SHIFT_MS: shiftMs = '0', TMPDIR } = process.env;
const shift = Number(shiftMs);

// The product gives its children an environment of its own.
for (const name of ['spawn', 'fork']) {
  const original = childProcess[name];
  childProcess[name] = (program, args, options = {}) => {
    const env = { ...options.env, NODE_OPTIONS: `--import ${import.meta.url}`, SOAK_SHIFT_MS: shiftMs, TMPDIR };
    return original.call(childProcess, program, args, { ...options, env });
  };
}
syncBuiltinESMExports();

const Real = Date;
globalThis.Date = class Shifted extends Real {
  constructor(...args) {
    if (args.length === 0) super(Real.now() + shift);
    else super(...args);
  }
  static now() {
    return Real.now() + shift;
  }
};
