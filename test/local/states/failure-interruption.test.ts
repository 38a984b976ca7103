import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { childSignal, interruptible, startTimer } from '../../../src/local/states/failure.ts';

describe('startTimer', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('a delay longer than setTimeout can keep neither fires at once nor is lost', () => {
    const year = 365 * 86_400_000;
    const act = vi.fn();
    startTimer(year, act);
    vi.advanceTimersByTime(year - 1);
    expect(act).toHaveBeenCalledTimes(0);
    vi.advanceTimersByTime(1);
    expect(act).toHaveBeenCalledTimes(1);
  });

  test('a timer called off does not fire, in whichever of its stretches', () => {
    const act = vi.fn();
    const cancel = startTimer(3_000_000_000, act);
    vi.advanceTimersByTime(2_500_000_000);
    cancel();
    vi.advanceTimersByTime(2_500_000_000);
    expect(act).not.toHaveBeenCalled();
  });
});

describe('interruptible', () => {
  test('rejects with the reason of the signal though the work never ends', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const work = interruptible(stop.signal, () => new Promise(() => {}));
    stop.abort(reason);
    await expect(work).rejects.toBe(reason);
  });

  test('work is not begun under an aborted signal', async () => {
    const begun = vi.fn();
    await expect(interruptible(AbortSignal.abort(new Error('late')), begun)).rejects.toThrow('late');
    expect(begun).not.toHaveBeenCalled();
  });

  test('work that throws before its first await rejects', async () => {
    const work = (): Promise<never> => {
      throw new Error('at once');
    };
    await expect(interruptible(new AbortController().signal, work)).rejects.toThrow('at once');
  });
});

test('a child follows its parent until it is released', () => {
  const parent = new AbortController();
  const [kept, released] = [childSignal(parent.signal), childSignal(parent.signal)];
  released.release();
  parent.abort();
  expect([kept.signal.aborted, released.signal.aborted]).toEqual([true, false]);
});
