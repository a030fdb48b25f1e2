// One SFTP session of a server over one channel: packets in, requests served side by side, answers out. What is open at any time
// is bounded: so many requests, and so many bytes that they and their answers take. At the bound nothing more is taken from the
// channel, so the client's window closes (the draft's section 3: "it should not read any more data from the stream").
//
// The end: nothing new is started, what runs is waited for, every handle is closed exactly once.

import { ProtocolError, printable } from '../../errors.ts';
import type { ByteChannel } from '../byte-channel.ts';
import { Framing, MAX_PACKET_BYTES } from '../protocol/framing.ts';
import { Init } from '../protocol/messages.ts';
import { SFTP_FAILURE } from '../protocol/status.ts';
import { announcements } from './extensions.ts';
import { closeOpen, HandleTable, type OpenFile, type OpenFolder } from './handle-table.ts';
import type { SFTPServerInterface } from './interface.ts';
import { Order } from './order.ts';
import { outcomeOfError, Refusal } from './outcome.ts';
import type { Plan, Serving } from './plan.ts';
import { errorReply, versionReply } from './replies.ts';
import { ReplyQueue } from './reply-queue.ts';
import { planRequest, requestId } from './requests.ts';

export interface SessionOptions {
  readonly maxOpenHandles: number;
  readonly maxPendingRequests: number;
  /** SYMLINK comes with the link before the target (symlink-order.ts). Default false. */
  readonly linkFirst?: boolean;
  log(message: string): void;
}

/** What requests and unsent answers take together before the next request has to wait. Bytes. */
const BUDGET_BYTES = 4_194_304;

export class SFTPSession {
  readonly #channel: ByteChannel;
  readonly #options: SessionOptions;
  readonly #serving: Serving;
  readonly #framing = new Framing();
  readonly #order = new Order();
  readonly #replies: ReplyQueue;
  readonly #handles: HandleTable;
  /** Packets of the last piece that have not been looked at, the next one at the end. */
  #arrived: Uint8Array[] = [];
  /** What the requests in `#order` take. */
  #bytes = 0;
  #greeted = false;
  #scheduled = false;
  #over = false;
  #serveEnded: (violation: ProtocolError | null) => void = () => {};
  #idle: () => void = () => {};

  constructor(channel: ByteChannel, fileSystem: SFTPServerInterface, options: SessionOptions) {
    const { maxOpenHandles, linkFirst = false } = options;
    this.#channel = channel;
    this.#options = options;
    this.#replies = new ReplyQueue(channel);
    this.#handles = new HandleTable(maxOpenHandles);
    const isOver = () => this.#over;
    this.#serving = {
      fileSystem,
      handles: this.#handles,
      replies: this.#replies,
      maxOpenHandles,
      linkFirst,
      get over() {
        return isOver();
      },
      recycle: (packet) => this.#framing.recycle(packet),
    };
  }

  /**
   * Serves until the channel ends. Resolves with null where that was the client's to do: it has closed the channel, or ended its
   * side of it and got all answers; with what it did wrong otherwise.
   */
  serve(): Promise<ProtocolError | null> {
    return new Promise((resolve) => {
      this.#serveEnded = resolve;
      this.#channel.stdout.watch(() => this.#schedule());
      this.#channel.watchDrain(() => this.#schedule());
      void this.#channel.closed.then(() => this.#stop(null));
      this.#schedule();
    });
  }

  /** Closes what is open as soon as no hook is at work on it; resolves when no hook is at work at all. */
  end(): Promise<void> {
    this.#stop(null);
    return new Promise((resolve) => {
      this.#idle = resolve;
      for (const open of this.#handles.takeAll()) this.#enter(this.#closing(open), 0);
      if (this.#order.size === 0) resolve();
    });
  }

  /** Looks for work, but not within a call of the channel's: a hook may do to the connection whatever it wants. */
  #schedule(): void {
    if (this.#scheduled || this.#over) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      try {
        this.#work();
      } catch (error) {
        if (!(error instanceof ProtocolError)) this.#report(error);
        this.#stop(error instanceof ProtocolError ? error : new ProtocolError('malformed-message', 'an SFTP packet'));
      }
    });
  }

  /** @throws ProtocolError */
  #work(): void {
    while (!this.#over && this.#hasRoom()) {
      const packet = this.#next();
      if (packet === null) break;
      this.#receive(packet);
    }
    if (this.#over || !this.#channel.stdout.ended || this.#arrived.length > 0) return;
    if (!this.#framing.complete) throw new ProtocolError('malformed-message', 'the end within an SFTP packet');
    // The answers go out even if the client does not send any more.
    if (this.#order.size === 0) this.#stop(null);
  }

  #hasRoom(): boolean {
    return this.#order.size < this.#options.maxPendingRequests && this.#bytes + this.#replies.bytes < BUDGET_BYTES;
  }

  /** @throws ProtocolError */
  #next(): Uint8Array | null {
    while (this.#arrived.length === 0) {
      const piece = this.#channel.stdout.take();
      if (piece === null) return null;
      this.#framing.feed(piece, (packet) => this.#arrived.push(packet));
      this.#arrived.reverse();
    }
    return this.#arrived.pop() as Uint8Array;
  }

  /** @throws ProtocolError for what can't be answered */
  #receive(packet: Uint8Array): void {
    if (packet[0] === Init.number || !this.#greeted) {
      if (this.#greeted) throw new ProtocolError('malformed-message', 'a second INIT');
      this.#greet(packet);
      return;
    }
    const id = requestId(packet);
    if (id === null) throw new ProtocolError('malformed-message', 'an SFTP request without a number');
    let plan: Plan;
    try {
      plan = planRequest(this.#serving, packet);
    } catch (error) {
      this.#answerError(id, error);
      return;
    }
    this.#enter(plan, packet.length + (plan.bytes ?? 0), id);
  }

  /**
   * INIT, answered with 3 whatever the client says: a newer one goes down to it, as the draft wants the lower of the two, and of an
   * older one nothing is known but the number. It hears what we speak, as from OpenSSH, and not that we spoke what it does.
   */
  #greet(packet: Uint8Array): void {
    if (packet[0] !== Init.number) throw new ProtocolError('malformed-message', 'an SFTP request before INIT');
    Init.decode(packet);
    this.#greeted = true;
    this.#post(versionReply(announcements(this.#serving.fileSystem)));
  }

  #enter(plan: Plan, bytes: number, id: number | null = null): void {
    this.#bytes += bytes;
    const turn = this.#order.enter(plan.touches, () => {
      void this.#serve(plan, id).then(() => {
        this.#bytes -= bytes;
        this.#order.leave(turn);
        this.#schedule();
        if (this.#order.size === 0) this.#idle();
      });
    });
  }

  /** Never rejects. */
  async #serve(plan: Plan, id: number | null): Promise<void> {
    if (!this.#over || plan.always === true) {
      let answer: () => void;
      try {
        const framed = await plan.serve();
        if (framed.length > 4 + MAX_PACKET_BYTES) throw new Refusal(SFTP_FAILURE, 'The answer is too long');
        answer = () => id !== null && this.#post(framed);
      } catch (error) {
        answer = () => this.#answerError(id, error);
      }
      const before = plan.answer?.wait() ?? null;
      if (before !== null) await before;
      answer();
    }
    plan.answer?.leave();
  }

  #closing(open: OpenFile | OpenFolder): Plan {
    const serve = async () => {
      await closeOpen(open);
      return new Uint8Array(0);
    };
    return { touches: open.closing, always: true, serve };
  }

  #answerError(id: number | null, error: unknown): void {
    if (outcomeOfError(error).unexpected) this.#report(error);
    if (id !== null) this.#post(errorReply(id, error));
  }

  #post(framed: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#replies.post(framed);
    } catch {
      // The channel is over, or the client reads no more: there will be no further request either.
      this.#stop(null);
    }
  }

  #report(error: unknown): void {
    this.#options.log(`a hook of the SFTP server failed: ${printable(error instanceof Error ? error.message : String(error))}`);
  }

  #stop(violation: ProtocolError | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#channel.stdout.watch(null);
    this.#channel.watchDrain(null);
    this.#arrived = [];
    this.#serveEnded(violation);
  }
}
