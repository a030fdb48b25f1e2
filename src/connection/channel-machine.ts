// One channel's protocol (RFC 4254 section 5): states, windows, order of requests, EOF and CLOSE. It calls its handler
// synchronously and never waits for it.
//
// A channel lives until both sides have sent CLOSE. Data is handed over as views of buffers that are never used again, so the
// handler may keep them; it says `consume(n)` when it has let go of n bytes, and only then does the peer get new credit. A
// handler that keeps up may be given a larger window, see ReceiveWindow.

import { EMPTY } from '../bytes/bytes.ts';
import { ChannelClosedError, ProtocolError, type SSHError, UsageError } from '../errors.ts';
import { limits } from '../packet/limits.ts';
import {
  ChannelClose,
  ChannelEof,
  ChannelFailure,
  ChannelRequest,
  ChannelSuccess,
  ChannelWindowAdjust,
  STDERR,
} from '../wire/messages/connection.ts';
import type { ConnectionPort } from './port.ts';
import { checkRequestSize, InboundRequests, OutboundRequests, type ReplyWaiter } from './replies.ts';
import type { RoundTrip } from './round-trip.ts';
import { ReceiveWindow, SendWindow, type WindowBudget } from './window.ts';

/** 0 for ordinary data, 1 for stderr. */
export type DataType = 0 | 1;

export interface InboundChannelRequest {
  readonly request: string;
  readonly data: Uint8Array;
  readonly wantReply: boolean;
  /** Answers; without effect where no reply is wanted, or after the first call. */
  reply(success: boolean): void;
}

/** What happens on a channel. None of these may throw. */
export interface ChannelHandler {
  onData(data: Uint8Array, type: DataType): void;
  /** The peer will send no more data. */
  onEof(): void;
  onRequest(request: InboundChannelRequest): void;
  /** What was queued with `write` has gone below the low mark. */
  onDrain(): void;
  /** The channel is over: `error` null after CLOSE from both sides. Called exactly once. */
  onClose(error: SSHError | null): void;
}

/** What both sides said when the channel was opened. */
export interface ChannelParameters {
  readonly localId: number;
  readonly remoteId: number;
  readonly localWindowBytes: number;
  /** How far the receive window may grow; that is not said to the peer. */
  readonly localMaxWindowBytes: number;
  readonly localMaxPacketBytes: number;
  readonly remoteWindowBytes: number;
  readonly remoteMaxPacketBytes: number;
}

/** What the channels of one connection have in common. */
export interface ChannelSurroundings {
  readonly port: ConnectionPort;
  readonly roundTrip: RoundTrip;
  readonly windowBudget: WindowBudget;
  /** The channel is over, its number free. */
  released(channel: ChannelMachine): void;
}

/** When the send queue falls below this, `onDrain` is called. Bytes. */
const LOW_MARK = 131_072;

export class ChannelMachine {
  readonly localId: number;
  readonly #remoteId: number;
  readonly #port: ConnectionPort;
  readonly #handler: ChannelHandler;
  readonly #surroundings: ChannelSurroundings;
  readonly #receiveWindow: ReceiveWindow;
  readonly #sendWindow: SendWindow;
  readonly #localMaxPacketBytes: number;
  readonly #packetBytes: number;
  readonly #outbound = new OutboundRequests();
  readonly #inbound: InboundRequests;

  #queue: { data: Uint8Array; type: DataType; owned: boolean }[] = [];
  #queuedBytes = 0;
  #wasHigh = false;
  #eofWanted = false;
  #closeWanted = false;
  #eofSent = false;
  #closeSent = false;
  #eofReceived = false;
  #closeReceived = false;
  #over = false;

  constructor(parameters: ChannelParameters, handler: ChannelHandler, surroundings: ChannelSurroundings) {
    const { localWindowBytes, localMaxWindowBytes } = parameters;
    this.localId = parameters.localId;
    this.#remoteId = parameters.remoteId;
    this.#port = surroundings.port;
    this.#handler = handler;
    this.#surroundings = surroundings;
    this.#receiveWindow = new ReceiveWindow(localWindowBytes, localMaxWindowBytes, surroundings.windowBudget);
    this.#sendWindow = new SendWindow(parameters.remoteWindowBytes);
    this.#localMaxPacketBytes = parameters.localMaxPacketBytes;
    // Packets above 32 KiB gain nothing, whatever the peer would take.
    this.#packetBytes = Math.min(parameters.remoteMaxPacketBytes, limits.channelPacketBytes);
    this.#inbound = new InboundRequests((reply) => {
      if (!this.#closeSent) this.#port.send(reply);
    });
  }

  /** Bytes queued by `write` and not yet sent. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Receive window, bytes: what the peer may have under way or unread. Grows where that helps. */
  get windowBytes(): number {
    return this.#receiveWindow.limit;
  }

  /** Whether data may still be written. */
  get writable(): boolean {
    return !(this.#over || this.#eofWanted || this.#closeWanted || this.#closeReceived);
  }

  /** Whether `write` would return true for a small piece of data. */
  get roomy(): boolean {
    return this.#queuedBytes < LOW_MARK;
  }

  get open(): boolean {
    return !(this.#over || this.#closeWanted || this.#closeReceived);
  }

  // ---- what our side does -------------------------------------------------------------------------------------------

  /**
   * Queues data; the buffer must not change before it has been sent, or {@link ownQueue} was called. Returns false where the
   * caller should wait for `onDrain`.
   */
  write(data: Uint8Array, type: DataType): boolean {
    if (!this.writable) throw new ChannelClosedError(this.#eofWanted ? 'the channel was ended for writing' : undefined);
    if (data.length > 0) {
      this.#queue.push({ data, type, owned: false });
      this.#queuedBytes += data.length;
      this.#port.outputReady();
    }
    if (this.#queuedBytes < LOW_MARK) return true;
    this.#wasHigh = true;
    return false;
  }

  /** Copies what is still queued and not yet copied: the writers may use their buffers for something else from now on. */
  ownQueue(): void {
    // What came last is not ours yet, all before one that is ours is too.
    for (let i = this.#queue.length - 1; i >= 0; i--) {
      const entry = this.#queue[i] as { data: Uint8Array; owned: boolean };
      if (entry.owned) break;
      entry.data = new Uint8Array(entry.data);
      entry.owned = true;
    }
  }

  /** No more data from us; what is queued still goes out first. */
  eof(): void {
    if (this.#eofWanted || !this.open) return;
    this.#eofWanted = true;
    this.#flushEnd();
  }

  /** Ends the channel after what is queued (or, with `discard`, without it). */
  close(discard = false): void {
    if (this.#closeWanted || this.#over) return;
    this.#closeWanted = true;
    if (discard) this.#discardQueue();
    this.#flushEnd();
  }

  /** The peer reads no more (eow@openssh.com, OpenSSH PROTOCOL section 2.1): what is queued is dropped and EOF sent. */
  stopWriting(): void {
    this.#discardQueue();
    this.eof();
  }

  /** A request of ours. Without a waiter no reply is wanted. */
  request(name: string, data: Uint8Array, waiter: ReplyWaiter | null): void {
    if (this.#closeSent || this.#over) throw new ChannelClosedError();
    if (name === '') throw new UsageError('an empty request name');
    checkRequestSize(name, data);
    if (waiter !== null) this.#outbound.add(this.#surroundings.roundTrip.timed(waiter));
    this.#port.send(ChannelRequest.encode({ recipient: this.#remoteId, request: name, wantReply: waiter !== null, data }));
  }

  /** The user has let go of this many bytes of data. */
  consume(bytes: number): void {
    if (!this.#closeSent && !this.#over) this.#adjust(this.#receiveWindow.consume(bytes));
  }

  /** The user has not read this many bytes, but lets the peer go on: what nobody reads must not make the window grow. */
  credit(bytes: number): void {
    if (!this.#closeSent && !this.#over) this.#adjust(this.#receiveWindow.credit(bytes));
  }

  /** Whether {@link pump} could send something now. */
  get ready(): boolean {
    return this.#queue.length > 0 && this.#sendWindow.available > 0 && !this.#closeSent;
  }

  /** Sends one packet of queued data: the scheduler's turn. */
  pump(): void {
    const head = this.#queue[0] as { data: Uint8Array; type: DataType; owned: boolean };
    const count = Math.min(head.data.length, this.#sendWindow.available, this.#packetBytes);
    this.#sendWindow.spend(count);
    this.#queuedBytes -= count;
    if (count === head.data.length) {
      this.#queue.shift();
      this.#port.sendData(this.#remoteId, head.type, head.data);
    } else {
      this.#port.sendData(this.#remoteId, head.type, head.data.subarray(0, count));
      head.data = head.data.subarray(count);
    }
    if (this.#queue.length === 0) this.#flushEnd();
    if (this.#wasHigh && this.#queuedBytes < LOW_MARK && !this.#over) {
      this.#wasHigh = false;
      this.#handler.onDrain();
    }
  }

  /** The connection is gone. */
  fail(error: SSHError): void {
    this.#finish(error);
  }

  // ---- what the peer does -------------------------------------------------------------------------------------------

  /** CHANNEL_DATA, or CHANNEL_EXTENDED_DATA with its type. */
  receiveData(data: Uint8Array, type: number): void {
    if (this.#eofReceived || this.#closeReceived) throw new ProtocolError('channel-out-of-order', 'data after EOF or CLOSE');
    if (data.length > this.#localMaxPacketBytes) {
      throw new ProtocolError('channel-packet-too-long', `${data.length} bytes of data in one packet`);
    }
    this.#receiveWindow.receive(data.length);
    // Nobody can read a stream that is not defined, nor one that we have closed. Without the credit back the channel would
    // stall (golang/go b07833c).
    if (this.#closeWanted || type > STDERR || data.length === 0) {
      this.credit(data.length);
      return;
    }
    this.#handler.onData(data, type as DataType);
    if (this.#receiveWindow.mayGrow) this.#tune();
  }

  receiveWindowAdjust(bytes: number): void {
    this.#sendWindow.adjust(bytes);
    if (this.#queue.length > 0) this.#port.outputReady();
  }

  receiveEof(): void {
    if (this.#eofReceived || this.#closeReceived) throw new ProtocolError('channel-out-of-order', 'a second EOF');
    this.#eofReceived = true;
    if (!this.#closeWanted) this.#handler.onEof();
  }

  receiveClose(): void {
    if (this.#closeReceived) throw new ProtocolError('channel-out-of-order', 'a second CLOSE');
    this.#closeReceived = true;
    // "Upon receiving this message, a party MUST send back an SSH_MSG_CHANNEL_CLOSE": what is still queued can't be delivered.
    this.#discardQueue();
    this.#closeWanted = true;
    if (this.#closeSent) this.#finish(null);
    else this.#flushEnd();
  }

  receiveRequest({ request, wantReply, data }: ChannelRequest): void {
    if (this.#closeReceived) throw new ProtocolError('channel-out-of-order', 'a request after CLOSE');
    const answer = wantReply ? this.#inbound.add() : null;
    const reply = (success: boolean) => {
      answer?.((success ? ChannelSuccess : ChannelFailure).encode({ recipient: this.#remoteId }));
    };
    if (this.#closeWanted) reply(false);
    else this.#handler.onRequest({ request, data, wantReply, reply });
  }

  receiveReply(success: boolean): void {
    this.#outbound.settle(success ? EMPTY : null);
  }

  /** Only when data has come in: at no other moment is the time known for sure. */
  #tune(): void {
    if (this.#closeWanted || this.#over) return;
    const { roundTrip } = this.#surroundings;
    if (this.#receiveWindow.busy) roundTrip.need();
    this.#adjust(this.#receiveWindow.tune(this.#port.now(), roundTrip.milliseconds));
  }

  #adjust(credit: number): void {
    if (credit === 0 || this.#eofReceived || this.#closeReceived) return;
    this.#port.send(ChannelWindowAdjust.encode({ recipient: this.#remoteId, bytes: credit }));
  }

  #flushEnd(): void {
    if (this.#queue.length > 0 || this.#closeSent) return;
    if (this.#eofWanted && !this.#eofSent) {
      this.#eofSent = true;
      this.#port.send(ChannelEof.encode({ recipient: this.#remoteId }));
    }
    if (!this.#closeWanted) return;
    this.#closeSent = true;
    this.#port.send(ChannelClose.encode({ recipient: this.#remoteId }));
    if (this.#closeReceived) this.#finish(null);
  }

  #discardQueue(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  #finish(error: SSHError | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#discardQueue();
    this.#receiveWindow.release();
    this.#surroundings.released(this);
    this.#outbound.abandon(error ?? new ChannelClosedError('the peer closed the channel'));
    this.#handler.onClose(error);
  }
}
