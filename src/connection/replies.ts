// Requests and their replies match by order alone (RFC 4254 sections 4 and 5.4), in both directions. Two FIFOs keep the order:
// a reply whose waiter has given up is still counted, or it would be taken for the answer to the next request.

import { ProtocolError, type SSHError, UsageError } from '../errors.ts';
import { limits } from '../packet/limits.ts';

/** The peer's answer to a request of ours: its data for success, null for failure. */
export interface ReplyWaiter {
  reply(data: Uint8Array | null): void;
  abandon(error: SSHError): void;
}

export class OutboundRequests {
  readonly #unexpected: string;
  #waiters: ReplyWaiter[] = [];

  /** `unexpected`: what a reply is called that nobody waits for. */
  constructor(unexpected = 'a reply to no request') {
    this.#unexpected = unexpected;
  }

  add(waiter: ReplyWaiter): void {
    this.#waiters.push(waiter);
  }

  /** @throws ProtocolError `unexpected-reply` where nothing was asked. */
  settle(data: Uint8Array | null): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) throw new ProtocolError('unexpected-reply', this.#unexpected);
    waiter.reply(data);
  }

  abandon(error: SSHError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.abandon(error);
  }
}

/** Replies that we owe, sent in the order of the requests however late each is decided. */
export class InboundRequests {
  #owed: { reply: Uint8Array | null }[] = [];
  readonly #send: (reply: Uint8Array) => void;

  constructor(send: (reply: Uint8Array) => void) {
    this.#send = send;
  }

  /** Takes a place in the order; the function that is returned fills it, once. */
  add(): (reply: Uint8Array) => void {
    if (this.#owed.length >= limits.pendingRequests)
      throw new ProtocolError('queue-overflow', 'too many requests without waiting for replies');
    const place: { reply: Uint8Array | null } = { reply: null };
    this.#owed.push(place);
    return (reply) => {
      if (place.reply !== null) return;
      place.reply = reply;
      while (this.#owed[0]?.reply) this.#send((this.#owed.shift() as { reply: Uint8Array }).reply);
    };
  }
}

/** What is above goes with the message's own fields into a packet that no peer takes. Bytes. */
const MAX_REQUEST = limits.packetBytes - 1_024;

/** @throws UsageError where a request of ours would not fit into a packet: better here than a peer that hangs up. */
export function checkRequestSize(name: string, data: Uint8Array): void {
  if (name.length + data.length > MAX_REQUEST) throw new UsageError(`a '${name.slice(0, 64)}' request of ${data.length} bytes`);
}
