// The session channels of a server that lets its users run commands: RFC 4254 section 6 on top of processes. Who may log in is
// left to a subclass; what may be done is an option, and everything is off by default.

import { existsSync } from 'node:fs';
import type { Channel } from '../transport/channel.ts';
import { ServerInterface } from '../transport/server-interface.ts';
import type { TerminalModes } from '../transport/terminal-modes.ts';
import {
  AcceptedEnvironment,
  type Account,
  accountEnvironment,
  connectionEnvironment,
  type Endpoints,
  invokingAccount,
  utf8,
} from './environment.ts';
import { everything, type Grant, isInternalSftp } from './grant.ts';
import { type ChannelProcess, type Program, runProcess } from './process.ts';
import { loadTerminals, runOnTerminal, type TerminalRequest } from './terminal.ts';

/** What was started on a channel. The command itself is not part of it: it may hold secrets, and this is for logs. */
export interface SessionStart {
  readonly channel: Channel;
  readonly request: 'exec' | 'shell';
  /** Whether it runs on a terminal. */
  readonly terminal: boolean;
}

export interface ProcessServerOptions {
  /** Lets users run commands, with `/bin/sh -c`. */
  readonly exec?: boolean;
  /** Lets users start a shell, and run commands. */
  readonly shell?: boolean;
  /** Lets users open sessions for the subsystems that `Transport.setSubsystemHandler` was called for. */
  readonly subsystems?: boolean;
  /** Variables that clients may set, as patterns with `*` and `?`. Default none. */
  readonly acceptEnv?: readonly string[];
  /** Home directory, name and shell of the user that it all runs as; default the one that the server runs as. */
  readonly account?: Account;
  /** Milliseconds that programs have to end in when their channel has closed. Default 2 s. */
  readonly killGrace?: number;
  readonly onSession?: (session: SessionStart) => void;
}

interface Session {
  readonly environment: AcceptedEnvironment;
  terminal: TerminalRequest | null;
  /** Why there is no terminal, where one was asked for. */
  refusal: string | null;
  process: ChannelProcess | null;
}

const KILL_GRACE = 2_000;

/**
 * A ServerInterface whose sessions run programs of this machine, as the user that the server runs as. Everybody is denied
 * the login: subclass it and override the `checkAuth...` methods.
 *
 * @example
 * class MyServer extends ProcessServer {
 *   override getAllowedAuths() { return ['publickey']; }
 *   override checkAuthPublickey(user: string, key: PublicKey) { return key.equals(mine) ? 'successful' : 'failed'; }
 * }
 * createServer({ hostKeys, server: (connection) => new MyServer(connection, { exec: true }) });
 */
export class ProcessServer extends ServerInterface {
  readonly #endpoints: Endpoints;
  readonly #options: ProcessServerOptions;
  readonly #account: Account;
  readonly #sessions = new WeakMap<Channel, Session>();
  readonly #running = new Set<Promise<void>>();

  /** @param endpoints The addresses of the connection, for SSH_CLIENT and SSH_CONNECTION. */
  constructor(endpoints: Endpoints, options: ProcessServerOptions = {}) {
    super();
    this.#endpoints = endpoints;
    this.#options = options;
    this.#account = options.account ?? invokingAccount();
  }

  /** Resolves when every program that was started has ended. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** What the user may do, once logged in; override it where that depends on how. Default everything that the options allow. */
  protected get grant(): Grant {
    return everything;
  }

  override checkChannelRequest(kind: string): boolean {
    return kind === 'session' && (this.#runsPrograms || this.#options.subsystems === true);
  }

  /** Where only subsystems are allowed, sessions can be opened, and no program may start on them. */
  get #runsPrograms(): boolean {
    return this.#options.exec === true || this.#options.shell === true;
  }

  override checkChannelPtyRequest(
    channel: Channel,
    term: string,
    columns: number,
    rows: number,
    _pixelWidth: number,
    _pixelHeight: number,
    modes: TerminalModes,
  ): boolean {
    if (!this.#runsPrograms || !this.grant.pty) return false;
    const session = this.#session(channel);
    const terminals = loadTerminals();
    if (typeof terminals === 'string') {
      session.refusal = terminals;
      return false;
    }
    session.terminal = { term, columns, rows, modes };
    return true;
  }

  override checkChannelEnvRequest(channel: Channel, name: string, value: Uint8Array): boolean {
    return this.#runsPrograms && this.#session(channel).environment.set(name, value);
  }

  override checkChannelExecRequest(channel: Channel, command: Uint8Array): boolean {
    if (!this.#runsPrograms || this.#onlySftp) return false;
    // Node passes arguments as UTF-8; another encoding would run something else than what was asked for.
    const text = utf8(command);
    if (text === null) return false;
    this.#exec(channel, text);
    return true;
  }

  /**
   * Whether whatever serves SFTP here does what this forced `internal-sftp` says. Default: only where it has no arguments, which are
   * for limiting it.
   */
  protected obeysInternalSftp(command: string): boolean {
    return command === 'internal-sftp';
  }

  /** The forced command is SFTP of our own: no program runs, whatever is asked for. */
  get #onlySftp(): boolean {
    return isInternalSftp(this.grant.command ?? '');
  }

  /** A forced command is run for subsystems, too: whatever the client asks for. */
  override checkChannelSubsystemRequest(
    channel: Channel,
    name: string,
  ): ReturnType<ServerInterface['checkChannelSubsystemRequest']> {
    const { command } = this.grant;
    if (command === null) return super.checkChannelSubsystemRequest(channel, name);
    if (this.#onlySftp) {
      return name === 'sftp' && this.obeysInternalSftp(command) && super.checkChannelSubsystemRequest(channel, name);
    }
    if (!this.#runsPrograms) return false;
    this.#exec(channel, name);
    return true;
  }

  override checkChannelShellRequest(channel: Channel): boolean {
    if (this.#onlySftp) return false;
    if (this.grant.command !== null && this.#runsPrograms) {
      this.#exec(channel, null);
      return true;
    }
    if (this.#options.shell !== true) return false;
    const { shell } = this.#account;
    const login = `-${shell.slice(shell.lastIndexOf('/') + 1)}`;
    // A terminal is entered through /bin/sh, which cannot give a program another name, so there it is told by option.
    const onTerminal = this.#session(channel).terminal !== null;
    this.#start(channel, 'shell', onTerminal ? { file: shell, args: ['-l'] } : { file: shell, args: [], argv0: login });
    return true;
  }

  override checkChannelWindowChangeRequest(channel: Channel, columns: number, rows: number): boolean {
    return this.#sessions.get(channel)?.process?.resize(columns, rows) ?? false;
  }

  override checkChannelSignalRequest(channel: Channel, signal: string): boolean {
    return this.#sessions.get(channel)?.process?.signal(signal) ?? false;
  }

  /** Variables for the program on a channel, besides the usual ones; they win over what the client has asked for. */
  protected environmentFor(_channel: Channel): Readonly<Record<string, string>> {
    return {};
  }

  /** What the client asked for, or what is forced on it. Null: a shell. */
  #exec(channel: Channel, asked: string | null): void {
    const { command } = this.grant;
    const original: Record<string, string> = command === null || asked === null ? {} : { SSH_ORIGINAL_COMMAND: asked };
    this.#start(channel, 'exec', { file: '/bin/sh', args: ['-c', command ?? asked ?? ''] }, original);
  }

  #session(channel: Channel): Session {
    let session = this.#sessions.get(channel);
    if (session === undefined) {
      const environment = new AcceptedEnvironment(this.#options.acceptEnv ?? []);
      session = { environment, terminal: null, refusal: null, process: null };
      this.#sessions.set(channel, session);
    }
    return session;
  }

  #start(
    channel: Channel,
    request: 'exec' | 'shell',
    what: Pick<Program, 'file' | 'args' | 'argv0'>,
    variables: Readonly<Record<string, string>> = {},
  ): void {
    const session = this.#session(channel);
    const { terminal, refusal, environment } = session;
    const program: Program = {
      ...what,
      // An account without a home can still be used, as with OpenSSH.
      cwd: existsSync(this.#account.home) ? this.#account.home : '/',
      env: {
        ...environment.entries(),
        ...accountEnvironment(this.#account),
        // "Environment variables set this way override other default environment values" (sshd(8)).
        ...this.grant.environment,
        ...this.environmentFor(channel),
        ...connectionEnvironment(this.#endpoints),
        ...variables,
      },
      killGrace: this.#options.killGrace ?? KILL_GRACE,
    };
    this.#options.onSession?.({ channel, request, terminal: terminal !== null });
    // After the answer to the request: a client may take what comes before it amiss.
    queueMicrotask(() => {
      if (channel.isClosed) return;
      const terminals = terminal === null ? null : loadTerminals();
      if (terminal !== null && terminals !== null && typeof terminals !== 'string') {
        session.process = runOnTerminal(terminals, channel, program, terminal);
      } else {
        if (refusal !== null) channel.writeStderr(`amiko: no terminal: ${refusal}\r\n`).catch(() => {});
        session.process = runProcess(channel, program);
      }
      const running: Promise<void> = session.process.ended.finally(() => this.#running.delete(running));
      this.#running.add(running);
    });
  }
}
