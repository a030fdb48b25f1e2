// Builds dist/: the declarations with the TypeScript compiler, which checks everything, and the code with rolldown (which vitest
// brings along): a few dozen ES modules in place of several hundred, since finding, reading and linking each costs an importer half
// a millisecond. Nothing is minified or renamed, and source maps lead to src/, which is in the package. The old dist/ stays in use
// until the new one is complete.
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const dist = join(root, 'dist');
const fresh = join(root, `dist.new-${process.pid}`);
const old = join(root, `dist.old-${process.pid}`);

/** What is imported or run by its path, below src/ and dist/: the subpaths of the package, the command and the demo. */
const { exports: subpaths, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const published = Object.values(subpaths).flatMap(({ default: path }) => path?.match(/^\.\/dist\/(.*)\.js$/)?.[1] ?? []);
const entries = [...published, 'cli/main', 'demo/main'];

function declare() {
  const args = [compiler, '-p', join(root, 'tsconfig.json'), '--outDir', fresh, '--emitDeclarationOnly'];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

async function bundle() {
  const input = Object.fromEntries(entries.map((name) => [name, join(root, 'src', `${name}.ts`)]));
  const build = await rolldown({
    cwd: root,
    input,
    platform: 'node',
    // They stay outside, with their own files to update.
    external: Object.keys(dependencies).map((name) => new RegExp(`^${name}(/|$)`)),
    // That of tsconfig.json: Node 20 knows no `await using`.
    transform: { target: 'es2022' },
  });
  await build.write({
    dir: fresh,
    format: 'esm',
    sourcemap: true,
    sourcemapExcludeSources: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
  });
  await build.close();
}

try {
  process.exitCode = declare();
  if (process.exitCode === 0) {
    await bundle();
    try {
      renameSync(dist, old);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    renameSync(fresh, dist);
  }
} finally {
  for (const leftover of [fresh, old]) rmSync(leftover, { recursive: true, force: true });
}
