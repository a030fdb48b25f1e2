// One SFTP session as a client sees it: requests out, answers in, matched by their numbers (draft-ietf-secsh-filexfer-02 section
// 6). Any number of requests may wait at once. Small ones of one turn leave together; answers are handled synchronously, as the
// channel hands over their bytes, so that bulk transfers (`download.ts`, `upload.ts`) make no promise per request.

import { readU32 } from '../../bytes/bytes.ts';
import { ChannelClosedError, ClosedError, ProtocolError, SFTPError, type SSHError } from '../../errors.ts';
import { type CallOptions, waitFor } from '../../io/waiting.ts';
import { DecodeError } from '../../wire/reader.ts';
import type { ByteChannel } from '../byte-channel.ts';
import { limits as limitsExtension } from '../protocol/extensions.ts';
import { Framing, frame } from '../protocol/framing.ts';
import { Close, Extended, ExtendedReply, Handle, Init, Status, VERSION } from '../protocol/messages.ts';
import { explainStatus, SFTP_OK, statusName } from '../protocol/status.ts';
import type { SessionTuning } from './flight.ts';
import { extensionsOf, greet } from './greeting.ts';
import { Outgoing } from './outgoing.ts';
import { DRAFT_LIMITS, type SessionLimits, statedLimits, tuned } from './session-limits.ts';

/** What one answer is for. Exactly one of the two is called, once. */
export interface Waiter {
  /** The answer: type, number, fields. A view; it may be kept, and given to {@link SFTPSession.recycle} when it is not. */
  reply(packet: Uint8Array): void;
  fail(error: SSHError): void;
  /** When it was sent, milliseconds: the session's own note. */
  sentAt?: number;
}

/** How an answer becomes a value. */
export interface Answer<T> {
  /** Any answer but a STATUS. */
  decode(packet: Uint8Array): T;
  /** STATUS OK, where that is an answer. */
  ok?(): T;
  /** An answer that comes after the caller has stopped waiting. */
  late?(packet: Uint8Array): void;
}

/** What a request does, for error messages. */
export interface Operation {
  readonly operation: string;
  readonly path?: string | undefined;
  readonly dest?: string | undefined;
}

export class SFTPSession {
  readonly channel: ByteChannel;
  /** What the server announced, by name. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  /** Settles when the session is over: with the error that ended it, or undefined after {@link close}. Never rejects. */
  readonly closed: Promise<SSHError | undefined>;
  readonly tuning: SessionTuning;
  #limits: SessionLimits;
  #limitsKnown: Promise<SessionLimits> | null = null;
  readonly #framing: Framing;
  readonly #waiting = new Map<number, Waiter>();
  #nextId = 1;
  readonly #outgoing: Outgoing;
  #error: SSHError | null = null;
  #settleClosed: (error: SSHError | undefined) => void = () => {};
  readonly #ready: Promise<boolean>;
  #settleReady: (ready: boolean) => void = () => {};
  /** How long the last answer took, and the shortest of all, milliseconds. */
  #tookMs = 0;
  #roundTripMs: number;
  /** The next packet is VERSION. */
  #versionDue: boolean;

  /** Sends INIT and waits for VERSION. The channel is closed where that fails. @throws ProtocolError, SSHTimeoutError, ... */
  static async open(channel: ByteChannel, options: CallOptions & SessionTuning = {}): Promise<SFTPSession> {
    const framing = new Framing();
    try {
      const sentAt = performance.now();
      const extensions = await waitFor<ReadonlyMap<string, Uint8Array>>("the server's SFTP version", options, (settle) => {
        channel.stdout.watch(() => greet(channel, framing, settle));
        void channel.closed.then((error) => settle.reject(error ?? noSubsystem()));
        channel.post(frame(Init.encode({ version: VERSION, extensions: new Map() })));
        return undefined;
      });
      const session = new SFTPSession(channel, framing, extensions, options);
      session.#roundTripMs = performance.now() - sentAt;
      return session;
    } catch (error) {
      channel.stdout.watch(null);
      channel.close();
      throw error;
    }
  }

  /**
   * A further session with the same server, on a channel of its own. What is asked of it follows INIT at once: what the server's
   * VERSION says is known from the first, and not to wait for it saves a round trip.
   */
  static beside(first: SFTPSession, channel: ByteChannel): SFTPSession {
    const { extensions, tuning } = first;
    const session = new SFTPSession(channel, new Framing(), extensions, tuning, first);
    session.post(frame(Init.encode({ version: VERSION, extensions: new Map() })));
    session.flush();
    return session;
  }

  private constructor(
    channel: ByteChannel,
    framing: Framing,
    extensions: ReadonlyMap<string, Uint8Array>,
    tuning: SessionTuning,
    first: SFTPSession | null = null,
  ) {
    this.tuning = tuning;
    this.#limits = first?.limits ?? tuned(DRAFT_LIMITS, tuning);
    this.#roundTripMs = first?.roundTripMs ?? Number.POSITIVE_INFINITY;
    this.#versionDue = first !== null;
    this.channel = channel;
    this.#outgoing = new Outgoing(
      (bytes) => this.#transmit(bytes),
      () => this.#waiting.size,
    );
    this.extensions = extensions;
    this.#framing = framing;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    if (first === null) this.#settleReady(true);
    channel.stdout.watch(() => this.#receive());
    void channel.closed.then((error) => this.#over(error ?? new ChannelClosedError('the server ended the SFTP session')));
    // At once, and without waiting for it: the answer is there by the time a transfer needs it.
    if (first === null && extensions.has(limitsExtension.name)) {
      this.#limitsKnown = this.#askLimits();
      this.#limitsKnown.catch(() => {});
    }
  }

  /** As far as is known; {@link knowLimits} waits for the server's answer. */
  get limits(): SessionLimits {
    return this.#limits;
  }

  /** Resolves with true once the server has shown that SFTP runs here, with false where it has not. Never rejects. */
  get ready(): Promise<boolean> {
    return this.#ready;
  }

  get isClosed(): boolean {
    return this.#error !== null;
  }

  /** Milliseconds: the shortest time between a request and its answer so far. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** Milliseconds from the request to the answer that was handed over last. */
  get tookMs(): number {
    return this.#tookMs;
  }

  async knowLimits(): Promise<SessionLimits> {
    return (await this.#limitsKnown?.catch(() => null)) ?? this.#limits;
  }

  /**
   * Sends one request. `encode` gets its number and makes the packet without its length.
   * @throws the session's error where it is over
   */
  send(encode: (id: number) => Uint8Array, waiter: Waiter): void {
    const id = this.allot(waiter);
    try {
      this.#outgoing.post(frame(encode(id)));
    } catch (error) {
      // A name that no bytes stand for: nothing was sent, so nothing will be answered.
      this.#waiting.delete(id);
      throw error;
    }
  }

  /** A number for a request that the caller frames and posts itself with {@link post}. */
  allot(waiter: Waiter): number {
    if (this.#error !== null) throw this.#error;
    let id = this.#nextId;
    // Only after four billion requests can a number still be taken: by one that was never answered.
    while (this.#waiting.has(id)) id = (id + 1) >>> 0;
    this.#nextId = (id + 1) >>> 0;
    waiter.sentAt = performance.now();
    this.#waiting.set(id, waiter);
    return id;
  }

  /** Queues a framed request behind all earlier ones. It must not change until its answer has come. */
  post(framed: Uint8Array): void {
    this.#outgoing.post(framed);
  }

  /** Sends what has been queued in this turn. It would go out by itself at the end of the turn. */
  flush(): void {
    this.#outgoing.flush();
  }

  /**
   * One request as a promise. Aborted or timed out, the request stays with the server, and `late` gets its answer.
   * @throws SFTPError, the connection's error, SSHTimeoutError, `signal.reason`
   */
  ask<T>(what: Operation, encode: (id: number) => Uint8Array, answer: Answer<T>, options?: CallOptions): Promise<T> {
    return waitFor<T>(what.operation, options, (settle) => {
      let abandoned = false;
      this.send(encode, {
        reply: (packet) => {
          try {
            if (abandoned) answer.late?.(packet);
            else settle.resolve(this.#value(packet, what, answer));
          } catch (error) {
            settle.reject(this.unexpected(error, what));
          }
        },
        fail: settle.reject,
      });
      return () => {
        abandoned = true;
      };
    });
  }

  /** A request whose answer is a STATUS. */
  perform(what: Operation, encode: (id: number) => Uint8Array, options?: CallOptions): Promise<void> {
    return this.ask<void>(what, encode, { decode: () => wrongType(what), ok: () => {} }, options);
  }

  /** A request that opens something; the handle is closed where nobody waits for it any more. */
  askHandle(what: Operation, encode: (id: number) => Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    const decode = (packet: Uint8Array) => {
      if (packet[0] !== Handle.number) return wrongType(what);
      // A copy: the packet may be a view of something much larger.
      return new Uint8Array(Handle.decode(packet).handle);
    };
    const late = (packet: Uint8Array) => {
      if (packet[0] === Handle.number) this.release(decode(packet));
    };
    return this.ask(what, encode, { decode, late }, options);
  }

  /** Closes a handle that nobody needs any more; how that ends is of no interest. */
  release(handle: Uint8Array): void {
    if (this.#error === null) this.send((id) => Close.encode({ id, handle }), { reply: () => {}, fail: () => {} });
  }

  /** An extended request (section 8) with its answer's data, null for a STATUS that is OK. */
  askExtended(what: Operation, name: string, data: Uint8Array, options?: CallOptions): Promise<Uint8Array | null> {
    const encode = (id: number) => Extended.encode({ id, request: name, data });
    const decode = (packet: Uint8Array) => {
      if (packet[0] !== ExtendedReply.number) return wrongType(what);
      return new Uint8Array(ExtendedReply.decode(packet).data);
    };
    return this.ask<Uint8Array | null>(what, encode, { decode, ok: () => null }, options);
  }

  /** Whether the server has announced an extension. */
  supports(name: string): boolean {
    return this.extensions.has(name);
  }

  /** The error that a STATUS stands for, or null for OK. @throws DecodeError, ProtocolError */
  statusError(packet: Uint8Array, what: Operation): SFTPError | null {
    if (packet[0] !== Status.number) return wrongType(what);
    const { status, message } = Status.decode(packet);
    if (status === SFTP_OK) return null;
    const { code, text } = explainStatus(status, message);
    // "Failure" and its like say nothing that the code does not.
    const said = message.toLowerCase() === statusName(status).toLowerCase().replaceAll('_', ' ') ? '' : message;
    return new SFTPError(code, text, { ...what, status, serverMessage: said });
  }

  /** What is thrown while an answer is looked at, as what the caller should see. A server that breaks the protocol loses the session. */
  unexpected(error: unknown, what: Operation): SSHError {
    if (error instanceof SFTPError) return error;
    if (error instanceof DecodeError || error instanceof ProtocolError) {
      const broken = new ProtocolError('malformed-message', `${what.operation}: ${error.message}`, 2, { cause: error });
      this.#over(broken);
      return broken;
    }
    return error as SSHError;
  }

  /** Takes back the buffer of an answer that nobody looks at any more. */
  recycle(packet: Uint8Array): void {
    this.#framing.recycle(packet);
  }

  /** Ends the session. What still waits is rejected. */
  close(): void {
    this.flush();
    this.#over(new ClosedError('the SFTP session was closed'));
  }

  async #askLimits(): Promise<SessionLimits> {
    const what = { operation: limitsExtension.name };
    const data = await this.askExtended(what, limitsExtension.name, limitsExtension.request.encode({}));
    if (data === null) return this.#limits;
    this.#limits = tuned(statedLimits(limitsExtension.reply.decode(data)), this.tuning);
    return this.#limits;
  }

  #value<T>(packet: Uint8Array, what: Operation, answer: Answer<T>): T {
    if (packet[0] !== Status.number) return answer.decode(packet);
    const error = this.statusError(packet, what);
    if (error !== null) throw error;
    return answer.ok === undefined ? wrongType(what) : answer.ok();
  }

  #transmit(bytes: Uint8Array): void {
    if (this.#error !== null) return;
    try {
      this.channel.post(bytes);
    } catch (error) {
      this.#over(error as SSHError);
    }
  }

  #receive(): void {
    try {
      for (let piece = this.channel.stdout.take(); piece !== null; piece = this.channel.stdout.take()) {
        this.#framing.feed(piece, (packet) => this.#dispatch(packet));
        if (this.#error !== null) return;
      }
    } catch (error) {
      this.#over(error as SSHError);
      return;
    }
    // A turn later: where a broken connection is what ended it, that is the error to give.
    if (this.channel.stdout.ended) setImmediate(() => this.#over(new ChannelClosedError('the server ended the SFTP session')));
  }

  #dispatch(packet: Uint8Array): void {
    if (this.#error !== null) return;
    if (this.#versionDue) {
      try {
        extensionsOf(packet);
      } catch (error) {
        this.unexpected(error, { operation: 'opening a session' });
        return;
      }
      this.#versionDue = false;
      this.#settleReady(true);
      return;
    }
    if (packet.length < 5) throw new ProtocolError('malformed-message', `an SFTP answer of ${packet.length} bytes`);
    const id = readU32(packet, 1);
    const waiter = this.#waiting.get(id);
    // An answer to nothing: a server's mistake that harms nobody else's request.
    if (waiter === undefined) return;
    this.#waiting.delete(id);
    this.#tookMs = performance.now() - (waiter.sentAt ?? 0);
    if (this.#tookMs < this.#roundTripMs) this.#roundTripMs = this.#tookMs;
    waiter.reply(packet);
  }

  #over(error: SSHError): void {
    if (this.#error !== null) return;
    this.#error = error;
    this.channel.stdout.watch(null);
    this.channel.close();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.fail(error);
    this.#settleReady(false);
    this.#settleClosed(error instanceof ClosedError ? undefined : error);
  }
}

function noSubsystem(): ChannelClosedError {
  return new ChannelClosedError('the server closed the channel before SFTP began: is its sftp subsystem there?');
}

function wrongType(what: Operation): never {
  throw new DecodeError(`an answer of another type to ${what.operation}`);
}
