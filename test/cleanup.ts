import { rmSync } from 'node:fs';

/** Kept apart from those who add to it: files that share a process load a module once, and its hooks with it. */
const folders: string[] = [];
const closers: (() => Promise<void>)[] = [];

/** Removes the folder when the file's tests are done. */
export function removeAfterTests(folder: string): void {
  folders.push(folder);
}

/** Runs when the test is done; what was opened last is closed first. */
export function afterThisTest(close: () => Promise<void>): void {
  closers.push(close);
}

export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

export function removeAll(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
