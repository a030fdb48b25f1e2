// `amiko ssh`: connect, check the host's key, log in, run a session. This file is the order of these steps and what happens when
// one of them ends otherwise: by an error (255), by a signal (128 + n) or by the user (`~.`).

import { constants, homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { chooseAlgorithms } from '../../algorithms/policy.ts';
import { verifyHostKey } from '../../client/host-key-policy.ts';
import { KnownHosts } from '../../client/known-hosts.ts';
import { HostKeyError, SSHError, SSHTimeoutError, UsageError } from '../../errors.ts';
import type { VerifyHostKey } from '../../transport/options.ts';
import { Transport } from '../../transport/transport.ts';
import { VERSION } from '../../transport/version.ts';
import { Asking } from './asking.ts';
import { authenticate } from './authenticate.ts';
import { startForwards } from './forwarding.ts';
import { usage } from './help.ts';
import { Log } from './log.ts';
import { parseArguments, type SshOptions } from './options.ts';
import { runSession } from './session.ts';
import { runStdioForward } from './stdio-forward.ts';
import { Terminal } from './terminal.ts';

const DEFAULT_PORT = 22;
const FAILED = 255;
const WRONG_USAGE = 2;
/** How long a person may take to compare fingerprints, milliseconds: as long as a server waits for a login. */
const PERSON_TIMEOUT = 120_000;
/** How long an orderly end may take, milliseconds. */
const CLOSE_TIMEOUT = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs `amiko ssh` with the arguments after `ssh`; resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let options: SshOptions;
  try {
    const invocation = parseArguments(args);
    if (invocation.kind !== 'connect') {
      process.stdout.write(invocation.kind === 'help' ? usage() : `amiko ${VERSION}\n`);
      return 0;
    }
    options = invocation.options;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`amiko ssh: ${error.message}\nTry 'amiko ssh --help'.\n`);
    return WRONG_USAGE;
  }
  const log = new Log(options);
  const terminal = new Terminal();
  // A log line that cannot be written is no reason to die.
  process.stderr.on('error', () => {});
  process.stdout.on('error', () => {});
  return withSignals(terminal, log, (connection) => connect(options, connection, terminal, log));
}

/** What a signal has to close. */
interface Connection {
  transport: Transport | null;
  /** A signal came: whatever breaks now breaks because of it. */
  signalled: boolean;
}

/** Runs `work`; a signal ends it, the connection and raw mode, and becomes the exit status. */
async function withSignals(terminal: Terminal, log: Log, work: (connection: Connection) => Promise<number>): Promise<number> {
  const connection: Connection = { transport: null, signalled: false };
  let signalled = (_status: number) => {};
  const bySignal = new Promise<number>((resolve) => {
    signalled = resolve;
  });
  const handlers = SIGNALS.map((signal) => {
    const handler = async () => {
      connection.signalled = true;
      terminal.restore();
      log.raw = false;
      log.debug(1, `${signal}: closing`);
      const { transport } = connection;
      await Promise.race([transport?.close({ timeout: CLOSE_TIMEOUT }), timeout(CLOSE_TIMEOUT)]);
      signalled(128 + constants.signals[signal]);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  try {
    const worked = work(connection).then((status) => (connection.signalled ? bySignal : status));
    return await Promise.race([bySignal, worked]);
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
}

function timeout(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}

async function connect(options: SshOptions, connection: Connection, terminal: Terminal, log: Log): Promise<number> {
  const { host, port = DEFAULT_PORT, user = userInfo().username } = options;
  let transport: Transport | null = null;
  let escaped = false;
  try {
    const asking = new Asking({ batchMode: options.batchMode ?? false });
    const hostKeys = await hostKeyCheck(options, asking, log);
    transport = newTransport(options, hostKeys.algorithms, asking, log);
    connection.transport = transport;
    await handshake(transport, hostKeys.verify, options);
    await authenticate(transport, { ...options, user, host }, asking, log);
    if (options.serverAliveIntervalSeconds) {
      transport.setKeepalive(1_000 * options.serverAliveIntervalSeconds, { countMax: options.serverAliveCountMax ?? 3 });
    }
    const forwards = await startForwards(transport, options, log);
    if (options.stdioForward !== undefined) return await runStdioForward(transport, options.stdioForward, options, log);
    if (options.noSession) throw (await transport.closed).error;
    const status = await runSession(transport, options, terminal, log, () => {
      escaped = true;
    });
    await forwards.drained();
    return status;
  } catch (error) {
    terminal.restore();
    if (escaped) log.notice(`The connection to ${host} has been closed.`);
    else if (!connection.signalled) log.error(explain(error, host, port));
    return FAILED;
  } finally {
    await transport?.close({ timeout: CLOSE_TIMEOUT });
  }
}

function newTransport(options: SshOptions, hostKeyAlgorithms: string, asking: Asking, log: Log): Transport {
  const { host, port = DEFAULT_PORT, family, rekey } = options;
  const transport = new Transport(
    { host, port, family },
    {
      algorithms: { ...options.algorithms, keys: hostKeyAlgorithms },
      ...(rekey && { rekey }),
      // Answers come from people, who take their time; a server that gives up says so.
      timeouts: { auth: 0, ...(asking.atTerminal && { handshake: PERSON_TIMEOUT }) },
      log: (level, message) => log.debug(level, message),
    },
  );
  if (options.compression !== undefined) transport.useCompression(options.compression);
  return transport;
}

/** Connects and exchanges keys. ConnectTimeout counts from the start to the host's key: not the time that a person thinks about it. */
async function handshake(transport: Transport, verify: VerifyHostKey, { connectTimeoutSeconds }: SshOptions): Promise<void> {
  const milliseconds = 1_000 * (connectTimeoutSeconds ?? 0);
  const controller = new AbortController();
  const timer =
    milliseconds > 0
      ? setTimeout(() => controller.abort(new SSHTimeoutError('connecting', milliseconds)), milliseconds)
      : undefined;
  try {
    await transport.startClient({
      signal: controller.signal,
      verifyHostKey: (key) => {
        clearTimeout(timer);
        return verify(key);
      },
    });
  } finally {
    clearTimeout(timer);
  }
}

/** How the host's key is checked, and which algorithms to offer for it. */
async function hostKeyCheck(
  options: SshOptions,
  asking: Asking,
  log: Log,
): Promise<{ verify: VerifyHostKey; algorithms: string }> {
  const { host, port = DEFAULT_PORT, strictHostKeyChecking: strict = 'ask', hashKnownHosts: hash } = options;
  const userFiles = options.userKnownHostsFiles ?? [join(homedir(), '.ssh', 'known_hosts')];
  const globalFiles = options.globalKnownHostsFiles ?? ['/etc/ssh/ssh_known_hosts'];
  const files = [...userFiles, ...globalFiles].filter((file) => file !== 'none');
  const knownHosts = await readKnownHosts(files, log);
  const [file] = userFiles.filter((name) => name !== 'none');
  const verify = verifyHostKey(
    { host, port },
    {
      knownHosts,
      strict,
      ...(file !== undefined && { file }),
      ...(hash !== undefined && { hash }),
      ...(asking.atTerminal && { ask: (text) => asking.askPerson(text) }),
      notify: (message) => log.notice(message),
    },
  );
  const { keys: chosen } = options.algorithms;
  // An exact list is a choice of order, too.
  if (chosen !== undefined && !'+-^'.includes(chosen[0] as string)) return { verify, algorithms: chosen };
  return { verify, algorithms: knownHosts.preferredAlgorithms(host, port, chooseAlgorithms(options.algorithms).keys) };
}

async function readKnownHosts(files: readonly string[], log: Log): Promise<KnownHosts> {
  log.debug(1, `known hosts are read from ${files.join(', ')}`);
  try {
    return await KnownHosts.read(files, (message) => log.debug(1, message));
  } catch (error) {
    throw new SSHError(
      'ERR_SSH_HOST_KEY',
      `the known hosts cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** One line that says what went wrong and, where there is something to do about it, what. */
function explain(error: unknown, host: string, port: number): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof HostKeyError && error.reason === 'unknown') {
    return `${message}. Compare the fingerprint, then connect from a terminal and say yes, or with -o StrictHostKeyChecking=accept-new`;
  }
  // An internal error looks like one, and tells where.
  if (!(error instanceof SSHError)) return `internal error: ${error instanceof Error ? (error.stack ?? message) : message}`;
  return message.includes(host) ? message : `${host} port ${port}: ${message}`;
}
