// A client of SFTP that knows packets and nothing else: sends what a test makes up, in any order and as many at once as it likes,
// and hands out answers by their number. Over a channel in memory that a test can stop and cut, or over a real one.
import { expect } from 'vitest';
import { concat } from '../../src/bytes/bytes.ts';
import type { SSHError } from '../../src/errors.ts';
import type { Channel } from '../../src/index.ts';
import type { ByteChannel } from '../../src/sftp/byte-channel.ts';
import type { SFTPAttributes } from '../../src/sftp/protocol/attributes.ts';
import { dataOf } from '../../src/sftp/protocol/data.ts';
import { Framing, frame } from '../../src/sftp/protocol/framing.ts';
import * as messages from '../../src/sftp/protocol/messages.ts';
import type { SFTPServerInterface } from '../../src/sftp/server/interface.ts';
import { type SessionOptions, SFTPSession } from '../../src/sftp/server/session.ts';
import type { Message, Values } from '../../src/wire/message.ts';
import { deferred } from './loopback.ts';

/** What a request has besides its number. */
export type Asked<M> = Omit<Values<M>, 'id'>;

export class RawSftp {
  /** What came that nobody has asked for, VERSION among it. */
  readonly unasked: Uint8Array[] = [];
  /** The numbers of the answers, in the order in which they came. */
  readonly answered: number[] = [];
  /** The most that one chunk holds when requests are sent together. */
  readonly #send: (bytes: Uint8Array) => void;
  readonly #framing = new Framing();
  readonly #waiting = new Map<number, (packet: Uint8Array) => void>();
  #unaskedWaiter: (() => void) | null = null;
  #nextId = 1;
  #held: Uint8Array[] | null = null;

  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
  }

  /** Bytes from the server. */
  receive(bytes: Uint8Array): void {
    this.#framing.feed(bytes, (packet) => {
      const copy = new Uint8Array(packet);
      const id = Buffer.from(copy).readUInt32BE(1);
      const waiter = copy[0] === messages.Version.number ? undefined : this.#waiting.get(id);
      if (waiter === undefined) {
        this.unasked.push(copy);
        this.#unaskedWaiter?.();
        return;
      }
      this.#waiting.delete(id);
      this.answered.push(id);
      waiter(copy);
    });
  }

  /** Any bytes. */
  raw(bytes: Uint8Array): void {
    if (this.#held === null) this.#send(bytes);
    else this.#held.push(bytes);
  }

  /** A packet. */
  packet(packet: Uint8Array): void {
    this.raw(frame(packet));
  }

  /** Sends everything that `asks` makes as one piece. */
  together<T>(asks: () => T): T {
    this.#held = [];
    const result = asks();
    const held = concat(...this.#held);
    this.#held = null;
    this.#send(held);
    return result;
  }

  /** Sends a request under the next number and resolves with the packet that answers it. */
  ask<M extends Message>(message: M, values: Asked<M>): Promise<Uint8Array> {
    const id = this.#nextId++;
    const answer = this.answer(id);
    this.packet(message.encode({ ...values, id } as never));
    return answer;
  }

  /** The number of the next request. */
  get nextId(): number {
    return this.#nextId;
  }

  /** The answer with this number, whoever sends the request. */
  answer(id: number): Promise<Uint8Array> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  extended(request: string, data: Uint8Array): Promise<Uint8Array> {
    return this.ask(messages.Extended, { request, data });
  }

  /** INIT; resolves with the version and the extensions. */
  async greet(version = 3): Promise<{ version: number; extensions: Map<string, string> }> {
    this.packet(messages.Init.encode({ version, extensions: new Map() }));
    const answer = messages.Version.decode(await this.next());
    const extensions = new Map([...answer.extensions].map(([name, data]) => [name, Buffer.from(data).toString()]));
    return { version: answer.version, extensions };
  }

  /** The next packet that was not asked for. */
  async next(): Promise<Uint8Array> {
    while (this.unasked.length === 0) {
      const { promise, resolve } = deferred<void>();
      this.#unaskedWaiter = () => resolve();
      await promise;
    }
    return this.unasked.shift() as Uint8Array;
  }

  open(path: string, flags: number, attributes: SFTPAttributes): Promise<Uint8Array> {
    return this.ask(messages.Open, { path, flags, attributes });
  }
}

/** `expect` for what will be so in a moment, on a machine that has other things to do as well. */
export function eventually(look: () => unknown): ReturnType<typeof expect.poll> {
  return expect.poll(look, { interval: 2, timeout: 10_000 });
}

// ------------------------------------------------------------------------------------------------------------- answers

export function statusOf(packet: Uint8Array): number {
  return messages.Status.decode(packet).status;
}

export function statusAndText(packet: Uint8Array): [number, string] {
  const { status, message } = messages.Status.decode(packet);
  return [status, message];
}

export function handleOf(packet: Uint8Array): Uint8Array {
  return messages.Handle.decode(packet).handle;
}

export function attributesOf(packet: Uint8Array): SFTPAttributes {
  return messages.Attrs.decode(packet).attributes;
}

export function namesOf(packet: Uint8Array): readonly SFTPAttributes[] {
  return messages.Name.decode(packet).names;
}

export function textOf(packet: Uint8Array): string {
  return Buffer.from(dataOf(packet)).toString();
}

// ------------------------------------------------------------------------------------------------------------ channels

/** The server's end of a channel whose other end is a test. */
export class MemoryChannel implements ByteChannel {
  /** What the server has sent and the "network" has taken. */
  onSent: (bytes: Uint8Array) => void = () => {};
  /** How often the server has taken something. */
  taken = 0;
  readonly closed: Promise<SSHError | undefined>;
  readonly stdout: ByteChannel['stdout'];
  #close: (error: SSHError | undefined) => void = () => {};
  #incoming: Uint8Array[] = [];
  #ended = false;
  #isClosed = false;
  #listener: (() => void) | null = null;
  #drainListener: (() => void) | null = null;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #wasHigh = false;
  #flowing = true;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    const take = () => {
      const piece = this.#incoming.shift() ?? null;
      if (piece !== null) this.taken++;
      return piece;
    };
    const ended = () => this.#ended && this.#incoming.length === 0;
    this.stdout = {
      take,
      watch: (listener) => {
        this.#listener = listener;
      },
      get ended() {
        return ended();
      },
    };
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Pieces that the server has not taken. */
  get waiting(): number {
    return this.#incoming.length;
  }

  post(data: Uint8Array): boolean {
    if (this.#isClosed) throw new Error('closed');
    this.#queue.push(data);
    this.#queuedBytes += data.length;
    if (this.#flowing) setImmediate(() => this.#flow());
    if (this.#queuedBytes < 131_072) return true;
    this.#wasHigh = true;
    return false;
  }

  watchDrain(listener: (() => void) | null): void {
    this.#drainListener = listener;
  }

  close(): void {
    this.end();
    this.cut();
  }

  // ---- the other end

  feed(bytes: Uint8Array): void {
    this.#incoming.push(bytes);
    this.#listener?.();
  }

  end(): void {
    this.#ended = true;
    this.#listener?.();
  }

  cut(error?: SSHError): void {
    this.#isClosed = true;
    this.#ended = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#close(error);
    this.#listener?.();
  }

  /** The other end takes no more until {@link flow}. */
  stop(): void {
    this.#flowing = false;
  }

  /** Takes what is there, at most so many bytes, and with no limit goes on taking. */
  flow(limit = Number.POSITIVE_INFINITY): void {
    if (limit === Number.POSITIVE_INFINITY) this.#flowing = true;
    this.#flow(limit);
  }

  #flow(limit = Number.POSITIVE_INFINITY): void {
    let left = this.#flowing || limit < Number.POSITIVE_INFINITY ? limit : 0;
    for (let head = this.#queue[0]; head !== undefined && left > 0; head = this.#queue[0]) {
      const part = head.subarray(0, left);
      left -= part.length;
      this.#queuedBytes -= part.length;
      if (part.length === head.length) this.#queue.shift();
      else this.#queue[0] = head.subarray(part.length);
      this.onSent(new Uint8Array(part));
      if (this.#wasHigh && this.#queuedBytes < 131_072) {
        this.#wasHigh = false;
        this.#drainListener?.();
      }
    }
  }
}

export interface ServedInMemory {
  readonly channel: MemoryChannel;
  readonly client: RawSftp;
  readonly session: SFTPSession;
  /** What {@link SFTPSession.serve} resolves with. */
  readonly served: Promise<Error | null>;
  readonly log: string[];
}

/** A session over a channel in memory, already greeted unless told otherwise. */
export async function serveInMemory(
  fileSystem: SFTPServerInterface,
  { greet = true, ...options }: Partial<SessionOptions> & { greet?: boolean } = {},
): Promise<ServedInMemory> {
  const channel = new MemoryChannel();
  const log: string[] = [];
  const defaults: SessionOptions = { maxOpenHandles: 1_024, maxPendingRequests: 128, log: (line) => log.push(line) };
  const session = new SFTPSession(channel, fileSystem, { ...defaults, ...options });
  const client = new RawSftp((bytes) => channel.feed(bytes));
  channel.onSent = (bytes) => client.receive(bytes);
  const served = session.serve();
  if (greet) await client.greet();
  return { channel, client, session, served, log };
}

/** A raw client on a channel of a transport, on which the subsystem runs. */
export function rawSftpOn(channel: Channel): RawSftp {
  const client = new RawSftp((bytes) => void channel.write(bytes).catch(() => {}));
  const read = async () => {
    for await (const chunk of channel) client.receive(chunk);
  };
  // How the channel ends is for the test to look at.
  read().catch(() => {});
  return client;
}
