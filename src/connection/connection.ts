// The connection protocol (RFC 4254): the channel table, opening of channels, global requests. What happens inside a channel
// is ChannelMachine's, who may send is Scheduler's.

import { EMPTY, readU32 } from '../bytes/bytes.ts';
import { ChannelOpenError, ProtocolError, type SSHError, UsageError } from '../errors.ts';
import { limits } from '../packet/limits.ts';
import {
  ChannelClose,
  ChannelData,
  ChannelEof,
  ChannelExtendedData,
  ChannelFailure,
  ChannelOpen,
  ChannelOpenConfirmation,
  ChannelOpenFailure,
  ChannelRequest,
  ChannelSuccess,
  ChannelWindowAdjust,
  GlobalRequest,
  OpenFailureReason,
  RequestFailure,
  RequestSuccess,
} from '../wire/messages/connection.ts';
import { type ChannelHandler, ChannelMachine, type ChannelSurroundings } from './channel-machine.ts';
import type { ConnectionPort } from './port.ts';
import { checkRequestSize, InboundRequests, OutboundRequests, type ReplyWaiter } from './replies.ts';
import { RoundTrip } from './round-trip.ts';
import { Scheduler } from './scheduler.ts';
import { WindowBudget } from './window.ts';

export interface OpenParameters {
  /** Receive window, bytes; 32 KiB to 2^32 - 1. */
  readonly windowBytes: number;
  /** How far it may grow where the round trip needs it and the user keeps up, bytes. Default `windowBytes`: it is fixed. */
  readonly maxWindowBytes?: number;
  /** Largest data in one packet that we take, bytes. */
  readonly maxPacketBytes: number;
}

/** How an open of ours ended. */
export interface OpenWaiter {
  opened(channel: ChannelMachine): void;
  refused(error: SSHError): void;
}

/** The peer wants a channel. Exactly one of `accept` and `refuse` takes effect, now or later. */
export interface InboundOpen {
  readonly kind: string;
  readonly data: Uint8Array;
  accept(handler: ChannelHandler, parameters: OpenParameters): ChannelMachine;
  refuse(reason: number, description: string): void;
}

export interface InboundGlobalRequest {
  readonly request: string;
  readonly data: Uint8Array;
  readonly wantReply: boolean;
  /** The reply's data for success, null for failure. */
  reply(data: Uint8Array | null): void;
}

export interface ConnectionHandler {
  onChannelOpen(open: InboundOpen): void;
  onGlobalRequest(request: InboundGlobalRequest): void;
}

interface PendingOpen extends OpenParameters {
  readonly kind: string;
  readonly handler: ChannelHandler;
  readonly waiter: OpenWaiter;
  readonly answered: () => void;
  abandoned: boolean;
}

/** Extended data of type 0 is not ordinary data, it is as undefined as 2 and above. */
const UNDEFINED_TYPE = 0xffff_ffff;

export class Connection {
  /** Of this connection's answers; whoever waits for others adds to it. */
  readonly roundTrip: RoundTrip;
  readonly #port: ConnectionPort;
  readonly #handler: ConnectionHandler;
  readonly #channels = new Map<number, ChannelMachine>();
  readonly #opening = new Map<number, PendingOpen>();
  readonly #scheduler: Scheduler;
  readonly #outbound = new OutboundRequests();
  readonly #inbound: InboundRequests;
  readonly #surroundings: ChannelSurroundings;
  #nextId = 0;
  /** Opens of the peer that nobody has decided yet. */
  #undecided = 0;
  #over: SSHError | null = null;

  constructor(port: ConnectionPort, handler: ConnectionHandler) {
    this.#port = port;
    this.#handler = handler;
    this.#scheduler = new Scheduler(port, this.#channels);
    this.#inbound = new InboundRequests((reply) => this.#port.send(reply));
    // The question of OpenSSH's ClientAliveInterval: there is no peer that has not met it.
    const ask = () => this.globalRequest('keepalive@openssh.com', EMPTY, { reply: () => {}, abandon: () => {} });
    this.roundTrip = new RoundTrip(() => port.now(), ask);
    this.#surroundings = {
      port,
      roundTrip: this.roundTrip,
      windowBudget: new WindowBudget(),
      released: ({ localId }) => void this.#channels.delete(localId),
    };
  }

  /** Channels that are open. */
  get channelCount(): number {
    return this.#channels.size;
  }

  /** Opens of ours that have not been answered. */
  get openingCount(): number {
    return this.#opening.size;
  }

  /** Channel data that is queued and not yet sent, bytes. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const channel of this.#channels.values()) bytes += channel.queuedBytes;
    return bytes;
  }

  /** What was said so far goes to the stream now, and data of channels with it. */
  pump(): void {
    this.roundTrip.sent();
    this.#scheduler.pump();
  }

  /** Asks for a channel. The returned function gives up: a confirmation that still comes is answered with CLOSE. */
  open(kind: string, data: Uint8Array, parameters: OpenParameters, handler: ChannelHandler, waiter: OpenWaiter): () => void {
    checkRequestSize(kind, data);
    const localId = this.#freeId();
    const answered = this.roundTrip.start();
    const pending: PendingOpen = { ...parameters, kind, handler, waiter, answered, abandoned: false };
    this.#opening.set(localId, pending);
    const { windowBytes, maxPacketBytes } = parameters;
    this.#port.send(ChannelOpen.encode({ kind, sender: localId, windowBytes, maxPacketBytes, data }));
    return () => {
      pending.abandoned = true;
    };
  }

  globalRequest(request: string, data: Uint8Array, waiter: ReplyWaiter | null): void {
    checkRequestSize(request, data);
    if (waiter !== null) this.#outbound.add(this.roundTrip.timed(waiter));
    this.#port.send(GlobalRequest.encode({ request, wantReply: waiter !== null, data }));
  }

  /** The connection is gone: every channel and every waiter learns why, once. */
  fail(error: SSHError): void {
    this.#over = error;
    const opening = [...this.#opening.values()];
    this.#opening.clear();
    for (const { waiter, abandoned } of opening) if (!abandoned) waiter.refused(error);
    for (const channel of [...this.#channels.values()]) channel.fail(error);
    this.#outbound.abandon(error);
  }

  /** Messages 80 to 127. The admission table has let them in. */
  receive(payload: Uint8Array): void {
    switch (payload[0]) {
      case ChannelData.number:
        this.#receiveData(payload, 0, 5);
        break;
      case ChannelExtendedData.number:
        if (payload.length < 9)
          throw new ProtocolError('malformed-message', `${ChannelExtendedData.name}: ${payload.length} bytes`);
        this.#receiveData(payload, readU32(payload, 5) || UNDEFINED_TYPE, 9);
        break;
      case ChannelWindowAdjust.number: {
        const { recipient, bytes } = ChannelWindowAdjust.decode(payload);
        this.#channel(recipient).receiveWindowAdjust(bytes);
        break;
      }
      case ChannelRequest.number: {
        const request = ChannelRequest.decode(payload);
        this.#channel(request.recipient).receiveRequest(request);
        break;
      }
      case ChannelSuccess.number:
        this.#channel(ChannelSuccess.decode(payload).recipient).receiveReply(true);
        break;
      case ChannelFailure.number:
        this.#channel(ChannelFailure.decode(payload).recipient).receiveReply(false);
        break;
      case ChannelEof.number:
        this.#channel(ChannelEof.decode(payload).recipient).receiveEof();
        break;
      case ChannelClose.number:
        this.#channel(ChannelClose.decode(payload).recipient).receiveClose();
        break;
      case ChannelOpen.number:
        this.#receiveOpen(ChannelOpen.decode(payload));
        break;
      case ChannelOpenConfirmation.number:
        this.#receiveConfirmation(ChannelOpenConfirmation.decode(payload));
        break;
      case ChannelOpenFailure.number: {
        const { recipient, reason, description } = ChannelOpenFailure.decode(payload);
        const pending = this.#takePending(recipient);
        if (!pending.abandoned) pending.waiter.refused(new ChannelOpenError(pending.kind, reason, description));
        break;
      }
      case GlobalRequest.number:
        this.#receiveGlobalRequest(payload);
        break;
      case RequestSuccess.number:
        this.#outbound.settle(RequestSuccess.decode(payload).data);
        break;
      case RequestFailure.number:
        RequestFailure.decode(payload);
        this.#outbound.settle(null);
        break;
      default:
        throw new ProtocolError('message-not-admitted', `message ${payload[0]}`);
    }
  }

  /** The hot path, read by hand: recipient, (type,) length, data. */
  #receiveData(payload: Uint8Array, type: number, lengthAt: number): void {
    const start = lengthAt + 4;
    if (payload.length < start || readU32(payload, lengthAt) !== payload.length - start) {
      throw new ProtocolError('malformed-message', 'channel data of the wrong length');
    }
    this.#channel(readU32(payload, 1)).receiveData(payload.subarray(start), type);
  }

  #receiveOpen({ kind, sender, windowBytes, maxPacketBytes, data }: ChannelOpen): void {
    let decided = false;
    const refuse = (reason: number, description: string) => {
      if (decided) return;
      decided = true;
      this.#undecided--;
      if (this.#over === null)
        this.#port.send(ChannelOpenFailure.encode({ recipient: sender, reason, description, language: '' }));
    };
    this.#undecided++;
    if (maxPacketBytes === 0) {
      refuse(OpenFailureReason.administrativelyProhibited, 'a maximum packet size of 0');
      return;
    }
    if (this.#channels.size + this.#undecided > limits.channels) {
      refuse(OpenFailureReason.resourceShortage, 'too many channels');
      return;
    }
    this.#handler.onChannelOpen({
      kind,
      data,
      refuse,
      accept: (handler, own) => {
        if (decided) throw new UsageError('this channel open was answered before');
        decided = true;
        this.#undecided--;
        const localId = this.#freeId();
        const channel = this.#add(localId, sender, windowBytes, maxPacketBytes, own, handler);
        if (this.#over !== null) {
          channel.fail(this.#over);
          return channel;
        }
        this.#port.send(
          ChannelOpenConfirmation.encode({
            recipient: sender,
            sender: localId,
            windowBytes: own.windowBytes,
            maxPacketBytes: own.maxPacketBytes,
            data: new Uint8Array(0),
          }),
        );
        return channel;
      },
    });
  }

  #receiveConfirmation(confirmation: ReturnType<typeof ChannelOpenConfirmation.decode>): void {
    const { recipient, sender, windowBytes, maxPacketBytes } = confirmation;
    // Before the waiter is taken out of the table: whoever is not in it would never hear of the failure.
    if (maxPacketBytes === 0) throw new ProtocolError('bad-channel-parameters', 'a maximum packet size of 0');
    const pending = this.#takePending(recipient);
    const channel = this.#add(recipient, sender, windowBytes, maxPacketBytes, pending, pending.handler);
    // Nobody waits any more: close it, or it would stay half open for as long as the connection lives.
    if (pending.abandoned) channel.close(true);
    else pending.waiter.opened(channel);
  }

  #receiveGlobalRequest(payload: Uint8Array): void {
    const { request, wantReply, data } = GlobalRequest.decode(payload);
    const answer = wantReply ? this.#inbound.add() : null;
    const reply = (answered: Uint8Array | null) => {
      if (this.#over === null)
        answer?.(answered === null ? RequestFailure.encode({}) : RequestSuccess.encode({ data: answered }));
    };
    this.#handler.onGlobalRequest({ request, data, wantReply, reply });
  }

  #add(
    localId: number,
    remoteId: number,
    remoteWindowBytes: number,
    remoteMaxPacketBytes: number,
    own: OpenParameters,
    handler: ChannelHandler,
  ): ChannelMachine {
    const channel = new ChannelMachine(
      {
        localId,
        remoteId,
        localWindowBytes: own.windowBytes,
        localMaxWindowBytes: own.maxWindowBytes ?? own.windowBytes,
        localMaxPacketBytes: own.maxPacketBytes,
        remoteWindowBytes,
        remoteMaxPacketBytes,
      },
      handler,
      this.#surroundings,
    );
    this.#channels.set(localId, channel);
    return channel;
  }

  #channel(localId: number): ChannelMachine {
    const channel = this.#channels.get(localId);
    if (channel === undefined) throw new ProtocolError('unknown-channel', `channel ${localId}`);
    return channel;
  }

  #takePending(localId: number): PendingOpen {
    const pending = this.#opening.get(localId);
    if (pending === undefined) throw new ProtocolError('unknown-channel', `an answer to no channel open, ${localId}`);
    this.#opening.delete(localId);
    pending.answered();
    return pending;
  }

  /** Numbers count up and are used again only after they have wrapped around, so that a late message can't hit a new channel. */
  #freeId(): number {
    for (;;) {
      const id = this.#nextId;
      this.#nextId = (this.#nextId + 1) & 0xff_ffff;
      if (!this.#channels.has(id) && !this.#opening.has(id)) return id;
    }
  }
}
