// One channel as users see it: a session that runs a command, a forwarded connection, a subsystem. The protocol is
// ChannelMachine's; this class gives it promises, queues to read from and the requests of RFC 4254 section 6.

import type { Duplex, Readable, Writable } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { encodeUtf8 } from '../bytes/bytes.ts';
import type { ChannelHandler, ChannelMachine, DataType, InboundChannelRequest } from '../connection/channel-machine.ts';
import { ChannelClosedError, ChannelRequestError, printable, type SSHError, SSHTimeoutError, UsageError } from '../errors.ts';
import { check } from '../io/check-arguments.ts';
import { needed, textOrBytes } from '../io/kinds.ts';
import { type CallOptions, checkCall, waitFor } from '../io/waiting.ts';
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
import { guardChannel } from './argument-kinds.ts';
import { channelFile, channelStderrFile, channelStdinFile } from './channel-files.ts';
import { channelDuplex, channelWebStreams, queueReadable } from './channel-streams.ts';
import type { AgentHandler, Offers, X11Handler } from './client-side.ts';
import { type ExitStatus, unknownExit } from './exit-status.ts';
import { ReadQueue } from './read-queue.ts';
import { encodeTerminalModes, type TerminalModes } from './terminal-modes.ts';
import type { Transport } from './transport.ts';
import { checkX11Cookie, MIT_MAGIC_COOKIE, newX11Cookie } from './x11-cookie.ts';

const DATA = needed(textOrBytes);

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

/** What opened this channel, for the transport to fill in. */
interface ChannelOrigin {
  readonly transport: Transport;
  readonly kind: string;
  readonly windowBytes: number;
  /** What the peer asks for on this channel; the answer is the handler's to give. */
  onRequest(channel: Channel, request: InboundChannelRequest): void;
  onClosed?(channel: Channel): void;
  /** Client: where it says which channels the server may open. */
  readonly offers?: Offers;
}

/**
 * A channel: read from it (`read`, `for await`, `recv`, streams), write to it, ask for things on it.
 *
 * stdout and stderr share the peer's window but not each other's fate: up to a window of stderr is taken off the wire and kept
 * for a reader that comes later, so reading only stdout never deadlocks. While nobody has touched {@link stderr}, what comes
 * beyond that is dropped and counted in {@link stderrDropped}.
 *
 * @example
 * const channel = await transport.openSession();
 * await channel.execCommand('uname -a');
 * for await (const chunk of channel) process.stdout.write(chunk);
 * const { code } = await channel.exited;
 */
export class Channel implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly kind: string;
  /** What the peer sends, extended data apart. */
  readonly stdout: ReadQueue;
  /**
   * How the remote command ended: resolves when the peer says so, or when the channel closes without it (`code` null).
   * Rejects only if the connection breaks.
   */
  readonly exited: Promise<ExitStatus>;
  /** Settles when the channel is over: undefined after a proper close, else the connection's error. Never rejects. */
  readonly closed: Promise<SSHError | undefined>;

  readonly #origin: ChannelOrigin;
  readonly #stderr: ReadQueue;
  #machine: ChannelMachine | null = null;
  #stderrAttached = false;
  #stderrCredited = 0;
  #stderrDropped = 0;
  #combineStderr = false;
  #name = '';
  #timeout: number | null = null;
  #exitStatus: ExitStatus | null = null;
  #resolveExit: (status: ExitStatus) => void = () => {};
  #rejectExit: (error: unknown) => void = () => {};
  #resolveClosed: (error: SSHError | undefined) => void = () => {};
  #isClosed = false;
  #closeError: SSHError | null = null;
  #drainWaiters: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #drainListener: (() => void) | null = null;

  static {
    guardChannel(Channel.prototype);
  }

  /** Channels come from `Transport.openSession`, `openChannel` and `accept`. @internal */
  constructor(origin: ChannelOrigin) {
    this.#origin = origin;
    this.kind = origin.kind;
    this.stdout = new ReadQueue((bytes) => this.#consumed(bytes));
    this.#stderr = new ReadQueue((bytes) => this.#stderrConsumed(bytes));
    this.exited = new Promise((resolve, reject) => {
      this.#resolveExit = resolve;
      this.#rejectExit = reject;
    });
    // Whoever does not ask how it ended must not be punished with an unhandled rejection.
    this.exited.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** @internal What the engine calls. */
  get handler(): ChannelHandler {
    return {
      onData: (data, type) => this.#receive(data, type),
      onEof: () => {
        this.stdout.end();
        this.#stderr.end();
      },
      onRequest: (request) => this.#origin.onRequest(this, request),
      onDrain: () => {
        for (const waiter of this.#drainWaiters.splice(0)) waiter.resolve();
        this.#drainListener?.();
      },
      onClose: (error) => this.#over(error),
    };
  }

  /** @internal */
  attach(machine: ChannelMachine): void {
    this.#machine = machine;
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  /** The peer's stderr, with its own flow. */
  get stderr(): ReadQueue {
    this.#stderrAttached = true;
    return this.#stderr;
  }

  /** Bytes of stderr that nobody was there to read. */
  get stderrDropped(): number {
    return this.#stderrDropped;
  }

  /** The next chunk of stdout, or null at its end. See {@link ReadQueue.read}. */
  read(options?: CallOptions): Promise<Uint8Array | null> {
    return this.#read(this.stdout, undefined, options);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return this.stdout[Symbol.asyncIterator]();
  }

  /** At most `count` bytes of stdout; empty at the end. */
  async recv(count: number, options?: CallOptions): Promise<Uint8Array> {
    return (await this.#read(this.stdout, count, options)) ?? new Uint8Array(0);
  }

  recvReady(): boolean {
    return this.stdout.bytes > 0;
  }

  /** At most `count` bytes of stderr; empty at the end. */
  async recvStderr(count: number, options?: CallOptions): Promise<Uint8Array> {
    return (await this.#read(this.stderr, count, options)) ?? new Uint8Array(0);
  }

  recvStderrReady(): boolean {
    return this.#stderr.bytes > 0;
  }

  /**
   * Limits how long reading and writing on this channel wait, milliseconds (the seed has seconds): `read`, `recv`, `recvStderr`,
   * `write`, `send`, `sendall` and their stderr siblings, where the call has no limit of its own. null for ever, the default;
   * 0 not at all: what can't be done at once rejects with SSHTimeoutError. Iteration and streams are not limited.
   * @throws UsageError for anything else
   */
  settimeout(milliseconds: number | null): void {
    if (milliseconds !== null && !(milliseconds >= 0)) throw new UsageError(`not a time limit: ${milliseconds}`);
    this.#timeout = milliseconds;
  }

  gettimeout(): number | null {
    return this.#timeout;
  }

  /** As in the seed: false is `settimeout(0)`, true is `settimeout(null)`. */
  setblocking(blocking: boolean): void {
    this.#timeout = blocking ? null : 0;
  }

  /** Has stderr come in with stdout, in the order in which the peer sent them. What waits is moved. Returns the old setting. */
  setCombineStderr(combine: boolean): boolean {
    const before = this.#combineStderr;
    this.#combineStderr = combine;
    if (combine) {
      for (let chunk = this.#stderr.take(); chunk !== null; chunk = this.#stderr.take()) this.stdout.push(chunk);
    }
    return before;
  }

  // ---- writing ------------------------------------------------------------------------------------------------------

  /**
   * Sends data on the channel (from a server: its stdout). Resolves when there is room for more.
   * @throws ChannelClosedError, the connection's error, SSHTimeoutError, `signal.reason`
   */
  write(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    return this.#write(data, 0, options);
  }

  /** Server: sends data on stderr. */
  writeStderr(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    return this.#write(data, 1, options);
  }

  /** As {@link write}; resolves with the number of bytes, which is all of them. */
  async send(data: Uint8Array | string, options?: CallOptions): Promise<number> {
    check('send', 'data', data, DATA);
    const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
    await this.#write(bytes, 0, options);
    return bytes.length;
  }

  sendall(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    return this.#write(data, 0, options);
  }

  async sendStderr(data: Uint8Array | string, options?: CallOptions): Promise<number> {
    check('sendStderr', 'data', data, DATA);
    const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
    await this.#write(bytes, 1, options);
    return bytes.length;
  }

  sendallStderr(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    return this.#write(data, 1, options);
  }

  /**
   * @internal Queues data without a promise; it must not change until it has been sent. False where the caller should wait for
   * {@link watchDrain}. @throws ChannelClosedError
   */
  post(data: Uint8Array): boolean {
    if (this.#machine === null || this.#isClosed) throw this.#closeError ?? new ChannelClosedError();
    return this.#machine.write(data, 0);
  }

  /** @internal Bytes that have been queued and not yet sent. */
  get queuedBytes(): number {
    return this.#machine?.queuedBytes ?? 0;
  }

  /** @internal Calls `listener` when there is room again. */
  watchDrain(listener: (() => void) | null): void {
    this.#drainListener = listener;
  }

  /** Whether a write would be taken without waiting. */
  sendReady(): boolean {
    return this.#machine?.writable === true && this.#drainWaiters.length === 0;
  }

  /** No more data from us: the peer sees EOF after what has been written. */
  shutdownWrite(): void {
    this.#machine?.eof();
  }

  /** No more data is wanted: what comes is dropped, and an OpenSSH peer is told (eow@openssh.com). */
  shutdownRead(): void {
    if (this.#isClosed) return;
    this.stdout.end();
    this.#stderr.end();
    this.stdout.discard();
    this.#stderr.discard();
    const { peerVersion } = this.#origin.transport;
    if (this.kind === 'session' && peerVersion?.includes('OpenSSH')) this.#notify('eow@openssh.com', emptyRequest.encode({}));
  }

  /** 0 reading, 1 writing, 2 both: as for a socket. */
  shutdown(how: 0 | 1 | 2): void {
    if (how !== 1) this.shutdownRead();
    if (how !== 0) this.shutdownWrite();
  }

  /** Closes the channel after what has been written. Never fails, and may be called again; {@link closed} tells when it is done. */
  close(): void {
    this.#machine?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    this.stdout.discard();
    this.#stderr.discard();
    await this.closed;
  }

  // ---- requests of a client -----------------------------------------------------------------------------------------

  /** Asks for a terminal (RFC 4254 section 6.2). @throws ChannelRequestError if refused; the channel stays usable. */
  async getPty(options: PtyOptions = {}): Promise<void> {
    const { term = 'vt100', width = 80, height = 24, widthPixels = 0, heightPixels = 0, modes = {} } = options;
    const data = { term, columns: width, rows: height, widthPixels, heightPixels, modes: encodeTerminalModes(modes) };
    await this.#ask('pty-req', ptyRequest.encode(data), options);
  }

  /** Starts the user's shell. @throws ChannelRequestError */
  async invokeShell(options?: CallOptions): Promise<void> {
    await this.#ask('shell', emptyRequest.encode({}), options);
  }

  /** Runs a command in the user's shell on the other side. @throws ChannelRequestError */
  async execCommand(command: string | Uint8Array, options?: CallOptions): Promise<void> {
    const bytes = typeof command === 'string' ? encodeUtf8(command) : command;
    await this.#ask('exec', execRequest.encode({ command: bytes }), options);
  }

  /** Starts a subsystem, such as `sftp`. @throws ChannelRequestError */
  async invokeSubsystem(subsystem: string, options?: CallOptions): Promise<void> {
    await this.#ask('subsystem', subsystemRequest.encode({ subsystem }), options);
  }

  /** Tells the new size of the terminal; no answer is expected. */
  resizePty(size: { width?: number; height?: number; widthPixels?: number; heightPixels?: number }): void {
    const { width = 80, height = 24, widthPixels = 0, heightPixels = 0 } = size;
    this.#notify('window-change', windowChangeRequest.encode({ columns: width, rows: height, widthPixels, heightPixels }));
  }

  /** Sets a variable for the command to come. Servers refuse most names. @throws ChannelRequestError */
  async setEnvironmentVariable(variable: string, value: string | Uint8Array, options?: CallOptions): Promise<void> {
    const bytes = typeof value === 'string' ? encodeUtf8(value) : value;
    await this.#ask('env', envRequest.encode({ variable, value: bytes }), options);
  }

  /** Sets several variables without waiting for answers: refusals stay unknown. */
  updateEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
    for (const [variable, value] of Object.entries(environment)) {
      if (value !== undefined) this.#notify('env', envRequest.encode({ variable, value: encodeUtf8(value) }));
    }
  }

  /** Sends a signal to the remote command: `TERM`, `int`, ... with or without "SIG" (RFC 4254 section 6.9). Also after EOF. */
  sendSignal(signal: string): void {
    // Only names of somebody's own, `x@y`, may have small letters; another one would be passed over without a word.
    const name = signal.includes('@') ? signal : signal.toUpperCase().replace(/^SIG/, '');
    this.#notify('signal', signalRequest.encode({ signal: name }));
  }

  /** Sends a break of so many milliseconds (RFC 4335). @throws ChannelRequestError */
  async sendBreak(milliseconds = 500, options?: CallOptions): Promise<void> {
    await this.#ask('break', breakRequest.encode({ length: milliseconds }), options);
  }

  /**
   * Offers our X11 display to the session's programs (RFC 4254 section 6.3) and resolves with the cookie that they will present.
   * It is made up: whoever takes the connections must check it and put the display's real one in its place, as `X11Forwarding`
   * does. @throws ChannelRequestError, UsageError for a cookie that is not hexadecimal
   */
  async requestX11(options: X11Options = {}): Promise<string> {
    const { screenNumber = 0, authProtocol = MIT_MAGIC_COOKIE, authCookie = newX11Cookie(), singleConnection = false } = options;
    checkX11Cookie(authCookie);
    // Before the answer: the first connection may come right behind it.
    const withdraw = this.#offers().offerX11(options.handler, singleConnection);
    const data = { singleConnection, authProtocol, authCookie, screenNumber };
    try {
      await this.#ask('x11-req', x11Request.encode(data), options);
    } catch (error) {
      withdraw();
      throw error;
    }
    return authCookie;
  }

  /**
   * Lets the session's programs use our agent: each connection goes to `handler`, such as `agentForwarding()` makes. The server's
   * administrator can use it too, for as long as the connection lives. @throws ChannelRequestError
   */
  async requestForwardAgent(handler: AgentHandler, options?: CallOptions): Promise<void> {
    const withdraw = this.#offers().offerAgent(handler);
    try {
      await this.#ask('auth-agent-req@openssh.com', emptyRequest.encode({}), options);
    } catch (error) {
      withdraw();
      throw error;
    }
  }

  /** Any other request. With `wantReply` (the default) resolves when granted. @throws ChannelRequestError */
  async request(
    name: string,
    data: Uint8Array = new Uint8Array(0),
    options?: CallOptions & { wantReply?: boolean },
  ): Promise<void> {
    if (options?.wantReply === false) this.#notify(name, data);
    else await this.#ask(name, data, options);
  }

  /** Whether {@link recvExitStatus} would answer at once. */
  exitStatusReady(): boolean {
    return this.#exitStatus !== null || this.#isClosed;
  }

  /** The exit status of the command; -1 where it was killed or the peer did not say. */
  async recvExitStatus(options?: CallOptions): Promise<number> {
    const status = await waitFor<ExitStatus>('the exit status', options, ({ resolve, reject }) => {
      this.exited.then(resolve, reject);
      return undefined;
    });
    return status.code ?? -1;
  }

  // ---- requests of a server -----------------------------------------------------------------------------------------

  /** Server: tells how the command ended. Then {@link close} the channel. */
  sendExitStatus(status: number): void {
    this.#notify('exit-status', exitStatusRequest.encode({ status: status >>> 0 }));
  }

  /** Server: tells which signal killed the command. */
  sendExitSignal(signal: string, options: { coreDumped?: boolean; message?: string } = {}): void {
    const { coreDumped = false, message = '' } = options;
    this.#notify(
      'exit-signal',
      exitSignalRequest.encode({ signal: signal.replace(/^SIG/, ''), coreDumped, message, language: '' }),
    );
  }

  // ---- views --------------------------------------------------------------------------------------------------------

  /** A Node Duplex over stdin and stdout. Destroying it closes the channel. */
  toNode(): Duplex {
    return channelDuplex(this);
  }

  /** stderr as a Node Readable. */
  stderrToNode(): Readable {
    return queueReadable(this.stderr);
  }

  /** stdin and stdout as a Node Duplex whose destruction leaves the channel open; its end is EOF for the peer. */
  makefile(): Duplex {
    return channelFile(this);
  }

  /** The peer's stdin as a Node Writable; its end is EOF for the peer. */
  makefileStdin(): Writable {
    return channelStdinFile(this);
  }

  /** stderr as a Node Duplex: reads what a command says there; in a server, writes it. Its end says nothing to the peer. */
  makefileStderr(): Duplex {
    return channelStderrFile(this);
  }

  toWeb(): { readable: ReadableStream<Uint8Array>; writable: WritableStream<Uint8Array> } {
    return channelWebStreams(this);
  }

  // ---- about it -----------------------------------------------------------------------------------------------------

  getTransport(): Transport {
    return this.#origin.transport;
  }

  getId(): number {
    return this.#machine?.localId ?? -1;
  }

  /** A name for logs. */
  setName(name: string): void {
    this.#name = name;
  }

  getName(): string {
    return this.#name || `channel ${this.getId()}`;
  }

  getpeername(): readonly [string, number] {
    return this.#origin.transport.getpeername();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  toString(): string {
    return `[Channel ${this.getId()} ${printable(this.kind)}${this.#isClosed ? ' closed' : ''}]`;
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** @internal The peer reads no more: pending and later writes fail. */
  stopWriting(): void {
    this.#machine?.stopWriting();
    for (const waiter of this.#drainWaiters.splice(0)) waiter.reject(new ChannelClosedError('the peer reads no more'));
  }

  /** @internal The peer said how the command ended: the first word counts. */
  setExitStatus(status: ExitStatus): void {
    if (this.#exitStatus !== null) return;
    this.#exitStatus = status;
    this.#resolveExit(status);
  }

  #receive(data: Uint8Array, type: DataType): void {
    if (type === 0 || this.#combineStderr) {
      if (this.stdout.ended) this.#machine?.credit(data.length);
      else this.stdout.push(data);
      return;
    }
    const { windowBytes } = this.#origin;
    const roomy = this.#stderrCredited + data.length <= windowBytes;
    if (this.#stderr.ended || (!roomy && !this.#stderrAttached)) {
      if (!this.#stderr.ended) this.#stderrDropped += data.length;
      this.#machine?.credit(data.length);
      return;
    }
    // Up to a window of it is credited now: a stderr that nobody reads must not stop stdout.
    if (roomy) {
      this.#stderrCredited += data.length;
      this.#machine?.credit(data.length);
    }
    this.#stderr.push(data);
  }

  #read(queue: ReadQueue, count: number | undefined, options?: CallOptions): Promise<Uint8Array | null> {
    if (this.#timeout === 0 && !options?.timeout && queue.bytes === 0 && !queue.ended)
      return Promise.reject(new SSHTimeoutError('reading', 0));
    return queue.read(count, this.#limited(options));
  }

  /** The channel's own limit where the call brings none. */
  #limited(options?: CallOptions): CallOptions | undefined {
    if (this.#timeout === null || this.#timeout === 0 || options?.timeout) return options;
    return { ...options, timeout: this.#timeout };
  }

  #offers(): Offers {
    const { offers } = this.#origin;
    if (offers === undefined || this.kind !== 'session') throw new UsageError('only a session of a client can forward that');
    return offers;
  }

  #consumed(bytes: number): void {
    this.#machine?.consume(bytes);
  }

  #stderrConsumed(bytes: number): void {
    const already = Math.min(bytes, this.#stderrCredited);
    this.#stderrCredited -= already;
    if (bytes > already) this.#machine?.consume(bytes - already);
  }

  #write(data: Uint8Array | string, type: DataType, options?: CallOptions): Promise<void> {
    const machine = this.#machine;
    // Cheap enough for every chunk. An encoding or a callback in the place of the options is a habit from Node's streams.
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) return refused(() => check('write', 'data', data, DATA));
    if (options !== undefined && typeof options !== 'object') return refused(() => checkCall('write', options));
    if (machine === null || this.#isClosed) return optional(Promise.reject(this.#closeError ?? new ChannelClosedError()));
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason);
    const atOnce = this.#timeout === 0 && !options?.timeout;
    if (atOnce && machine.writable && !machine.roomy) return Promise.reject(new SSHTimeoutError('writing', 0));
    let roomy: boolean;
    try {
      roomy = machine.write(typeof data === 'string' ? encodeUtf8(data) : data, type);
    } catch (error) {
      return optional(Promise.reject(error));
    }
    // Whoever has waited for a write fills the same buffer again. What could be sent at once has been by then, the rest is copied.
    const release = () => machine.ownQueue();
    if (roomy || atOnce) return Promise.resolve().then(release);
    const written = waitFor<void>('writing', this.#limited(options), (settle) => {
      const waiter = { resolve: () => settle.resolve(), reject: settle.reject };
      this.#drainWaiters.push(waiter);
      return () => {
        this.#drainWaiters = this.#drainWaiters.filter((other) => other !== waiter);
      };
    });
    return optional(written.finally(release));
  }

  #ask(name: string, data: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    return waitFor<Uint8Array>(`the answer to '${name}'`, options, ({ resolve, reject }) => {
      if (this.#machine === null) throw new UsageError('the channel is not open');
      if (this.#isClosed) throw this.#closeError ?? new ChannelClosedError();
      this.#machine.request(name, data, {
        reply: (answer) => (answer === null ? reject(new ChannelRequestError(name)) : resolve(answer)),
        abandon: reject,
      });
      return undefined;
    });
  }

  #notify(name: string, data: Uint8Array): void {
    if (this.#machine === null || this.#isClosed) return;
    if (!this.#machine.open) return;
    this.#machine.request(name, data, null);
  }

  #over(error: SSHError | null): void {
    this.#isClosed = true;
    this.#closeError = error;
    this.stdout.end(error);
    this.#stderr.end(error);
    for (const waiter of this.#drainWaiters.splice(0)) waiter.reject(error ?? new ChannelClosedError());
    if (this.#exitStatus === null) {
      if (error === null) this.setExitStatus(unknownExit);
      else this.#rejectExit(error);
    }
    this.#resolveClosed(error ?? undefined);
    this.#origin.onClosed?.(this);
  }
}

/**
 * Nobody has to wait for a write: it must not end the process, as a rejection does that nobody looks at, that the peer has gone in the
 * middle of it. `closed` tells of that, too.
 */
function optional(written: Promise<void>): Promise<void> {
  written.catch(() => {});
  return written;
}

/** A promise that rejects with what `check` throws. */
async function refused(check: () => void): Promise<void> {
  check();
}
