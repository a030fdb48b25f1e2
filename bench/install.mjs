// Brings what the bench needs and the package does not: the peers in bench/node_modules, and dist/ where nobody has built it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' });
  return error === undefined && status === 0;
}

/** @throws Error if the peers cannot be installed. A native addon that does not build is no error: the report says so. */
export function install(bench) {
  const addon = join(bench, 'node_modules/ssh2/lib/protocol/crypto/build/Release/sshcrypto.node');
  if (!existsSync(join(bench, 'node_modules/ssh2/package.json')) && !run('npm', ['ci', '--no-audit', '--no-fund'], bench)) {
    throw new Error('npm ci in bench/ failed');
  }
  // Where npm has left install scripts out, this is the step that builds it. Without a compiler it stays JavaScript.
  if (!existsSync(addon)) run('npm', ['rebuild', 'ssh2', 'cpu-features'], bench);
}

export function build(root) {
  if (!existsSync(join(root, 'dist/index.js')) && !run(process.execPath, ['scripts/build.mjs'], root)) {
    throw new Error('building dist/ failed');
  }
}
