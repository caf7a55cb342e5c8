import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['aggregator/src/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
});
