// Flow control of one channel, one class per direction (RFC 4254 section 5.2). Pure arithmetic: they never send, and the time
// is an argument. Whatever is called in whatever order, the peer's credit and what it has made us hold are never more than the
// limit, and the limits of a connection never more than the initial ones and one budget.

import { ProtocolError } from '../errors.ts';
import { limits } from '../packet/limits.ts';

const MAX_WINDOW = 0xffff_ffff;
/** Rates are not measured over less, milliseconds: on a fast network one chunk of the socket's would make a rate. */
const SHORTEST_INTERVAL = 10;
/** A window grows by a quarter at least, so that a doubling costs the peer four messages and not one per packet. */
const LEAST_GROWTH = 1.25;

/** What the windows of one connection may grow by, all together. */
export class WindowBudget {
  #left: number;

  constructor(bytes: number = limits.windowGrowthBytes) {
    this.#left = bytes;
  }

  /** Up to so many bytes of it: what there still is. */
  take(bytes: number): number {
    const taken = Math.min(bytes, this.#left);
    this.#left -= taken;
    return taken;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * What the peer may still send us. Credit goes back when the user has consumed data, so a peer can never make us hold more
 * than `limit` bytes.
 *
 * The limit grows where it is what holds the flow back, as the receive buffers of TCP do: towards twice of what arrives *and*
 * is read within one round trip. Once for what is under way and once for the peer to get faster; more would only be read ahead
 * and kept by the peer (OpenSSH copies all of that whenever it needs more room). A slow reader, a slow peer and a short way each
 * keep it where it is.
 */
export class ReceiveWindow {
  readonly #initial: number;
  readonly #maximum: number;
  readonly #budget: WindowBudget;
  #limit: number;
  #granted: number;
  /** Consumed, and the peer not told so yet. */
  #owed = 0;
  /** Since when, in milliseconds, `#arrived` and `#read` count. */
  #since: number | null = null;
  #arrived = 0;
  #read = 0;

  /** Bytes. Without a `maximum` above `initial` the window is fixed. */
  constructor(initial: number, maximum: number = initial, budget: WindowBudget = new WindowBudget()) {
    this.#initial = initial;
    this.#maximum = Math.max(initial, Math.min(maximum, MAX_WINDOW));
    this.#budget = budget;
    this.#limit = initial;
    this.#granted = initial;
  }

  /** Bytes that may be under way or unread. */
  get limit(): number {
    return this.#limit;
  }

  get mayGrow(): boolean {
    return this.#limit < this.#maximum;
  }

  /** Enough has come in to ask whether the window holds it back. */
  get busy(): boolean {
    return this.#arrived >= this.#limit / 4;
  }

  /** @throws ProtocolError `window-exceeded`: the peer sent more than it was allowed. */
  receive(bytes: number): void {
    if (bytes > this.#granted)
      throw new ProtocolError('window-exceeded', `${bytes} bytes of data in a window of ${this.#granted}`);
    this.#granted -= bytes;
    this.#arrived += bytes;
  }

  /** The user has read this much. Returns the credit to send now, 0 for "not worth a message yet". */
  consume(bytes: number): number {
    this.#read += bytes;
    return this.credit(bytes);
  }

  /** As {@link consume}, for data that nobody has read: the peer may go on, but not faster. */
  credit(bytes: number): number {
    this.#owed += bytes;
    // A quarter keeps the peer's pipe filled and costs one message per half megabyte; a drained window is topped up at once.
    if (this.#owed < this.#limit / 4 && this.#granted > 0) return 0;
    return this.#grant(0);
  }

  /**
   * Looks whether a larger window would help, and makes it that. To be called when data has come in, with the time of that
   * and the round trip, both in milliseconds. Returns the credit to send now, or 0.
   */
  tune(now: number, roundTrip: number): number {
    this.#since ??= now;
    if (roundTrip === Number.POSITIVE_INFINITY) return 0;
    const elapsed = now - this.#since;
    const interval = Math.max(roundTrip, SHORTEST_INTERVAL);
    // The slower of the two: a reader that takes everything at once, seldom, is not fast, nor is a peer that trickles.
    const flow = Math.min(this.#arrived, this.#read);
    // A window that comes in at once, as it does where it is too small, says no more than that twice of it could: the least time
    // that counts is half of the round trip, so that the window grows fourfold in each.
    const wanted = (2 * flow * roundTrip) / Math.max(elapsed, interval / 2, SHORTEST_INTERVAL);
    if (elapsed >= interval || elapsed < 0) {
      this.#since = now;
      this.#arrived = 0;
      this.#read = 0;
    }
    if (wanted < this.#limit * LEAST_GROWTH) return 0;
    const extra = this.#budget.take(Math.min(Math.floor(wanted), this.#maximum) - this.#limit);
    if (extra === 0) return 0;
    this.#limit += extra;
    return this.#grant(extra);
  }

  /** The channel is over: others may have what this window has grown by. To be called once. */
  release(): void {
    this.#budget.giveBack(this.#limit - this.#initial);
  }

  #grant(extra: number): number {
    const credit = this.#owed + extra;
    this.#owed = 0;
    this.#granted += credit;
    return credit;
  }
}

/** What we may still send the peer. */
export class SendWindow {
  #available: number;

  constructor(initial: number) {
    this.#available = initial;
  }

  get available(): number {
    return this.#available;
  }

  spend(bytes: number): void {
    this.#available -= bytes;
  }

  /** @throws ProtocolError `window-overflow` above 2^32 - 1 (RFC 4254 section 5.2). */
  adjust(bytes: number): void {
    this.#available += bytes;
    if (this.#available > MAX_WINDOW) throw new ProtocolError('window-overflow', 'a window above 2^32 - 1 bytes');
  }
}
