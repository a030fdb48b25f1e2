/**
 * The harness for tests that talk to other SSH implementations: finds them, starts their servers on loopback, runs their
 * clients. Nothing here sleeps for a fixed time: every wait is on a log line, an exit or an accepted connection.
 *
 * Nothing is left behind either. Where the kernel allows it (root on Linux) a server runs in its own PID namespace, so
 * ending it ends whatever its sessions started, daemons included; and it dies with this process, however this one ends.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir, userInfo } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { afterAll, describe, it } from 'vitest';

// ---------------------------------------------------------------------------------------------------------------- peers

interface PeerRow {
  /** Names to look for, absolute or on the PATH; the first that exists is taken. */
  readonly files: readonly string[];
  /** Arguments that make it print its version, on either stream and with any exit code. */
  readonly version: readonly string[];
  /** The Debian package that brings it. */
  readonly debian: string;
  /** The printed version must match this for the peer to count as there; for peers that are modules of an interpreter. */
  readonly proof?: RegExp;
}

// Debian's own interpreter, not whatever `python3` the PATH leads to: only that one sees Debian's python packages.
const PYTHON = '/usr/bin/python3';

const PEERS = {
  sshd: { files: ['/usr/sbin/sshd'], version: ['-V'], debian: 'openssh-server' },
  ssh: { files: ['ssh'], version: ['-V'], debian: 'openssh-client' },
  sftp: { files: ['sftp'], version: [], debian: 'openssh-client' },
  scp: { files: ['scp'], version: [], debian: 'openssh-client' },
  'ssh-keygen': { files: ['ssh-keygen'], version: [], debian: 'openssh-client' },
  'ssh-agent': { files: ['ssh-agent'], version: [], debian: 'openssh-client' },
  'ssh-add': { files: ['ssh-add'], version: [], debian: 'openssh-client' },
  dropbear: { files: ['/usr/sbin/dropbear'], version: ['-V'], debian: 'dropbear-bin' },
  dbclient: { files: ['dbclient'], version: ['-V'], debian: 'dropbear-bin' },
  dropbearkey: { files: ['dropbearkey'], version: [], debian: 'dropbear-bin' },
  dropbearconvert: { files: ['dropbearconvert', '/usr/lib/dropbear/dropbearconvert'], version: [], debian: 'dropbear-bin' },
  plink: { files: ['plink'], version: ['-V'], debian: 'putty-tools' },
  puttygen: { files: ['puttygen'], version: ['--version'], debian: 'putty-tools' },
  psftp: { files: ['psftp'], version: ['-V'], debian: 'putty-tools' },
  'python3-paramiko': {
    files: [PYTHON],
    version: ['-c', 'import paramiko; print("paramiko", paramiko.__version__)'],
    debian: 'python3-paramiko',
    proof: /^paramiko /,
  },
  'python3-asyncssh': {
    files: [PYTHON],
    version: ['-c', 'import asyncssh; print("asyncssh", asyncssh.__version__)'],
    debian: 'python3-asyncssh',
    proof: /^asyncssh /,
  },
  git: { files: ['git'], version: ['--version'], debian: 'git' },
  curl: { files: ['curl'], version: ['--version'], debian: 'curl' },
  lftp: { files: ['lftp'], version: ['--version'], debian: 'lftp' },
  rclone: { files: ['rclone'], version: ['version'], debian: 'rclone' },
  sshfs: { files: ['sshfs'], version: ['--version'], debian: 'sshfs' },
  fusermount3: { files: ['fusermount3'], version: ['--version'], debian: 'fuse3' },
  xauth: { files: ['xauth'], version: ['-V'], debian: 'xauth' },
  'ssh-audit': { files: ['ssh-audit'], version: ['--help'], debian: 'ssh-audit' },
  tmux: { files: ['tmux'], version: ['-V'], debian: 'tmux' },
  sshpass: { files: ['sshpass'], version: ['-V'], debian: 'sshpass' },
  expect: { files: ['expect'], version: ['-v'], debian: 'expect' },
  krb5kdc: { files: ['/usr/sbin/krb5kdc'], version: [], debian: 'krb5-kdc' },
  'kadmin.local': { files: ['/usr/sbin/kadmin.local'], version: [], debian: 'krb5-admin-server' },
  kinit: { files: ['kinit'], version: [], debian: 'krb5-user' },
  klist: { files: ['klist'], version: [], debian: 'krb5-user' },
  'python3-gssapi': {
    files: [PYTHON],
    version: ['-c', 'import gssapi; print("gssapi", gssapi.__name__)'],
    debian: 'python3-gssapi',
    proof: /^gssapi /,
  },
} as const satisfies Record<string, PeerRow>;

type BasePeerName = keyof typeof PEERS;
/** A program of this machine, or with `-trixie` its newer sibling in the tree that `scripts/peers/trixie.sh` builds. */
export type PeerName = BasePeerName | `${BasePeerName}-trixie`;

export interface Peer {
  readonly name: PeerName;
  readonly available: boolean;
  /** Why it is not available, with the command that installs it. */
  readonly reason?: string;
  /** The path of the program; inside the tree for a `-trixie` peer. Empty when it is not available. */
  readonly path: string;
  /** Its first line of version text, such as `OpenSSH_9.2p1 Debian-2+deb12u10, ...`. Empty when it is not available. */
  readonly version: string;
}

/** Where `scripts/peers/trixie.sh` puts its tree. */
export const trixieRoot = join(
  process.env['AMIKO_CACHE'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'amiko'),
  'trixie',
);

const found = new Map<PeerName, Peer>();

/** Looks for a peer; the answer is remembered. */
export function peer(name: PeerName): Peer {
  let result = found.get(name);
  if (result === undefined) {
    result = look(name);
    found.set(name, result);
  }
  return result;
}

function look(name: PeerName): Peer {
  const { base, trixie } = split(name);
  const row: PeerRow = PEERS[base];
  const missing = (reason: string): Peer => ({ name, available: false, reason, path: '', version: '' });
  if (trixie) {
    if (!existsSync(join(trixieRoot, '.amiko-peer'))) return missing('build the tree as root: scripts/peers/trixie.sh');
    if (!canUnshare()) return missing('needs root and mount namespaces, to enter the trixie tree');
  }
  const install = `apt-get install -y --no-install-recommends ${row.debian}`;
  const directories = trixie ? ['/usr/bin', '/usr/sbin'] : (process.env['PATH'] ?? '').split(delimiter);
  const candidates = row.files.flatMap((file) =>
    file.startsWith('/') ? [file] : directories.map((directory) => join(directory, file)),
  );
  const path = candidates.find((file) => existsSync(trixie ? join(trixieRoot, file) : file));
  if (path === undefined) return missing(trixie ? `not part of the trixie tree: ${row.debian}` : install);
  let version = '';
  if (row.version.length > 0) {
    const [command, args] = trixie ? enterTrixie(path, row.version) : [path, row.version];
    const printed = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000, input: '' });
    const lines = `${printed.stdout}\n${printed.stderr}`.split('\n').map((line) => line.trim());
    // `sshd -V` of OpenSSH 9.2 complains about the option first and prints its version second.
    version = lines.find((line) => row.proof?.test(line) ?? /\d+\.\d+/.test(line)) ?? '';
    if (row.proof !== undefined && version === '') return missing(install);
  }
  return { name, available: true, path, version };
}

function split(name: PeerName): { base: BasePeerName; trixie: boolean } {
  const trixie = name.endsWith('-trixie');
  return { base: (trixie ? name.slice(0, -'-trixie'.length) : name) as BasePeerName, trixie };
}

/** Command and arguments that run a peer's program. A `-trixie` peer sees the temporary directory at its usual path. */
export function peerCommand(name: PeerName, args: readonly string[]): [command: string, args: string[]] {
  const { available, reason, path } = peer(name);
  if (!available) throw new Error(`${name} is missing; ${reason}`);
  return split(name).trixie ? enterTrixie(path, args) : [path, [...args]];
}

/** {@link run} for a peer's program. */
export function runPeer(name: PeerName, args: readonly string[], options?: RunOptions): Promise<RunResult> {
  const [command, commandArgs] = peerCommand(name, args);
  return run(command, commandArgs, options);
}

/**
 * `describe` for tests that need peers. Where one is missing the group is skipped, and its title says how to install it;
 * with AMIKO_REQUIRE_PEERS=1 a missing peer is a failing test instead, so that CI cannot skip by accident.
 */
export function describePeer(names: PeerName | readonly PeerName[], title: string, body: () => void): void {
  const missing = (typeof names === 'string' ? [names] : names).map(peer).filter((each) => !each.available);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  const why = missing.map((each) => `${each.name} is missing; ${each.reason}`).join('; ');
  if (process.env['AMIKO_REQUIRE_PEERS'] === '1') {
    describe(title, () => {
      it('has its peers', () => {
        throw new Error(why);
      });
    });
  } else {
    describe.skip(`${title} (${why})`, body);
  }
}

// ----------------------------------------------------------------------------------------------------------- namespaces

let unshareWorks: boolean | undefined;

/**
 * Whether we may make mount and PID namespaces: root on Linux, unless a container forbids it. Without them there is no
 * trixie tree, and a daemon that a session of a server left is not ended with the server.
 */
export function canUnshare(): boolean {
  unshareWorks ??= process.getuid?.() === 0 && spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status === 0;
  return unshareWorks;
}

// The mounts live in the caller's own mount namespace and so end with it.
const ENTER = `
root=$1 shared=$2; shift 2
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mkdir -p "$root$shared"
mount --rbind "$shared" "$root$shared"
exec chroot "$root" "$@"`;

function enterTrixie(command: string, args: readonly string[], isolate: readonly string[] = ['--mount']): [string, string[]] {
  return ['unshare', [...isolate, '--', '/bin/sh', '-ec', ENTER, 'sh', trixieRoot, realpathSync(tmpdir()), command, ...args]];
}

/** Wraps a server's command line such that its processes end with it, and it with us, as far as the system offers that. */
function contain(command: string, args: readonly string[], trixie: boolean): [string, string[]] {
  const pidNamespace = ['--mount', '--pid', '--fork', '--kill-child'];
  let line: string[] = [command, ...args];
  if (trixie) line = enterTrixie(command, args, pidNamespace).flat();
  else if (canUnshare()) line = ['unshare', ...pidNamespace, '--mount-proc', '--', command, ...args];
  if (existsSync('/usr/bin/setpriv')) line = ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--', ...line];
  const [first = '', ...rest] = line;
  return [first, rest];
}

/** The process and everything below it, parents before children. Only the process itself where there is no /proc. */
function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  const entries = existsSync('/proc/self/stat') ? readdirSync('/proc') : [];
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // The second field is the program's name in parentheses and may hold anything, so count from its end.
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const siblings = children.get(parent);
      if (siblings === undefined) children.set(parent, [Number(entry)]);
      else siblings.push(Number(entry));
    } catch {
      // It ended while we were looking.
    }
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

// ------------------------------------------------------------------------------------------------------------- cleaning

const undo = new Set<() => void>();

/** Runs `action` when this test file or this process ends, whichever comes first; for what a test did not dispose of. */
function atExit(action: () => void): () => void {
  undo.add(action);
  return () => undo.delete(action);
}

function undoAll(): void {
  for (const action of [...undo].reverse()) {
    undo.delete(action);
    action();
  }
}

afterAll(undoAll);
process.once('exit', undoAll);

export interface TempDir extends AsyncDisposable {
  readonly path: string;
  /** Joins names to the path. */
  join(...names: string[]): string;
  /** Writes a file below it and returns its path. */
  write(name: string, content: string | Uint8Array, mode?: number): string;
  remove(): Promise<void>;
}

/** A new temporary directory, with everything in it removed on dispose. */
export function tempDir(): TempDir {
  // ssh and sshd print and compare real paths, and on some systems the temporary directory is a link.
  const path = mkdtempSync(join(realpathSync(tmpdir()), 'amiko-test-'));
  const forget = atExit(() => rmSync(path, { recursive: true, force: true }));
  const remove = async (): Promise<void> => {
    forget();
    await rm(path, { recursive: true, force: true });
  };
  return {
    path,
    join: (...names) => join(path, ...names),
    write(name, content, mode = 0o600) {
      const file = join(path, name);
      writeFileSync(file, content, { mode });
      return file;
    },
    remove,
    [Symbol.asyncDispose]: remove,
  };
}

let shared: TempDir | undefined;

/** One directory per test process, for what many tests share. */
function sharedDir(): TempDir {
  shared ??= tempDir();
  return shared;
}

// ------------------------------------------------------------------------------------------------------------ processes

export interface RunOptions {
  /** What the program reads on stdin, which ends after it. Default nothing. */
  readonly input?: Uint8Array | string;
  /** Added to this process's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default 20,000. The program is killed then and the promise rejects. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

export interface RunResult {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * Runs a program to its end. It has no controlling terminal, so a client that wants to ask for a password fails rather
 * than waits. Only a program that cannot be started or takes too long rejects; look at `code` for the rest.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input = '', env, timeoutMs = 20_000, cwd } = options;
  return new Promise((resolve, reject) => {
    // Its own process group, so that a timeout reaches what it started too (sshpass starts ssh, for one).
    const child = spawn(command, args, { cwd, env: mergeEnv(env), stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let late = false;
    const kill = (): void => {
      if (child.pid === undefined) return;
      killQuietly(-child.pid);
      for (const pid of processTree(child.pid)) killQuietly(pid);
    };
    const forget = atExit(kill);
    const timer = setTimeout(() => {
      late = true;
      kill();
      // A grandchild that left the group may still hold the pipes; do not wait for it.
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A program that does not read its stdin closes it: EPIPE is its right.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', (error) => {
      clearTimeout(timer);
      forget();
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      forget();
      const text = Buffer.concat(stderr).toString();
      if (late) reject(new Error(`${basename(command)} ${args.join(' ')} took more than ${timeoutMs} ms; its stderr:\n${text}`));
      else resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: text });
    });
  });
}

function mergeEnv(extra: RunOptions['env']): NodeJS.ProcessEnv {
  // The user's own agent and desktop prompts must not take part in a test.
  return { ...process.env, SSH_AUTH_SOCK: undefined, SSH_ASKPASS: undefined, DISPLAY: undefined, ...extra };
}

export interface BackgroundProcess extends AsyncDisposable {
  /** The process that we started; a wrapper of the program where namespaces are in use. */
  readonly pid: number;
  /** Everything it has written to stdout and stderr so far. */
  log(): string;
  /**
   * Resolves with the match as soon as the log has one, at or after offset `from`; rejects after `timeoutMs` (default
   * 10,000) or when the process ends without it. To wait for something new, pass `log().length` from before.
   */
  waitForLog(pattern: RegExp, timeoutMs?: number, from?: number): Promise<RegExpExecArray>;
  /** The ids of all its processes, the wrapper's included. */
  processes(): number[];
  /** Ends it and all its processes; resolves when they have ended. Harmless to call again. */
  stop(): Promise<void>;
}

/**
 * Starts a program that stays, such as a server: any program, or with `trixie` the path of a `-trixie` {@link peer}. Its
 * stdin is empty. With a `logFile`, what the program writes there is part of its log.
 */
export function startProcess(
  command: string,
  args: readonly string[],
  options: { env?: RunOptions['env']; cwd?: string; trixie?: boolean; logFile?: string } = {},
): BackgroundProcess {
  const [file, line] = contain(command, args, options.trixie === true);
  // Before the program starts: on a busy machine it may have written its first lines before we are heard again.
  const fileLog = options.logFile === undefined ? undefined : followFile(options.logFile, (chunk) => take(chunk));
  const child: ChildProcess = spawn(file, line, {
    cwd: options.cwd,
    env: mergeEnv(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid;
  const watchers = new Set<() => void>();
  let log = '';
  let ended: string | undefined;
  const wake = (): void => {
    for (const watcher of [...watchers]) watcher();
  };
  const take = (chunk: Buffer): void => {
    log += chunk.toString();
    wake();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  // 'close' comes when every process that holds the log's pipe has ended, 'exit' may come before a session's process ends.
  const closed = new Promise<void>((resolve) => {
    const end = (why: string): void => {
      fileLog?.close();
      ended ??= why;
      wake();
      resolve();
    };
    child.once('error', (error) => end(String(error)));
    child.once('close', (code, signal) => end(`it ended with ${signal ?? `code ${code}`}`));
  });
  const kill = (): void => {
    if (pid === undefined || ended !== undefined) return;
    const [, ...below] = processTree(pid);
    // In a PID namespace the first process below `unshare` is its init: the kernel ends all others with it, and `unshare`
    // ends only after that. So waiting for `unshare`, our child, is waiting for all of them.
    const init = file === 'unshare' || line.includes('unshare') ? below[0] : undefined;
    for (const each of init === undefined ? [pid, ...below] : [init]) killQuietly(each);
  };
  const forget = atExit(kill);
  const stop = async (): Promise<void> => {
    kill();
    await closed;
    forget();
  };
  return {
    pid: pid ?? -1,
    log: () => log,
    processes: () => (pid === undefined || ended !== undefined ? [] : processTree(pid)),
    waitForLog(pattern, timeoutMs = 10_000, from = 0) {
      // A global or sticky pattern would carry its position from one try to the next.
      const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
      return new Promise((resolve, reject) => {
        const finish = (error?: Error, match?: RegExpExecArray): void => {
          clearTimeout(timer);
          watchers.delete(check);
          if (match !== undefined) resolve(match);
          else reject(error);
        };
        const fail = (why: string): void =>
          finish(new Error(`${basename(command)}: no ${pattern} in its log: ${why}. The log:\n${log}`));
        const check = (): void => {
          const match = stateless.exec(log.slice(from));
          if (match !== null) finish(undefined, match);
          else if (ended !== undefined) fail(ended);
        };
        const late = (): void => {
          // Should the system have kept a change of the file from us, the log is read once more.
          fileLog?.read();
          if (watchers.has(check)) fail(`waited ${timeoutMs} ms${describeProcesses(pid)}`);
        };
        const timer = setTimeout(late, timeoutMs);
        watchers.add(check);
        check();
      });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** What a process and those below it are doing, for whoever has waited for them in vain. */
function describeProcesses(root: number | undefined): string {
  if (root === undefined || !existsSync('/proc/self/stat')) return '';
  const about = (pid: number, name: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'utf8').replaceAll('\0', ' ').trim();
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'unknown';
    }
  };
  const lines = processTree(root).map((pid) => {
    const state = /^State:\s+(.*)$/m.exec(about(pid, 'status'))?.[1] ?? 'gone';
    return `${pid} ${state}, in ${about(pid, 'wchan')}, syscall ${about(pid, 'syscall')}: ${about(pid, 'cmdline')}`;
  });
  return `, with these processes:\n${lines.join('\n')}\n`;
}

/** Calls `take` with what is appended to the file from now on; `close` takes the rest first. */
function followFile(path: string, take: (chunk: Buffer) => void): { read(): void; close(): void } {
  const fd = openSync(path, 'a+');
  const buffer = Buffer.alloc(65_536);
  let offset = fstatSync(fd).size;
  let open = true;
  const read = (): void => {
    while (open) {
      const length = readSync(fd, buffer, 0, buffer.length, offset);
      if (length === 0) return;
      offset += length;
      take(buffer.subarray(0, length));
    }
  };
  const watcher = watch(path, read);
  return {
    read,
    close() {
      if (!open) return;
      read();
      open = false;
      watcher.close();
      closeSync(fd);
    },
  };
}

/** A TCP port of 127.0.0.1 that was free just now. Another process may take it first: be ready to try again. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('no port'));
      });
    });
  });
}

/** Starts a server on a free port and waits for `ready` in its log; tries another port when the first was taken meanwhile. */
export async function startOnFreePort(
  start: (port: number) => BackgroundProcess,
  ready: RegExp,
  taken = /address already in use|EADDRINUSE/i,
): Promise<{ server: BackgroundProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = start(port);
    try {
      await server.waitForLog(ready, 15_000);
      return { server, port };
    } catch (error) {
      await server.stop();
      if (attempt === 5 || !taken.test(server.log())) throw error;
    }
  }
}

// ----------------------------------------------------------------------------------------------------------------- keys

export type KeyType = 'ed25519' | 'ecdsa' | 'ecdsa-384' | 'ecdsa-521' | 'rsa' | 'rsa-2048' | 'rsa-4096';

export interface KeyPair {
  readonly type: KeyType;
  /** The private key file. */
  readonly path: string;
  /** The public key file. */
  readonly publicPath: string;
  /** `ssh-ed25519 AAAA... comment`, without a newline. */
  readonly publicLine: string;
  /** The text of the private key file. */
  readonly privateText: string;
  /** `SHA256:...`, over the public key. */
  readonly fingerprint: string;
  readonly passphrase: string;
}

const KEYGEN: Record<KeyType, readonly string[]> = {
  ed25519: ['-t', 'ed25519'],
  ecdsa: ['-t', 'ecdsa', '-b', '256'],
  'ecdsa-384': ['-t', 'ecdsa', '-b', '384'],
  'ecdsa-521': ['-t', 'ecdsa', '-b', '521'],
  rsa: ['-t', 'rsa', '-b', '3072'],
  'rsa-2048': ['-t', 'rsa', '-b', '2048'],
  'rsa-4096': ['-t', 'rsa', '-b', '4096'],
};
const HEADERS = {
  openssh: /BEGIN OPENSSH PRIVATE KEY/,
  pem: /BEGIN (RSA|EC) PRIVATE KEY/,
  pkcs8: /BEGIN (ENCRYPTED )?PRIVATE KEY/,
};
const keyPairs = new Map<string, KeyPair>();

export interface KeyPairOptions {
  readonly passphrase?: string;
  /** Default 'openssh'. ssh-keygen writes Ed25519 keys in no other. */
  readonly format?: keyof typeof HEADERS;
  /** Keys with different names are different keys. Default 'id'. */
  readonly name?: string;
}

/** A key made by ssh-keygen. The same arguments give the same key for as long as this test process lives. */
export function keyPair(type: KeyType = 'ed25519', options: KeyPairOptions = {}): KeyPair {
  const { passphrase = '', format = 'openssh', name = 'id' } = options;
  const id = JSON.stringify([type, passphrase, format, name]);
  const known = keyPairs.get(id);
  if (known !== undefined) return known;
  const path = sharedDir().join(`${name}-${type}-${keyPairs.size}`);
  const encoding = format === 'openssh' ? [] : ['-m', format.toUpperCase()];
  const args = ['-q', ...KEYGEN[type], ...encoding, '-N', passphrase, '-C', `${name}-${type}`, '-f', path];
  const made = spawnSync(peerCommand('ssh-keygen', [])[0], args, { encoding: 'utf8', input: '' });
  if (made.status !== 0) throw new Error(`ssh-keygen ${args.join(' ')}: ${made.stderr}`);
  const privateText = readFileSync(path, 'utf8');
  if (!HEADERS[format].test(privateText)) throw new Error(`ssh-keygen does not write ${type} keys in ${format} format`);
  const publicLine = readFileSync(`${path}.pub`, 'utf8').trim();
  const digest = createHash('sha256').update(Buffer.from(publicLine.split(' ')[1] ?? '', 'base64'));
  const fingerprint = `SHA256:${digest.digest('base64').replace(/=+$/, '')}`;
  const pair: KeyPair = { type, path, publicPath: `${path}.pub`, publicLine, privateText, fingerprint, passphrase };
  keyPairs.set(id, pair);
  return pair;
}

// ----------------------------------------------------------------------------------------------------------------- sshd

export type HostKeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface SshdOptions {
  /**
   * Lines of sshd_config by keyword; an array gives several lines. They replace the harness's own lines for the same
   * keyword, which are visible in {@link startSshd}. With a `user`, UsePAM and both password methods are on.
   */
  readonly config?: Readonly<Record<string, string | readonly string[]>>;
  /** Put at the end of sshd_config as it is; for Match blocks. */
  readonly extra?: string;
  /** Run the OpenSSH 10.0 of the trixie tree. */
  readonly trixie?: boolean;
  /** Default all three. */
  readonly hostKeys?: readonly HostKeyType[];
  /** Lines of authorized_keys. Default the public key of `keyPair('ed25519')`. */
  readonly authorizedKeys?: readonly string[];
  /** Log in as this user, from {@link ensureTestUser} with the same `trixie`. Default the one who runs the tests. */
  readonly user?: TestUser;
  /** Arguments after the harness's own. */
  readonly args?: readonly string[];
}

/** A running server, whoever made it. */
export interface PeerServer extends BackgroundProcess {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** The name to log in with. */
  readonly user: string;
  /** A key that the server accepts, unless `authorizedKeys` says otherwise. */
  readonly identity: KeyPair;
  readonly hostKeys: Readonly<Record<HostKeyType, KeyPair>>;
  /** Has all host keys, as `[127.0.0.1]:port`. */
  readonly knownHostsFile: string;
  readonly authorizedKeysFile: string;
  /** The server's own directory, removed on stop. Sessions of any user may enter it. */
  readonly dir: TempDir;
  /** Adds a line to authorized_keys; the server reads that file at each login. */
  authorize(line: string): void;
  /** Arguments for `ssh` up to the destination, with `options` as `-o`; put the command after them. */
  sshArgs(options?: Readonly<Record<string, string>>): string[];
}

export interface Sshd extends PeerServer {
  readonly configFile: string;
}

/** Starts OpenSSH's sshd on a free port of 127.0.0.1 and waits until it listens. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const trixie = options.trixie === true;
  const program = peer(trixie ? 'sshd-trixie' : 'sshd');
  if (!program.available) throw new Error(`${program.name} is missing; ${program.reason}`);
  // sshd as root refuses to start without its empty directory, which a booted system would have made.
  if (!trixie && process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });

  const hostKeys = makeHostKeys();
  const offered = options.hostKeys ?? HOST_KEY_TYPES;
  const identity = keyPair('ed25519');
  const user = options.user?.name ?? userInfo().username;

  const dir = tempDir();
  // sshd reads authorized_keys with the rights of whoever logs in.
  chmodSync(dir.path, 0o755);
  const authorizedKeys = options.authorizedKeys ?? [identity.publicLine];
  const authorizedKeysFile = dir.write('authorized_keys', authorizedKeys.map((line) => `${line}\n`).join(''), 0o644);
  const passwords = options.user === undefined ? 'no' : 'yes';
  const config: Record<string, string | readonly string[]> = {
    ListenAddress: '127.0.0.1',
    HostKey: offered.map((type) => hostKeys[type].path),
    AuthorizedKeysFile: authorizedKeysFile,
    PidFile: 'none',
    LogLevel: 'DEBUG1',
    StrictModes: 'no',
    UsePAM: passwords,
    PermitRootLogin: 'yes',
    PasswordAuthentication: passwords,
    KbdInteractiveAuthentication: passwords,
    UseDNS: 'no',
    PrintMotd: 'no',
    PrintLastLog: 'no',
    AcceptEnv: 'LANG LC_* AMIKO_*',
    Subsystem: 'sftp internal-sftp',
    MaxStartups: '200',
    // Since 9.8 sshd shuts out addresses whose logins fail, and all our tests come from one address.
    ...(trixie ? { PerSourcePenalties: 'no' } : {}),
    ...options.config,
    ...sessionEnvironment(dir, options),
  };
  const lines = Object.entries(config).flatMap(([key, value]) => [value].flat().map((each) => `${key} ${each}\n`));
  const logFile = dir.join('log');
  const configFile = dir.write('sshd_config', `${lines.join('')}${options.extra ?? ''}\n`);

  try {
    // Not -e: with that, sessions inherit the log and its debug lines turn up in the output of commands.
    const { server, port } = await startOnFreePort(
      (free) =>
        startProcess(program.path, ['-D', '-E', logFile, '-f', configFile, '-p', String(free), ...(options.args ?? [])], {
          trixie,
          logFile,
        }),
      /Server listening on \S+ port \d+/,
    );
    return { ...peerServer({ server, port, offered, user, authorizedKeysFile, dir }), configFile };
  } catch (error) {
    await dir.remove();
    throw error;
  }
}

/**
 * The one SetEnv line, since sshd takes the first only. Sessions of whoever runs the tests get an empty home: bash reads ~/.bashrc even for
 * a command where sshd started it, and what that does is slow, may print, and may be left half done where a test cuts it off
 * (pyenv leaves a lock then, on which every later shell waits for a minute).
 */
function sessionEnvironment(dir: TempDir, { user, config = {} }: SshdOptions): Record<string, string> {
  if (user !== undefined) return {};
  mkdirSync(dir.join('home'), { mode: 0o755 });
  return { SetEnv: [`HOME=${dir.join('home')}`, config['SetEnv'] ?? []].flat().join(' ') };
}

export interface DropbearOptions {
  /** From {@link ensureTestUser} with the same `trixie`. Dropbear looks for keys in the user's home only. */
  readonly user: TestUser;
  readonly trixie?: boolean;
  readonly hostKeys?: readonly HostKeyType[];
  /** Lines of authorized_keys. Default the public key of `keyPair('ed25519')`. */
  readonly authorizedKeys?: readonly string[];
  readonly args?: readonly string[];
}

/** Starts dropbear on a free port of 127.0.0.1; it takes the user's password, too. */
export async function startDropbear(options: DropbearOptions): Promise<PeerServer> {
  const { user, trixie = false, hostKeys: offered = HOST_KEY_TYPES } = options;
  const program = peer(trixie ? 'dropbear-trixie' : 'dropbear');
  if (!program.available) throw new Error(`${program.name} is missing; ${program.reason}`);
  const hostKeys = makeHostKeys();
  const dir = tempDir();
  try {
    chmodSync(dir.path, 0o755);
    const keyArgs: string[] = [];
    for (const type of offered) {
      const file = dir.join(`host-${type}`);
      const converted = await runPeer('dropbearconvert', ['openssh', 'dropbear', hostKeys[type].path, file]);
      if (converted.code !== 0) throw new Error(`dropbearconvert: ${converted.stderr}`);
      keyArgs.push('-r', file);
    }
    const folder = join(user.home, '.ssh');
    const authorizedKeysFile = join(folder, 'authorized_keys');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const lines = options.authorizedKeys ?? [keyPair('ed25519').publicLine];
    writeFileSync(authorizedKeysFile, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
    for (const path of [folder, authorizedKeysFile]) chownSync(path, user.uid, user.gid);

    const args = ['-F', '-E', '-P', dir.join('pid'), ...keyArgs, ...(options.args ?? [])];
    const { server, port } = await startOnFreePort(
      (free) => startProcess(program.path, [...args, '-p', `127.0.0.1:${free}`], { trixie }),
      // It says so once it listens.
      /Not backgrounding/,
    );
    return peerServer({ server, port, offered, user: user.name, authorizedKeysFile, dir });
  } catch (error) {
    await dir.remove();
    throw error;
  }
}

const HOST_KEY_TYPES: readonly HostKeyType[] = ['ed25519', 'ecdsa', 'rsa'];

/** The same for all servers of a test process: RSA keys take long to make. */
function makeHostKeys(): Record<HostKeyType, KeyPair> {
  const make = (type: HostKeyType): KeyPair => keyPair(type, { name: 'host' });
  return { ed25519: make('ed25519'), ecdsa: make('ecdsa'), rsa: make('rsa') };
}

function peerServer(parts: {
  server: BackgroundProcess;
  port: number;
  offered: readonly HostKeyType[];
  user: string;
  authorizedKeysFile: string;
  dir: TempDir;
}): PeerServer {
  const { server, port, offered, user, authorizedKeysFile, dir } = parts;
  const identity = keyPair('ed25519');
  const hostKeys = makeHostKeys();
  const known = offered.map((type) => `[127.0.0.1]:${port} ${hostKeys[type].publicLine}\n`);
  const knownHostsFile = dir.write('known_hosts', known.join(''), 0o644);
  const stop = async (): Promise<void> => {
    await server.stop();
    await dir.remove();
  };
  return {
    ...server,
    host: '127.0.0.1',
    port,
    user,
    identity,
    hostKeys,
    knownHostsFile,
    authorizedKeysFile,
    dir,
    authorize: (line) => appendFileSync(authorizedKeysFile, `${line}\n`),
    sshArgs(extra = {}) {
      const settings = {
        UserKnownHostsFile: knownHostsFile,
        GlobalKnownHostsFile: '/dev/null',
        StrictHostKeyChecking: 'yes',
        IdentitiesOnly: 'yes',
        BatchMode: 'yes',
        ...extra,
      };
      const asOptions = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
      return ['-F', 'none', '-i', identity.path, ...asOptions, '-p', String(port), `${user}@127.0.0.1`];
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

// ---------------------------------------------------------------------------------------------------------------- users

export interface TestUser extends AsyncDisposable {
  readonly name: string;
  readonly password: string;
  /** Its home directory, as a path of this machine even when the user lives in the trixie tree. */
  readonly home: string;
  /** Its home directory as its own sessions see it. */
  readonly homeInside: string;
  readonly uid: number;
  readonly gid: number;
  remove(): Promise<void>;
}

/** Whether {@link ensureTestUser} can work here. */
export const canMakeUsers = process.platform === 'linux' && process.getuid?.() === 0;

const USER_NAME = /^amiko-test-(\d+)(-\d+)?$/;
let userCount = 0;

/**
 * Makes a system user with a password, for password and keyboard-interactive logins to a real sshd; removes the user, its
 * home and its group on dispose. Only root can. Users that a killed test process left are removed on the way.
 */
export async function ensureTestUser(options: { password?: string; trixie?: boolean; shell?: string } = {}): Promise<TestUser> {
  const { password = 'correct horse battery staple', trixie = false, shell = '/bin/sh' } = options;
  if (!canMakeUsers) throw new Error('only root can make users');
  const root = trixie ? trixieRoot : '/';
  const inside = (command: string, args: string[]): [string, string[]] =>
    trixie ? ['chroot', [root, command, ...args]] : [command, args];
  const passwd = (): string[][] =>
    readFileSync(join(root, 'etc/passwd'), 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  // -f: also when sshd has not yet noticed that a session of that user is over. The mail spool it cannot find is no error.
  const removal = (name: string): [string, string[]] => inside('/usr/sbin/userdel', ['-r', '-f', name]);

  for (const [stale = ''] of passwd()) {
    const owner = USER_NAME.exec(stale)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) spawnSync(...removal(stale));
  }

  const name = `amiko-test-${process.pid}${userCount === 0 ? '' : `-${userCount}`}`;
  userCount += 1;
  const forget = atExit(() => spawnSync(...removal(name)));
  const added = await run(...inside('/usr/sbin/useradd', ['-m', '-U', '-s', shell, name]));
  if (added.code !== 0) throw new Error(`useradd: ${added.stderr}`);
  const set = await run(...inside('/usr/sbin/chpasswd', []), { input: `${name}:${password}\n` });
  if (set.code !== 0) throw new Error(`chpasswd: ${set.stderr}`);
  const [, , uid, gid, , homeInside = ''] = passwd().find((fields) => fields[0] === name) ?? [];
  const remove = async (): Promise<void> => {
    forget();
    await run(...removal(name));
  };
  return {
    name,
    password,
    home: join(root, homeInside),
    homeInside,
    uid: Number(uid),
    gid: Number(gid),
    remove,
    [Symbol.asyncDispose]: remove,
  };
}

// ----------------------------------------------------------------------------------------------------------------- data

/** The SHA-256 of the bytes, in hex. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** `length` bytes that look random and are the same for the same seed: the key stream of AES-128-CTR. */
export function randomBytes(length: number, seed: number | string = 0): Buffer {
  const key = createHash('sha256').update(`amiko ${seed}`).digest();
  return createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16)).update(Buffer.alloc(length));
}
