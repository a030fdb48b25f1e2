// How many bytes of a transfer may be under way at once: requested and not answered, or answered and not yet let go by whoever
// takes them. It follows bandwidth times delay, from what a server on the same machine needs up to a limit on memory: a fixed
// depth is what makes SFTP slow over long distances.

import type { SFTPSession } from './session.ts';

/** At first, bytes: what OpenSSH's client has under way (64 requests of 32 KiB), and its server's window. */
export const INITIAL_BYTES = 2_097_152;
/** At most, bytes: 300 MB/s over a fifth of a second. */
export const MOST_BYTES = 67_108_864;

/** What whoever opens a session asks of all its transfers. */
export interface SessionTuning {
  /** Bytes that one transfer may have under way; default up to 64 MiB. */
  readonly mostBytes?: number;
  /** Bytes of one request; default what the server takes. */
  readonly requestBytes?: number;
  /** SYMLINK has the link first, as the draft says; default the target first, as OpenSSH does and nearly everybody after it. */
  readonly linkFirst?: boolean;
}

/** Rates are not measured over less, milliseconds: nearby, what one turn brings would make a rate. */
const SHORTEST_INTERVAL = 10;
/** What both ends may take for an answer beside the way itself, milliseconds. */
const SLACK_MS = 10;
/** How far the depth goes back at once. */
const LEAST_LEFT = 0.7;

export class Flight {
  readonly #session: SFTPSession;
  readonly #most: number;
  readonly #least: number;
  #target: number;
  #underWay = 0;
  /** Bytes since `#since`. */
  #answered = 0;
  #letGo = 0;
  #since = performance.now();
  /** Until then the depth does not go back, milliseconds. */
  #keepUntil = 0;

  constructor(session: SFTPSession, most: number = session.tuning.mostBytes ?? MOST_BYTES) {
    this.#session = session;
    this.#most = most;
    this.#least = Math.min(INITIAL_BYTES, most);
    this.#target = this.#least;
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Bytes that may be under way. */
  get target(): number {
    return this.#target;
  }

  get roomy(): boolean {
    return this.#underWay < this.#target;
  }

  begin(bytes: number): void {
    // After a pause, what was answered before it says nothing about how fast the server is.
    if (this.#underWay === 0) this.#restart();
    this.#underWay += bytes;
  }

  /**
   * The answer that the session is handing over is one for so many bytes. Twice of what comes *and* is let go in one round trip may
   * be under way, from that moment on; what does within half of one counts as half of what could. So the depth grows two to four
   * times in each round trip, as long as it is the depth that holds the transfer back. Where answers take much longer than the round
   * trip it is not: what is asked for beyond that waits at the server, or in our own queue, and OpenSSH copies all that waits whenever
   * it gets more. The depth goes back then.
   *
   * Returns what the depth should be by the answers alone, bytes.
   */
  answered(bytes: number): number {
    this.#answered += bytes;
    const now = performance.now();
    const wanted = this.#depthFor(this.#answered, now);
    this.#grow(now);
    const { roundTripMs, tookMs } = this.#session;
    if (now - this.#since < Math.max(roundTripMs, SHORTEST_INTERVAL)) return wanted;
    this.#restart();
    // Carefully: a machine that was busy for a moment looks the same. What was asked for before has to be answered first.
    if (tookMs < 4 * roundTripMs + SLACK_MS || now < this.#keepUntil) return wanted;
    this.#target = Math.max(Math.min(this.#target, wanted), this.#target * LEAST_LEFT, this.#least);
    this.#keepUntil = now + tookMs;
    return wanted;
  }

  /** Nobody holds these bytes any more. */
  end(bytes: number): void {
    this.#underWay -= bytes;
    this.#letGo += bytes;
    this.#grow(performance.now());
  }

  /** The slower of the two counts: whoever takes the data slowly would only be given more to hold. */
  #grow(now: number): void {
    const wanted = this.#depthFor(Math.min(this.#answered, this.#letGo), now);
    const { roundTripMs, tookMs } = this.#session;
    if (wanted > this.#target && tookMs < 2 * roundTripMs + SLACK_MS) this.#target = wanted;
  }

  #depthFor(bytes: number, now: number): number {
    const { roundTripMs } = this.#session;
    const interval = Math.max(now - this.#since, roundTripMs / 2, SHORTEST_INTERVAL);
    return Math.min((2 * bytes * roundTripMs) / interval, this.#most);
  }

  #restart(): void {
    this.#answered = 0;
    this.#letGo = 0;
    this.#since = performance.now();
  }
}
