import { defineConfig } from 'vitest/config';

// unit: beside the sources, nothing outside the process. plugin: the same for the Grafana plugin, in jsdom. integration: real Kafka, Redis and engine. browser: a real Chromium.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'aggregator/src/**/*.test.ts',
            'preview/**/*.test.ts',
            'bench/**/*.test.ts',
            'scripts/**/*.test.ts',
            'scripts/**/*.test.mjs',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'plugin',
          include: ['src/**/*.test.ts', 'src/**/*.test.tsx'],
          environment: 'jsdom',
          setupFiles: ['.config/vitest-setup.mjs'],
          // Grafana's components are slow in jsdom: on a machine that is busy with other things, minutes are no defect.
          testTimeout: 180_000,
          // Grafana's packages import CommonJS by name, which Node refuses and Vite's own loader can.
          server: { deps: { inline: [/@grafana\//, /\/ol\//] } },
        },
      },
      { extends: true, test: { name: 'integration', include: ['test/**/*.test.ts'], exclude: ['test/browser/**'], testTimeout: 120_000 } },
      { extends: true, test: { name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 240_000, hookTimeout: 600_000 } },
    ],
  },
});
