import { rmSync } from 'node:fs';

type LastStep = () => void;

const steps = new Set<LastStep>();

/**
 * Has a step taken when the command must end before its work could: children are killed, temporary folders removed.
 * Such a step is synchronous, as nothing is waited for then. Returns what takes it back, once it is done in order.
 */
export function lastStep(step: LastStep): () => void {
  steps.add(step);
  return () => void steps.delete(step);
}

/** Removes this file or folder, should the command have to end at once. */
export function removeLast(path: string): () => void {
  return lastStep(() => rmSync(path, { recursive: true, force: true }));
}

/** Takes every step, the newest first; one that fails keeps no other from being taken. */
export function takeLastSteps(): void {
  for (const step of [...steps].reverse()) {
    steps.delete(step);
    try {
      step();
    } catch {
      // What cannot be removed now is removed by the next command.
    }
  }
}
