import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withFileLock } from './file-lock.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('lets one at a time through', async () => {
  const path = join(folder, 'lock');
  let inside = 0;
  let most = 0;
  const work = (): Promise<void> =>
    withFileLock(path, 10_000, async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
    });
  await Promise.all(Array.from({ length: 8 }, work));
  expect(most).toBe(1);
});

it('is free again after a failure', async () => {
  const path = join(folder, 'lock');
  await expect(withFileLock(path, 100, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
  expect(await withFileLock(path, 100, () => Promise.resolve('done'))).toBe('done');
});

it('is taken over from a process that is gone, and kept by one that is there', async () => {
  const path = join(folder, 'lock');
  await mkdir(path);
  await writeFile(join(path, 'pid'), String(2 ** 30));
  expect(await withFileLock(path, 2_000, () => Promise.resolve('done'))).toBe('done');
  await mkdir(path);
  await writeFile(join(path, 'pid'), String(process.pid));
  await expect(withFileLock(path, 300, () => Promise.resolve())).rejects.toThrow(/stayed locked/);
});
