// The agent itself: a keyring behind a socket, for as long as a command runs or until a signal. The socket and its folder are gone
// afterwards, whatever the end was, and the keys with the process.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { type AgentServer, type KeyConstraints, Keyring, listenAgent } from '../../agent.ts';
import { UsageError } from '../../errors.ts';
import type { Signer } from '../../keys/signer.ts';
import { parseOptions } from '../getopt.ts';
import { parseDuration } from '../keygen/validity.ts';
import { Failure } from '../verb.ts';
import { confirmUse } from './confirm.ts';
import { usage } from './usage.ts';

const TABLE = { a: 'value', t: 'value', c: 'flag', s: 'flag', D: 'flag', help: 'flag' } as const;

const NOT_SUPPORTED = {
  d: 'debugging',
  E: 'hashes',
  k: 'ending an agent; send it a signal',
  O: 'options',
  P: 'PKCS#11',
};

/** Keys that stay no longer than this unless they come with a lifetime of their own. */
class LimitedKeyring extends Keyring {
  readonly #lifetime: number | null;

  /** @param lifetime Seconds */
  constructor(lifetime: number | null) {
    super({ onConfirm: confirmUse });
    this.#lifetime = lifetime;
  }

  override add(signer: Signer, options: KeyConstraints & { comment?: string } = {}): void {
    super.add(signer, { ...(this.#lifetime !== null && { lifetime: this.#lifetime }), ...options });
  }
}

/** Serves an agent. Resolves with the command's exit status, or 0 after a signal. */
export async function serve(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, TABLE, { notSupported: NOT_SUPPORTED, stopAtOperand: true });
  if (options.has('help')) {
    process.stdout.write(usage);
    return 0;
  }
  const [command, ...rest] = options.operands;
  const lifetime = options.value('t') === null ? null : lifetimeOf(options.value('t') as string);
  const keyring = new LimitedKeyring(lifetime);
  // Before there is anything that would stay behind.
  const stop = stopSignal();
  let place: Place | null = null;
  let server: AgentServer | null = null;
  try {
    place = await placeFor(options.value('a'));
    server = await listenAgent(keyring, place.path);
    if (stop.came) return 0;
    // From here on signals are the command's.
    if (command !== undefined) return await runCommand(command, rest, place.path, stop.forget);
    process.stdout.write(announcement(place.path, options.has('c')));
    await stop.signal;
    return 0;
  } finally {
    stop.forget();
    await server?.close();
    keyring.removeAll();
    place?.remove();
  }
}

/** Seconds. @throws UsageError */
export function lifetimeOf(text: string): number {
  const seconds = parseDuration(text);
  if (seconds < 1 || seconds > 0xffff_ffff)
    throw new UsageError(`-t is a time of at least a second and at most 136 years, not '${text}'`);
  return seconds;
}

/** What a shell has to be told, in the words of ssh-agent. */
function announcement(path: string, csh: boolean): string {
  const quoted = /^[\w./:\\-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  const { pid } = process;
  const lines = csh
    ? [`setenv SSH_AUTH_SOCK ${quoted};`, `setenv SSH_AGENT_PID ${pid};`]
    : [`SSH_AUTH_SOCK=${quoted}; export SSH_AUTH_SOCK;`, `SSH_AGENT_PID=${pid}; export SSH_AGENT_PID;`];
  return `${[...lines, `echo Agent pid ${pid};`].join('\n')}\n`;
}

interface Place {
  readonly path: string;
  remove(): void;
}

async function placeFor(named: string | null): Promise<Place> {
  if (named === '') throw new UsageError('-a needs the path of a socket');
  if (named !== null) return { path: process.platform === 'win32' ? named : resolvePath(named), remove: () => {} };
  if (process.platform === 'win32') {
    return { path: `\\\\.\\pipe\\amiko-agent-${randomBytes(16).toString('hex')}`, remove: () => {} };
  }
  // Nobody else can enter it, so nobody else can reach the socket, whatever a system thinks of the rights of sockets.
  const folder = await mkdtemp(join(tmpdir(), 'amiko-agent-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  return {
    path: join(folder, `agent.${process.pid}`),
    remove: () => {
      process.off('exit', remove);
      remove();
    },
  };
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface StopSignal {
  readonly signal: Promise<void>;
  readonly came: boolean;
  /** Signals have their usual effect again. */
  forget(): void;
}

/** The first signal that ends programs. */
function stopSignal(): StopSignal {
  let came = false;
  let stop = () => {};
  const signal = new Promise<void>((resolve) => {
    stop = () => {
      came = true;
      resolve();
    };
  });
  for (const name of SIGNALS) process.on(name, stop);
  const forget = () => {
    for (const name of SIGNALS) process.off(name, stop);
  };
  return {
    signal,
    get came() {
      return came;
    },
    forget,
  };
}

/** Runs a command with the agent; signals are the command's once it runs. */
function runCommand(command: string, args: readonly string[], path: string, running: () => void): Promise<number> {
  const env = { ...process.env, SSH_AUTH_SOCK: path, SSH_AGENT_PID: String(process.pid) };
  const child = spawn(command, args, { stdio: 'inherit', env });
  // ^C goes to it as well, from the terminal; what was sent to us alone has to be passed on.
  const handlers = SIGNALS.map((signal) => [signal, () => void (signal === 'SIGINT' || child.kill(signal))] as const);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  running();
  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(Object.assign(new Failure(`cannot run ${command}: ${error.message}`), { cause: error })),
    );
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  }).finally(() => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  });
}
