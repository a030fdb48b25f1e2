// A folder of an SFTP server in this machine's own tree, by sshfs. It is unmounted whatever the test comes to, also when the
// process ends: what stays mounted would hang whoever looks at it later.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import type { Login } from './cli.ts';
import { run, runPeer, type TempDir, tempDir } from './peers.ts';

/** Whether the kernel lets us: root, and the device. */
export function canMountFuse(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

export interface SshfsMount extends AsyncDisposable {
  readonly path: string;
  /** A script of the shell, in the folder. Our own process never looks into it: it would hang with the server. */
  sh(script: string, ...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }>;
  /** As users do it; resolves with what fusermount3 says, which is nothing. */
  unmount(): Promise<string>;
  isMounted(): boolean;
}

/** Mounts `remote` of the server; `options` are sshfs's, for `-o`. */
export async function mountSshfs(server: Login, remote: string, options: readonly string[] = []): Promise<SshfsMount> {
  const dir: TempDir = tempDir();
  const isMounted = () => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${dir.path} `);
  const release = () => {
    if (isMounted()) spawnSync('fusermount3', ['-u', '-z', dir.path]);
  };
  process.once('exit', release);
  const dispose = async () => {
    release();
    process.off('exit', release);
    await dir.remove();
  };
  const settings = [
    'ssh_command=ssh -F none',
    `UserKnownHostsFile=${server.knownHostsFile}`,
    'GlobalKnownHostsFile=/dev/null',
    `IdentityFile=${server.identity.path}`,
    'IdentitiesOnly=yes',
    'BatchMode=yes',
    ...options,
  ].flatMap((option) => ['-o', option]);
  // It goes into the background when the folder is there.
  const mounted = await runPeer('sshfs', [
    '-p',
    String(server.port),
    `${server.user}@127.0.0.1:${remote}`,
    dir.path,
    ...settings,
  ]);
  if (mounted.code !== 0 || !isMounted()) {
    await dispose();
    throw new Error(`sshfs: ${mounted.stderr}`);
  }
  return {
    path: dir.path,
    isMounted,
    async sh(script, ...args) {
      const env = { LC_ALL: 'C.UTF-8' };
      const { code, stdout, stderr } = await run('sh', ['-c', script, 'sh', ...args], { cwd: dir.path, env });
      return { code, out: stdout.toString('latin1'), err: stderr };
    },
    async unmount() {
      const { stderr } = await runPeer('fusermount3', ['-u', dir.path]);
      return stderr;
    },
    [Symbol.asyncDispose]: dispose,
  };
}
