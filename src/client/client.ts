// The short way to run commands on another machine: connect, exec, close. Built on Transport, never around it; everything that
// Transport can do is at hand through `client.transport`.

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { defaultAlgorithms } from '../algorithms/registry.ts';
import { decodeText, encodeUtf8 } from '../bytes/bytes.ts';
import { AuthenticationError, BadAuthenticationTypeError, ExecError, type ExecResult, GssError, UsageError } from '../errors.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import type { Signer } from '../keys/signer.ts';
import type { Channel, PtyOptions } from '../transport/channel.ts';
import type { InteractiveHandler, ConnectOptions as TransportConnectOptions, TransportOptions } from '../transport/options.ts';
import { Transport } from '../transport/transport.ts';
import { verifyHostKey } from './host-key-policy.ts';
import { KnownHosts } from './known-hosts.ts';

export interface ConnectOptions extends CallOptions, TransportOptions {
  readonly host: string;
  /** Default 22. */
  readonly port?: number;
  readonly username: string;
  readonly password?: string;
  /** One key or several, tried in order. */
  readonly privateKey?: Signer | readonly Signer[];
  /** Answers questions of the server (keyboard-interactive) where a password is not what it wants. */
  readonly onQuestions?: InteractiveHandler;
  /**
   * Which host key is right. By default the server must be in `~/.ssh/known_hosts` or `/etc/ssh/ssh_known_hosts`. A key,
   * several, a function, or `'ignore'` replace that.
   */
  readonly hostKey?: TransportConnectOptions['hostKey'];
  /** Log in by Kerberos, before anything else: by the key exchange where `gssKex` made it one of GSS-API, else by gssapi-with-mic. */
  readonly gssAuth?: boolean;
  /** The host's name in Kerberos, where it is not `host`. DNS is not asked. */
  readonly gssHost?: string;
  /** A stream to use in place of a TCP connection; `host` then only names the server in known_hosts. */
  readonly sock?: Duplex;
  /** Silence in milliseconds after which the server is asked for a sign of life; three without an answer end it. Default 15 s, 0 for never. */
  readonly keepalive?: number;
}

export interface ExecOptions extends CallOptions {
  /** What the command reads; nothing by default. */
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Variables; servers refuse most names. */
  readonly env?: Readonly<Record<string, string>>;
  /** Give it a terminal. */
  readonly pty?: PtyOptions;
  /** Reject with ExecError unless it exits with 0. Default true. */
  readonly check?: boolean;
  /** Bytes of stdout and of stderr each, above which the call fails. Default 64 MiB. */
  readonly maxOutput?: number;
}

const GLOBAL_KNOWN_HOSTS = '/etc/ssh/ssh_known_hosts';
const KEEPALIVE = 15_000;
const MAX_OUTPUT = 64 * 1024 * 1024;

/**
 * Connects, checks the host key, logs in. Tries the keys, then the password, then the questions, as far as the server wants
 * them; several steps in a row where it wants more than one.
 * @throws HostKeyError, AuthenticationError (with everything that was tried), and what `Transport.connect` throws
 *
 * @example
 * await using ssh = await connect({ host: 'example.com', username: 'me', privateKey: await readPrivateKey('id_ed25519') });
 * const { stdout } = await ssh.exec('uname -a');
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { host, port = 22, username, hostKey, sock, keepalive = KEEPALIVE, timeout, signal, ...transportOptions } = options;
  const { gssAuth = false, gssHost = host, gssKex = false } = options;
  const call: CallOptions = { ...(timeout !== undefined && { timeout }), ...(signal !== undefined && { signal }) };
  if (!username) throw new UsageError('connect needs a username');
  const known =
    hostKey === undefined ? await KnownHosts.read([join(homedir(), '.ssh', 'known_hosts'), GLOBAL_KNOWN_HOSTS]) : null;
  const { keys } = defaultAlgorithms(transportOptions.policy);
  // The known keys' algorithms first, or the server would come with another of its keys; the caller's own list wins.
  const algorithms = {
    ...(known !== null && { keys: known.preferredAlgorithms(host, port, keys) }),
    ...transportOptions.algorithms,
  };
  const transport = new Transport(sock ?? [host, port], { ...transportOptions, algorithms });
  try {
    await transport.setGssHost(gssHost, { trustDns: false, gssapiRequested: gssAuth || gssKex !== false });
    await transport.connect({ ...call, hostKey: hostKey ?? verifyHostKey({ host, port }, { knownHosts: known as KnownHosts }) });
    await logIn(transport, options, call);
    transport.setKeepalive(keepalive);
    return new Client(transport);
  } catch (error) {
    transport.destroy();
    throw error;
  }
}

async function logIn(transport: Transport, options: ConnectOptions, call: CallOptions): Promise<void> {
  const { username, password, privateKey, onQuestions } = options;
  const ways: { method: string; run: () => Promise<readonly string[]> }[] = [];
  if (options.gssAuth === true) {
    const keyex = transport.negotiated?.kex.startsWith('gss-') === true;
    if (keyex) ways.push({ method: 'gssapi-keyex', run: () => transport.authGssapiKeyex(username, call) });
    else ways.push({ method: 'gssapi-with-mic', run: () => transport.authGssapiWithMic(username, null, undefined, call) });
  }
  for (const key of [privateKey ?? []].flat() as Signer[]) {
    ways.push({ method: 'publickey', run: () => transport.authPublickey(username, key, call) });
  }
  if (password !== undefined) ways.push({ method: 'password', run: () => transport.authPassword(username, password, call) });
  if (onQuestions !== undefined) {
    ways.push({ method: 'keyboard-interactive', run: () => transport.authInteractive(username, onQuestions, call) });
  }
  if (ways.length === 0) ways.push({ method: 'none', run: () => transport.authNone(username, call) });
  /** What the server takes, once it has said so. */
  let allowed: readonly string[] | null = null;
  let failure: AuthenticationError | GssError | null = null;
  for (const { method, run } of ways) {
    const byQuestion = method === 'password' && allowed?.includes('keyboard-interactive');
    if (allowed !== null && !allowed.includes(method) && !byQuestion) continue;
    try {
      allowed = await run();
      if (allowed.length === 0) return;
      failure = null;
    } catch (error) {
      // No ticket: the server has not heard of it.
      if (error instanceof GssError) {
        failure = error;
        continue;
      }
      if (!(error instanceof AuthenticationError)) throw error;
      if (!(error instanceof BadAuthenticationTypeError) || failure === null) failure = error;
      allowed = error.allowedTypes;
    }
  }
  const attempts = transport.authAttempts;
  if (failure instanceof GssError && attempts.length === 0) throw failure;
  const tried = attempts.map(({ method, key, result }) => `${method}${key ? ` ${key}` : ''}: ${result}`).join('; ');
  const wants = allowed === null || allowed.length === 0 ? 'nothing else' : allowed.join(', ');
  throw new AuthenticationError(`could not log in as '${username}': tried ${tried}; the server would take ${wants}`, {
    attempts,
    allowedTypes: allowed ?? [],
    cause: failure,
  });
}

/** A connection that is logged in. Close it, or use `await using`. */
export class Client implements AsyncDisposable {
  readonly transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.transport = transport;
  }

  /**
   * Runs a command and collects what it prints. An abort or time limit sends it TERM and closes its channel.
   * @throws ExecError unless it exits with 0 (see `check`); ChannelRequestError if the server refuses to run it
   */
  exec(command: string, options: ExecOptions = {}): Promise<ExecResult> {
    const stop = new AbortController();
    return waitFor<ExecResult>('the command', options, ({ resolve, reject }) => {
      this.#collect(command, options, stop.signal).then(resolve, reject);
      return () => stop.abort();
    });
  }

  /** Starts a command and returns its channel, to stream from and to. */
  async spawn(command: string, options: Pick<ExecOptions, 'env' | 'pty' | 'signal' | 'timeout'> = {}): Promise<Channel> {
    const { env, pty, signal, timeout } = options;
    const call: CallOptions = { ...(signal !== undefined && { signal }), ...(timeout !== undefined && { timeout }) };
    const channel = await this.transport.openSession(call);
    try {
      if (env !== undefined) channel.updateEnvironment(env);
      if (pty !== undefined) await channel.getPty({ ...pty, ...call });
      await channel.execCommand(command, call);
      return channel;
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  /** Starts the user's shell, with a terminal unless `pty` is null. */
  async shell(options: CallOptions & { pty?: PtyOptions | null } = {}): Promise<Channel> {
    const { pty = {}, ...call } = options;
    const channel = await this.transport.openSession(call);
    try {
      if (pty !== null) await channel.getPty({ ...pty, ...call });
      await channel.invokeShell(call);
      return channel;
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  async #collect(command: string, options: ExecOptions, signal: AbortSignal): Promise<ExecResult> {
    const { input, check = true, maxOutput = MAX_OUTPUT, env, pty } = options;
    const channel = await this.spawn(command, { signal, ...(env && { env }), ...(pty && { pty }) });
    try {
      const [stdoutBytes, stderrBytes] = await Promise.all([
        channel.stdout.readAll(maxOutput, { signal }),
        channel.stderr.readAll(maxOutput, { signal }),
        feed(channel, input),
      ]);
      const { code, signal: killedBy, message } = await channel.exited;
      const [stdout, stderr] = [decodeText(stdoutBytes), decodeText(stderrBytes)];
      const result: ExecResult = { command, code, signal: killedBy, message, stdout, stderr, stdoutBytes, stderrBytes };
      if (check && code !== 0) throw new ExecError(result);
      return result;
    } catch (error) {
      // The command would go on without anybody to hear it (a server that ignores signals leaves it to the closed channel).
      if (!(error instanceof ExecError)) channel.sendSignal('TERM');
      throw error;
    } finally {
      channel.close();
    }
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Over with the channel at the latest: a command that has ended must not wait for input that does not come. */
async function feed(channel: Channel, input: ExecOptions['input']): Promise<void> {
  await Promise.race([write(channel, input), channel.closed]);
}

async function write(channel: Channel, input: ExecOptions['input']): Promise<void> {
  try {
    if (typeof input === 'string') await channel.write(encodeUtf8(input));
    else if (input instanceof Uint8Array) await channel.write(input);
    else if (input !== undefined) for await (const chunk of input) await channel.write(chunk);
  } catch (error) {
    // A command that ends without reading everything is no failure; a connection that breaks shows up where its output is read.
    if (!channel.isClosed) throw error;
  }
  channel.shutdownWrite();
}
