/** The command `amiko` as tests call it: with a home directory of its own, so that no key and no known host takes part by chance. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { amikoBin } from './amiko-serve.ts';
import { type KeyPair, type RunOptions, type RunResult, run, type TempDir, tempDir } from './peers.ts';

/** What is needed to log in to a server. */
export interface Login {
  readonly port: number;
  readonly user: string;
  readonly identity: KeyPair;
  readonly knownHostsFile: string;
}

export interface StartedCli extends ChildProcessByStdio<Writable, Readable, Readable> {
  /** Everything on stdout and stderr so far. */
  readonly text: { out: string; err: string };
  /** The exit status and the signal. */
  ended(): Promise<[number | null, NodeJS.Signals | null]>;
}

export class Cli implements AsyncDisposable {
  readonly home: TempDir = tempDir();
  readonly #children = new Set<ChildProcessByStdio<Writable, Readable, Readable>>();

  env(extra: RunOptions['env'] = {}): NonNullable<RunOptions['env']> {
    const none = { AMIKO_PASSWORD: undefined, SSH_ASKPASS: undefined, SSH_ASKPASS_REQUIRE: undefined, DISPLAY: undefined };
    return { HOME: this.home.path, ...none, ...extra };
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(process.execPath, [amikoBin, ...args], { ...options, env: this.env(options.env) });
  }

  start(args: readonly string[], options: { cwd?: string } = {}): StartedCli {
    const child = spawn(process.execPath, [amikoBin, ...args], {
      ...options,
      env: { ...process.env, ...this.env() } as NodeJS.ProcessEnv,
      stdio: 'pipe',
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    const text = { out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      text.out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      text.err += chunk.toString();
    });
    child.stdin.on('error', () => {});
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    return Object.assign(child, { text, ended: () => closed });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.home.remove();
  }
}

/** Arguments of `sftp` and `cp` that log in there; more `-o` in `options`. */
export function loginArgs(server: Login, options: Readonly<Record<string, string>> = {}): string[] {
  const settings = { UserKnownHostsFile: server.knownHostsFile, GlobalKnownHostsFile: 'none', User: server.user, ...options };
  const asOptions = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return ['-i', server.identity.path, '-P', String(server.port), ...asOptions];
}

/** The same for OpenSSH's programs. */
export function openSshArgs(server: Login): string[] {
  const settings = {
    UserKnownHostsFile: server.knownHostsFile,
    GlobalKnownHostsFile: '/dev/null',
    User: server.user,
    IdentitiesOnly: 'yes',
    IdentityFile: server.identity.path,
  };
  return [
    '-F',
    'none',
    ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
    '-P',
    String(server.port),
  ];
}
