import { NamedError } from '../errors.ts';

/**
 * Wilder's relative strength index of every close: gains and losses are first averaged over `period` changes, then
 * smoothed as (previous · (period − 1) + new) / period. Undefined before index `period`; null where nothing has moved
 * since the beginning, as there the index has no value and every library makes up another one.
 * @param closes one price basis, oldest first
 * @returns 0 … 100, as many as there are closes
 * Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
 */
export function wilderRsi(closes: ArrayLike<number>, period: number): (number | null | undefined)[] {
  requirePeriod(period);
  const values: (number | null | undefined)[] = new Array(closes.length).fill(undefined);
  let [gain, loss] = [0, 0];
  for (let i = 1; i < closes.length; i++) {
    const change = closes[i]! - closes[i - 1]!;
    const [up, down] = [Math.max(change, 0), Math.max(-change, 0)];
    if (i <= period) {
      gain += up / period;
      loss += down / period;
    } else {
      gain = (gain * (period - 1) + up) / period;
      loss = (loss * (period - 1) + down) / period;
    }
    if (i >= period) values[i] = gain + loss === 0 ? null : (100 * gain) / (gain + loss);
  }
  return values;
}

/**
 * The mean of the last `period` closes; undefined when there are fewer. Summed anew, not carried along, so that an
 * old price leaves no rounding behind.
 */
export function movingAverage(closes: ArrayLike<number>, period: number): number | undefined {
  requirePeriod(period);
  if (closes.length < period) return undefined;
  let sum = 0;
  for (let i = closes.length - period; i < closes.length; i++) sum += closes[i]!;
  return sum / period;
}

function requirePeriod(period: number): void {
  if (Number.isInteger(period) && period >= 1) return;
  const text = { what: 'an indicator has no such period', found: String(period), wanted: 'a whole number from 1' };
  throw new NamedError('Data.Invalid', text);
}
