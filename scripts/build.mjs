// Builds dist/ with the TypeScript compiler and nothing else: many small ES modules, source maps, declarations. The old dist/
// stays in use until the new one is complete.
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const dist = join(root, 'dist');
const fresh = join(root, `dist.new-${process.pid}`);
const old = join(root, `dist.old-${process.pid}`);

const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.json'), '--outDir', fresh], {
  stdio: 'inherit',
});
if (status === 0) {
  try {
    renameSync(dist, old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(fresh, dist);
}
for (const leftover of [fresh, old]) rmSync(leftover, { recursive: true, force: true });
process.exitCode = status ?? 1;
