import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'core', include: ['test/**/*.test.ts'], exclude: ['test/interop/**'] },
      },
      {
        extends: true,
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // These start servers and other programs: one file at a time, and only when the other tests have ended.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/demo/**', 'src/**/*.d.ts'],
      reporter: ['text-summary', 'json-summary'],
      // Of this process only: the command line runs in child processes, which v8 does not see here. With them it is 97 %.
      thresholds: { lines: 85 },
    },
  },
});
