// Starts `amiko serve` as users do, as a process of its own, for tests with real clients. It is ended by SIGTERM, as a service
// manager would do it, and by SIGKILL where that does not help.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { canUnshare, type KeyPair, keyPair, type TempDir, tempDir } from './peers.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The command. AMIKO_BIN names another one than this checkout's: that of an installed package, for one. */
export const amikoBin = process.env['AMIKO_BIN'] || join(ROOT, 'bin', 'amiko.js');

/** Where `.ci/run` puts the optional terminal module, unless NODE_PATH or the checkout has it. */
const cache = process.env['AMIKO_CACHE'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'amiko');
export const terminalModulePath = join(cache, 'pty', 'node_modules');
const TERMINAL_MODULE = '@lydell/node-pty';

function hasTerminalModule(): boolean {
  try {
    createRequire(amikoBin).resolve(TERMINAL_MODULE);
    return true;
  } catch {
    return existsSync(join(terminalModulePath, TERMINAL_MODULE));
  }
}

/** `describe` for tests that need the terminal module: skipped without it, or failed where AMIKO_REQUIRE_PEERS is 1. */
export function describeTerminal(title: string, body: () => void): void {
  const why = `npm install --prefix ${dirname(terminalModulePath)} ${TERMINAL_MODULE}@1.1.0`;
  if (hasTerminalModule()) describe(title, body);
  else if (process.env['AMIKO_REQUIRE_PEERS'] === '1') it(`${title}: has the terminal module`, () => expect.fail(why));
  else describe.skip(`${title} (${TERMINAL_MODULE} is missing; ${why})`, body);
}

export interface ServeEvent {
  readonly event: string;
  readonly [name: string]: unknown;
}

export interface AmikoServe extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The key that may log in, and the server's first. */
  readonly identity: KeyPair;
  readonly hostKey: KeyPair;
  readonly knownHostsFile: string;
  readonly dir: TempDir;
  readonly process: ChildProcess;
  /** Everything on stderr so far. */
  log(): string;
  events(): readonly ServeEvent[];
  /** The first event that fits, at once or when it comes; at most 10 s. */
  waitForEvent(fits: (event: ServeEvent) => boolean): Promise<ServeEvent>;
  /** Arguments for ssh, up to the command: the key of {@link identity}, unless `options` say otherwise. */
  sshArgs(options?: Readonly<Record<string, string>>): string[];
  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number | null>;
}

export interface AmikoServeOptions {
  /** More arguments. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Keys that may log in besides {@link AmikoServe.identity}. */
  readonly keys?: readonly KeyPair[];
  readonly hostKeys?: readonly KeyPair[];
  /** Lets it find the optional terminal module. Default true. */
  readonly terminals?: boolean;
}

/** What a login shell reads, hidden by empty files that only the server and its sessions see. */
const HIDE = `
home=$1; shift
for name in .profile .bash_profile .bash_login .bashrc; do
  if [ -e "$home/$name" ]; then mount --bind /dev/null "$home/$name"; fi
done
exec "$@"`;

/**
 * The command line, where that is possible without the user's start-up files for shells: what those do is slow, may print, and may be
 * left half done by a test that cuts them off (pyenv leaves a lock then, on which later shells wait for a minute).
 */
function withPlainShell(line: readonly string[]): [string, string[]] {
  // Whoever gives no shell reads none of them, and sees what a test mounts meanwhile.
  const [program = '', ...args] = line;
  return line.includes('--shell') && canUnshare()
    ? ['unshare', ['--mount', '--', '/bin/sh', '-ec', HIDE, 'sh', userInfo().homedir, ...line]]
    : [program, args];
}

const PASSWORD = 'correct horse battery stäple';

/** `amiko serve --json --port 0` with a password, a key and a host key, ready to be connected to. */
export async function startAmikoServe(options: AmikoServeOptions = {}): Promise<AmikoServe> {
  const { args = ['--exec'], env = {}, keys = [], hostKeys = [keyPair('ed25519', { name: 'host' })], terminals = true } = options;
  const dir = tempDir();
  const identity = keyPair('ed25519');
  const user = 'amiko-user';
  const authorized = dir.write('authorized_keys', [identity, ...keys].map((key) => `${key.publicLine}\n`).join(''));
  const line = ['serve', '--json', '--port', '0', '--user', user, '--authorized-keys', authorized];
  for (const key of hostKeys) line.push('--host-key', key.path);
  const nodePath = terminals ? [process.env['NODE_PATH'], terminalModulePath].filter(Boolean).join(':') : '';
  const [program, programArgs] = withPlainShell([process.execPath, amikoBin, ...line, ...args]);
  const child = spawn(program, programArgs, {
    env: { ...process.env, NODE_PATH: nodePath, AMIKO_PASSWORD: PASSWORD, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  let rest = '';
  let over: string | null = null;
  const events: ServeEvent[] = [];
  const watchers = new Set<() => void>();
  const wake = () => {
    for (const watcher of [...watchers]) watcher();
  };
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    events.push(...lines.map((text) => JSON.parse(text) as ServeEvent));
    wake();
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code, signal) => {
      process.off('exit', kill);
      over = `it ended with ${signal ?? `code ${code}`}`;
      wake();
      resolve(code);
    });
  });
  const waitForEvent = (fits: (event: ServeEvent) => boolean) =>
    new Promise<ServeEvent>((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        watchers.delete(check);
      };
      const check = () => {
        const event = events.find(fits);
        if (event === undefined && over === null) return;
        finish();
        if (event === undefined) reject(new Error(`amiko serve: ${over}\n${log}`));
        else resolve(event);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`amiko serve: no such event in ${JSON.stringify(events)}\n${log}`));
      }, 10_000);
      watchers.add(check);
      check();
    });
  const stop = async () => {
    child.kill('SIGTERM');
    const force = setTimeout(kill, 10_000);
    const code = await exited;
    clearTimeout(force);
    return code;
  };
  const dispose = async () => {
    await stop();
    await dir.remove();
  };
  try {
    const { port } = await waitForEvent(({ event }) => event === 'listening');
    const knownHostsFile = dir.write(
      'known_hosts',
      hostKeys.map((key) => `[127.0.0.1]:${port} ${key.publicLine}\n`).join(''),
      0o644,
    );
    return {
      port: port as number,
      user,
      password: PASSWORD,
      identity,
      hostKey: hostKeys[0] as KeyPair,
      knownHostsFile,
      dir,
      process: child,
      log: () => log,
      events: () => events,
      waitForEvent,
      sshArgs(extra = {}) {
        const settings = {
          UserKnownHostsFile: knownHostsFile,
          GlobalKnownHostsFile: '/dev/null',
          StrictHostKeyChecking: 'yes',
          IdentitiesOnly: 'yes',
          IdentityFile: identity.path,
          BatchMode: 'yes',
          ...extra,
        };
        const asOptions = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
        return ['-F', 'none', ...asOptions, '-p', String(port), `${user}@127.0.0.1`];
      },
      stop,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
