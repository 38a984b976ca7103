import { expect, test } from 'vitest';
import type { AskedVendor, VendorResponse } from '../../src/datasets/dataset.ts';
import { askChunk } from '../../src/night/ask-vendors.ts';

const RECORD: VendorResponse = { practice: true, reading: { kind: 'record', record: {} } };

test('an error of one vendor ends a chunk only after the other vendors have answered', async () => {
  let answered = 0;
  const vendors = {
    broken: { ask: () => Promise.reject(new Error('no answer of a vendor at all')) },
    slow: {
      ask: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        answered += 1;
        return RECORD;
      },
    },
  } as unknown as Record<string, AskedVendor>;
  await expect(askChunk(['AAA'], vendors, () => ({}), { concurrency: 1 })).rejects.toThrow('no answer of a vendor');
  expect(answered).toBe(1);
});
