// A connection that is logged in, as most programs want it: run commands, open shells and SFTP, close. Built on Transport, never
// around it; everything that Transport can do is at hand through `client.transport`.

import { decodeText, encodeUtf8 } from '../bytes/bytes.ts';
import { ChannelRequestError, ExecError, type ExecResult } from '../errors.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import type { SFTPChannelOptions } from '../sftp/client/connecting.ts';
import type { SFTPClient } from '../sftp/client/sftp-client.ts';
import type { Channel, PtyOptions } from '../transport/channel.ts';
import type { AgentHandler } from '../transport/client-side.ts';
import type { Transport } from '../transport/transport.ts';
import { guardClient } from './option-kinds.ts';

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

const MAX_OUTPUT = 64 * 1024 * 1024;

/** An agent that sessions get to use. */
export interface ForwardedAgent {
  readonly handler: AgentHandler;
  /** A server that refuses is an error: the caller has asked for it, and not only a file. */
  readonly required: boolean;
}

/** A connection that is logged in. Close it, or use `await using`. */
export class Client implements AsyncDisposable {
  readonly transport: Transport;
  readonly #agent: ForwardedAgent | null;
  #agentGranted = false;
  /** Settles when what the connection runs over is closed, too. */
  readonly #released: Promise<void>;

  static {
    guardClient(Client.prototype);
  }

  /** @internal `release` closes what the connection runs over, once it has ended; `agent` is forwarded to every session. */
  constructor(transport: Transport, release: () => Promise<void> = async () => {}, agent: ForwardedAgent | null = null) {
    this.transport = transport;
    this.#agent = agent;
    this.#released = transport.closed.then(release);
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
      await this.#forwardAgent(channel, call);
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
      await this.#forwardAgent(channel, call);
      if (pty !== null) await channel.getPty({ ...pty, ...call });
      await channel.invokeShell(call);
      return channel;
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  /** Files on the server: see `Transport.openSftpClient`. Close it when you are done, or close the connection. */
  sftp(options: SFTPChannelOptions = {}): Promise<SFTPClient> {
    return this.transport.openSftpClient(options);
  }

  async #forwardAgent(channel: Channel, call: CallOptions): Promise<void> {
    if (this.#agent === null) return;
    try {
      await channel.requestForwardAgent(this.#agent.handler, call);
      this.#agentGranted = true;
    } catch (error) {
      // OpenSSH's sshd grants it once in a connection, and then every session has it.
      if (!(error instanceof ChannelRequestError) || (this.#agent.required && !this.#agentGranted)) throw error;
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

  /** Closes the connection, and the jump hosts or the proxy command that it was made through. Never fails. */
  async close(): Promise<void> {
    await this.transport.close();
    await this.#released;
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
