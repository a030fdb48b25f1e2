// One channel as users see it: a session that runs a command, a forwarded connection, a subsystem. The protocol is
// ChannelMachine's; this class puts promises around it. What comes, what goes, what is asked for and whether it is there at all have
// their own files and know nothing of each other; here is what they have to do with each other.

import type { Duplex, Readable, Writable } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import { encodeUtf8 } from '../bytes/bytes.ts';
import type { ChannelHandler, ChannelMachine, InboundChannelRequest } from '../connection/channel-machine.ts';
import { printable, type SSHError } from '../errors.ts';
import { check } from '../io/check-arguments.ts';
import { needed, textOrBytes } from '../io/kinds.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import { guardChannel } from './argument-kinds.ts';
import { channelFile, channelStderrFile, channelStdinFile } from './channel-files.ts';
import { ChannelInput } from './channel-input.ts';
import { ChannelLife } from './channel-life.ts';
import { ChannelOutput } from './channel-output.ts';
import { channelDuplex, channelWebStreams, queueReadable } from './channel-streams.ts';
import { ChannelTimeLimit } from './channel-time-limit.ts';
import type { AgentHandler, Offers } from './client-side.ts';
import { CommandEnd, type ExitStatus } from './exit-status.ts';
import type { ReadQueue } from './read-queue.ts';
import { type PtyOptions, SessionRequests, type X11Options } from './session-requests.ts';
import type { Transport } from './transport.ts';

export type { PtyOptions, X11Options };

const DATA = needed(textOrBytes);

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
  readonly #life = new ChannelLife();
  readonly #limit = new ChannelTimeLimit();
  readonly #commandEnd = new CommandEnd();
  readonly #input: ChannelInput;
  readonly #output: ChannelOutput;
  readonly #requests: SessionRequests;
  #name = '';

  static {
    guardChannel(Channel.prototype);
  }

  /** Channels come from `Transport.openSession`, `openChannel` and `accept`. @internal */
  constructor(origin: ChannelOrigin) {
    this.#origin = origin;
    this.kind = origin.kind;
    this.#input = new ChannelInput(this.#life, this.#limit, origin.windowBytes);
    this.#output = new ChannelOutput(this.#life, this.#limit);
    this.#requests = new SessionRequests(this.#life, origin.kind === 'session' ? (origin.offers ?? null) : null);
    this.stdout = this.#input.stdout;
    this.exited = this.#commandEnd.exited;
    this.closed = this.#life.closed;
  }

  /** @internal What the engine calls. */
  get handler(): ChannelHandler {
    return {
      onData: (data, type) => this.#input.receive(data, type),
      onEof: () => this.#input.end(),
      onRequest: (request) => this.#origin.onRequest(this, request),
      onDrain: () => this.#output.drained(),
      onClose: (error) => this.#over(error),
    };
  }

  /** @internal */
  attach(machine: ChannelMachine): void {
    this.#life.machine = machine;
  }

  /** @internal Counts what moves in either direction. */
  get activity(): number {
    return this.#input.activity + this.#output.activity;
  }

  /** @internal What a session runs: `shell`, `command` or `subsystem:NAME`; null before that, and for other channels. */
  get purpose(): string | null {
    return this.#requests.purpose;
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  /** The peer's stderr, with its own flow. */
  get stderr(): ReadQueue {
    this.#input.stderrTouched = true;
    return this.#input.stderr;
  }

  /** Bytes of stderr that nobody was there to read. */
  get stderrDropped(): number {
    return this.#input.stderrDropped;
  }

  /** The next chunk of stdout, or null at its end. See {@link ReadQueue.read}. */
  read(options?: CallOptions): Promise<Uint8Array | null> {
    return this.#input.read(this.stdout, undefined, options);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return this.stdout[Symbol.asyncIterator]();
  }

  /** At most `count` bytes of stdout; empty at the end. */
  async recv(count: number, options?: CallOptions): Promise<Uint8Array> {
    return (await this.#input.read(this.stdout, count, options)) ?? new Uint8Array(0);
  }

  recvReady(): boolean {
    return this.stdout.bytes > 0;
  }

  /** At most `count` bytes of stderr; empty at the end. */
  async recvStderr(count: number, options?: CallOptions): Promise<Uint8Array> {
    return (await this.#input.read(this.stderr, count, options)) ?? new Uint8Array(0);
  }

  recvStderrReady(): boolean {
    return this.#input.stderr.bytes > 0;
  }

  /**
   * Limits how long reading and writing on this channel wait, milliseconds (the seed has seconds): `read`, `recv`, `recvStderr`,
   * `write`, `send`, `sendall` and their stderr siblings, where the call has no limit of its own. null for ever, the default;
   * 0 not at all: what can't be done at once rejects with SSHTimeoutError. Iteration and streams are not limited.
   * @throws UsageError for anything else
   */
  settimeout(milliseconds: number | null): void {
    this.#limit.milliseconds = milliseconds;
  }

  gettimeout(): number | null {
    return this.#limit.milliseconds;
  }

  /** As in the seed: false is `settimeout(0)`, true is `settimeout(null)`. */
  setblocking(blocking: boolean): void {
    this.#limit.milliseconds = blocking ? null : 0;
  }

  /** Has stderr come in with stdout, in the order in which the peer sent them. What waits is moved. Returns the old setting. */
  setCombineStderr(combine: boolean): boolean {
    return this.#input.combine(combine);
  }

  // ---- writing ------------------------------------------------------------------------------------------------------

  /**
   * Sends data on the channel (from a server: its stdout). Resolves when there is room for more.
   * @throws ChannelClosedError, the connection's error, SSHTimeoutError, `signal.reason`
   */
  write(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    return this.#output.write(data, 0, options);
  }

  /** Server: sends data on stderr. */
  writeStderr(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    return this.#output.write(data, 1, options);
  }

  /** As {@link write}; resolves with the number of bytes, which is all of them. */
  async send(data: Uint8Array | string, options?: CallOptions): Promise<number> {
    check('send', 'data', data, DATA);
    const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
    await this.#output.write(bytes, 0, options);
    return bytes.length;
  }

  sendall(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    return this.#output.write(data, 0, options);
  }

  async sendStderr(data: Uint8Array | string, options?: CallOptions): Promise<number> {
    check('sendStderr', 'data', data, DATA);
    const bytes = typeof data === 'string' ? encodeUtf8(data) : data;
    await this.#output.write(bytes, 1, options);
    return bytes.length;
  }

  sendallStderr(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    return this.#output.write(data, 1, options);
  }

  /**
   * @internal Queues data without a promise; it must not change until it has been sent. False where the caller should wait for
   * {@link watchDrain}. @throws ChannelClosedError
   */
  post(data: Uint8Array): boolean {
    return this.#output.post(data);
  }

  /** @internal Bytes that have been queued and not yet sent. */
  get queuedBytes(): number {
    return this.#life.machine?.queuedBytes ?? 0;
  }

  /** @internal Calls `listener` when there is room again. */
  watchDrain(listener: (() => void) | null): void {
    this.#output.watchDrain(listener);
  }

  /** Whether a write would be taken without waiting. */
  sendReady(): boolean {
    return this.#output.ready;
  }

  /** No more data from us: the peer sees EOF after what has been written. */
  shutdownWrite(): void {
    this.#life.machine?.eof();
  }

  /** No more data is wanted: what comes is dropped, and an OpenSSH peer is told (eow@openssh.com). */
  shutdownRead(): void {
    if (this.#life.over) return;
    this.#input.end();
    this.#input.discard();
    const { peerVersion } = this.#origin.transport;
    if (this.kind === 'session' && peerVersion?.includes('OpenSSH')) this.#requests.endOfWrite();
  }

  /** 0 reading, 1 writing, 2 both: as for a socket. */
  shutdown(how: 0 | 1 | 2): void {
    if (how !== 1) this.shutdownRead();
    if (how !== 0) this.shutdownWrite();
  }

  /** Closes the channel after what has been written. Never fails, and may be called again; {@link closed} tells when it is done. */
  close(): void {
    this.#life.machine?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    this.#input.discard();
    await this.closed;
  }

  // ---- requests of a client -----------------------------------------------------------------------------------------

  /** Asks for a terminal (RFC 4254 section 6.2). @throws ChannelRequestError if refused; the channel stays usable. */
  getPty(options: PtyOptions = {}): Promise<void> {
    return this.#requests.pty(options);
  }

  /** Starts the user's shell. @throws ChannelRequestError */
  invokeShell(options?: CallOptions): Promise<void> {
    return this.#requests.shell(options);
  }

  /** Runs a command in the user's shell on the other side. @throws ChannelRequestError */
  execCommand(command: string | Uint8Array, options?: CallOptions): Promise<void> {
    return this.#requests.exec(command, options);
  }

  /** Starts a subsystem, such as `sftp`. @throws ChannelRequestError */
  invokeSubsystem(subsystem: string, options?: CallOptions): Promise<void> {
    return this.#requests.subsystem(subsystem, options);
  }

  /** Tells the new size of the terminal; no answer is expected. */
  resizePty(size: { width?: number; height?: number; widthPixels?: number; heightPixels?: number }): void {
    this.#requests.windowChange(size);
  }

  /** Sets a variable for the command to come. Servers refuse most names. @throws ChannelRequestError */
  setEnvironmentVariable(variable: string, value: string | Uint8Array, options?: CallOptions): Promise<void> {
    return this.#requests.env(variable, value, options);
  }

  /** Sets several variables without waiting for answers: refusals stay unknown. */
  updateEnvironment(environment: Readonly<Record<string, string | undefined>>): void {
    this.#requests.environment(environment);
  }

  /** Sends a signal to the remote command: `TERM`, `int`, ... with or without "SIG" (RFC 4254 section 6.9). Also after EOF. */
  sendSignal(signal: string): void {
    this.#requests.signal(signal);
  }

  /** Sends a break of so many milliseconds (RFC 4335). @throws ChannelRequestError */
  sendBreak(milliseconds = 500, options?: CallOptions): Promise<void> {
    return this.#requests.break(milliseconds, options);
  }

  /**
   * Offers our X11 display to the session's programs (RFC 4254 section 6.3) and resolves with the cookie that they will present.
   * It is made up: whoever takes the connections must check it and put the display's real one in its place, as `X11Forwarding`
   * does. @throws ChannelRequestError, UsageError for a cookie that is not hexadecimal
   */
  requestX11(options: X11Options = {}): Promise<string> {
    return this.#requests.x11(options);
  }

  /**
   * Lets the session's programs use our agent: each connection goes to `handler`, such as `agentForwarding()` makes. The server's
   * administrator can use it too, for as long as the connection lives. @throws ChannelRequestError
   */
  requestForwardAgent(handler: AgentHandler, options?: CallOptions): Promise<void> {
    return this.#requests.agent(handler, options);
  }

  /** Any other request. With `wantReply` (the default) resolves when granted. @throws ChannelRequestError */
  async request(
    name: string,
    data: Uint8Array = new Uint8Array(0),
    options?: CallOptions & { wantReply?: boolean },
  ): Promise<void> {
    if (options?.wantReply === false) this.#requests.notify(name, data);
    else await this.#requests.ask(name, data, options);
  }

  /** Whether {@link recvExitStatus} would answer at once. */
  exitStatusReady(): boolean {
    return this.#commandEnd.known || this.#life.over;
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
    this.#requests.exitStatus(status);
  }

  /** Server: tells which signal killed the command. */
  sendExitSignal(signal: string, options: { coreDumped?: boolean; message?: string } = {}): void {
    this.#requests.exitSignal(signal, options);
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
    return this.#life.machine?.localId ?? -1;
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
    return this.#life.over;
  }

  toString(): string {
    return `[Channel ${this.getId()} ${printable(this.kind)}${this.#life.over ? ' closed' : ''}]`;
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /**
   * @internal Closes for good, whatever the peer does: what waits to be sent is dropped, and the peer's own CLOSE, which sshd sends
   * only when the command has ended, is not waited for.
   */
  abandon(): void {
    this.stopWriting();
    this.close();
    this.#over(null);
  }

  /** @internal The peer reads no more: pending and later writes fail. */
  stopWriting(): void {
    this.#output.stop();
  }

  /** @internal The peer said how the command ended: the first word counts. */
  setExitStatus(status: ExitStatus): void {
    this.#commandEnd.set(status);
  }

  #over(error: SSHError | null): void {
    if (!this.#life.end(error)) return;
    this.#input.end(error);
    this.#output.fail(error);
    this.#commandEnd.channelOver(error);
    this.#life.settle();
    this.#origin.onClosed?.(this);
  }
}
