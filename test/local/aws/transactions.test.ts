import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Transactions } from '../../../src/local/aws/data-api.ts';
import type { SqlBackend } from '../../../src/local/aws/sql.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A backend that writes down what its sessions are asked. */
function recorded(failing?: string): { backend: SqlBackend; asked: string[] } {
  const asked: string[] = [];
  const query = async (text: string) => {
    asked.push(text);
    if (text === failing) throw new Error(`${text} failed`);
    return { columns: [], rows: [], command: text.split(' ')[0]!, count: 0 };
  };
  const close = async () => void asked.push('closed');
  return { asked, backend: { query, session: async () => ({ query, close }), close } };
}

test('a transaction that nobody calls for 20 seconds is rolled back, and each call starts them over', async () => {
  const { backend, asked } = recorded();
  const transactions = new Transactions(backend);
  const id = await transactions.begin();
  await vi.advanceTimersByTimeAsync(19_999);
  await transactions.query(id, 'SELECT 1', []);
  await vi.advanceTimersByTimeAsync(19_999);
  expect(asked).toEqual(['BEGIN', 'SELECT 1']);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked).toEqual(['BEGIN', 'SELECT 1', 'ROLLBACK', 'closed']);
  await expect(transactions.query(id, 'SELECT 1', [])).rejects.toMatchObject({ name: 'TransactionNotFoundException' });
});

test('a transaction is not idle while a statement runs', async () => {
  const { backend, asked } = recorded();
  let answer = () => {};
  const slow = { query: () => new Promise<never>((_, reject) => (answer = () => reject(new Error('ended')))) };
  const session = await backend.session();
  const query: SqlBackend['query'] = (text, values) => (text === 'SLOW' ? slow.query() : session.query(text, values));
  const transactions = new Transactions({ ...backend, session: async () => ({ ...session, query }) });
  const id = await transactions.begin();
  const running = transactions.query(id, 'SLOW', []).catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual(['BEGIN']);
  answer();
  expect(await running).toBe('ended');
  await vi.advanceTimersByTimeAsync(20_000);
  expect(asked).toEqual(['BEGIN', 'ROLLBACK', 'closed']);
});

test('a session that cannot begin is closed', async () => {
  const { backend, asked } = recorded('BEGIN');
  await expect(new Transactions(backend).begin()).rejects.toThrow('BEGIN failed');
  expect(asked).toEqual(['BEGIN', 'closed']);
});
