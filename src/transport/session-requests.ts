// What we ask for on a channel (RFC 4254 section 6), from values to payloads: a client's requests for a session, and what a server
// says about the command's end. What is asked for with an answer rejects where it is refused, and the channel stays usable. An
// offer to the server (X11, agent) stands before it is announced, and is taken back where it was refused.

import { encodeUtf8 } from '../bytes/bytes.ts';
import { ChannelRequestError, UsageError } from '../errors.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import {
  breakRequest,
  emptyRequest,
  envRequest,
  execRequest,
  exitSignalRequest,
  exitStatusRequest,
  ptyRequest,
  signalRequest,
  subsystemRequest,
  windowChangeRequest,
  x11Request,
} from '../wire/requests.ts';
import type { ChannelLife } from './channel-life.ts';
import type { AgentHandler, Offers, X11Handler } from './client-side.ts';
import { encodeTerminalModes, type TerminalModes } from './terminal-modes.ts';
import { checkX11Cookie, MIT_MAGIC_COOKIE, newX11Cookie } from './x11-cookie.ts';

export interface PtyOptions extends CallOptions {
  /** Default `vt100`, as in the seed. */
  readonly term?: string;
  /** Columns and rows in characters; default 80 x 24. */
  readonly width?: number;
  readonly height?: number;
  readonly widthPixels?: number;
  readonly heightPixels?: number;
  readonly modes?: TerminalModes;
}

export interface X11Options extends CallOptions {
  /** Default 0. */
  readonly screenNumber?: number;
  /** Default `MIT-MAGIC-COOKIE-1`. */
  readonly authProtocol?: string;
  /** Hexadecimal; default 16 random bytes. Never the display's real cookie: the server sees it. */
  readonly authCookie?: string;
  /** The server may connect once. Default false. */
  readonly singleConnection?: boolean;
  /** Takes the connections; default: they go to `Transport.accept`. The newest handler of a transport takes them all. */
  readonly handler?: X11Handler;
}

export class SessionRequests {
  /** What the session runs: `shell`, `command` or `subsystem:NAME`; null before that, and for other channels. */
  purpose: string | null = null;
  readonly #life: ChannelLife;
  /** Where a session of a client says which channels the server may open; null for all other channels. */
  readonly #offers: Offers | null;

  constructor(life: ChannelLife, offers: Offers | null) {
    this.#life = life;
    this.#offers = offers;
  }

  async pty(options: PtyOptions): Promise<void> {
    const { term = 'vt100', width = 80, height = 24, widthPixels = 0, heightPixels = 0, modes = {} } = options;
    const data = { term, columns: width, rows: height, widthPixels, heightPixels, modes: encodeTerminalModes(modes) };
    await this.ask('pty-req', ptyRequest.encode(data), options);
  }

  async shell(options?: CallOptions): Promise<void> {
    this.purpose = 'shell';
    await this.ask('shell', emptyRequest.encode({}), options);
  }

  async exec(command: string | Uint8Array, options?: CallOptions): Promise<void> {
    const bytes = typeof command === 'string' ? encodeUtf8(command) : command;
    this.purpose = 'command';
    await this.ask('exec', execRequest.encode({ command: bytes }), options);
  }

  async subsystem(subsystem: string, options?: CallOptions): Promise<void> {
    this.purpose = `subsystem:${subsystem}`;
    await this.ask('subsystem', subsystemRequest.encode({ subsystem }), options);
  }

  windowChange(size: { width?: number; height?: number; widthPixels?: number; heightPixels?: number }): void {
    const { width = 80, height = 24, widthPixels = 0, heightPixels = 0 } = size;
    this.notify('window-change', windowChangeRequest.encode({ columns: width, rows: height, widthPixels, heightPixels }));
  }

  async env(variable: string, value: string | Uint8Array, options?: CallOptions): Promise<void> {
    const bytes = typeof value === 'string' ? encodeUtf8(value) : value;
    await this.ask('env', envRequest.encode({ variable, value: bytes }), options);
  }

  /** Without waiting for answers. */
  environment(environment: Readonly<Record<string, string | undefined>>): void {
    for (const [variable, value] of Object.entries(environment)) {
      if (value !== undefined) this.notify('env', envRequest.encode({ variable, value: encodeUtf8(value) }));
    }
  }

  signal(signal: string): void {
    // Only names of somebody's own, `x@y`, may have small letters; another one would be passed over without a word.
    const name = signal.includes('@') ? signal : signal.toUpperCase().replace(/^SIG/, '');
    this.notify('signal', signalRequest.encode({ signal: name }));
  }

  async break(milliseconds: number, options?: CallOptions): Promise<void> {
    await this.ask('break', breakRequest.encode({ length: milliseconds }), options);
  }

  /** Resolves with the cookie. */
  async x11(options: X11Options): Promise<string> {
    const { screenNumber = 0, authProtocol = MIT_MAGIC_COOKIE, authCookie = newX11Cookie(), singleConnection = false } = options;
    checkX11Cookie(authCookie);
    // Before the answer: the first connection may come right behind it.
    const withdraw = this.#mayOffer().offerX11(options.handler, singleConnection);
    const data = { singleConnection, authProtocol, authCookie, screenNumber };
    try {
      await this.ask('x11-req', x11Request.encode(data), options);
    } catch (error) {
      withdraw();
      throw error;
    }
    return authCookie;
  }

  async agent(handler: AgentHandler, options?: CallOptions): Promise<void> {
    const withdraw = this.#mayOffer().offerAgent(handler);
    try {
      await this.ask('auth-agent-req@openssh.com', emptyRequest.encode({}), options);
    } catch (error) {
      withdraw();
      throw error;
    }
  }

  exitStatus(status: number): void {
    this.notify('exit-status', exitStatusRequest.encode({ status: status >>> 0 }));
  }

  exitSignal(signal: string, { coreDumped = false, message = '' }: { coreDumped?: boolean; message?: string }): void {
    const data = { signal: signal.replace(/^SIG/, ''), coreDumped, message, language: '' };
    this.notify('exit-signal', exitSignalRequest.encode(data));
  }

  /** eow@openssh.com (OpenSSH PROTOCOL section 2.1): we read no more. */
  endOfWrite(): void {
    this.notify('eow@openssh.com', emptyRequest.encode({}));
  }

  /** Asks for anything; resolves when granted. @throws ChannelRequestError */
  ask(name: string, data: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return waitFor<Uint8Array>(`the answer to '${name}'`, options, ({ resolve, reject }) => {
      const { machine } = this.#life;
      if (machine === null) throw new UsageError('the channel is not open');
      if (this.#life.over) throw this.#life.reason;
      machine.request(name, data, {
        reply: (answer) => (answer === null ? reject(new ChannelRequestError(name)) : resolve(answer)),
        abandon: reject,
      });
      return undefined;
    });
  }

  /** Says anything, and wants no answer. Says nothing on a channel that is not open. */
  notify(name: string, data: Uint8Array): void {
    const { machine, over } = this.#life;
    if (machine === null || over || !machine.open) return;
    machine.request(name, data, null);
  }

  #mayOffer(): Offers {
    if (this.#offers === null) throw new UsageError('only a session of a client can forward that');
    return this.#offers;
  }
}
