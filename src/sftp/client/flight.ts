// How many bytes of a transfer may be under way at once: requested and not answered, or answered and not yet let go by whoever
// takes them. It follows bandwidth times delay, from what a server on the same machine needs up to a limit on memory: a fixed
// depth is what makes SFTP slow over long distances.

import type { SFTPSession } from './session.ts';

/** At first, bytes: what OpenSSH's client has under way (64 requests of 32 KiB), and its server's window. */
const INITIAL_BYTES = 2_097_152;
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

export class Flight {
  readonly #session: SFTPSession;
  readonly #most: number;
  #target: number;
  #underWay = 0;
  #answered = 0;
  #since = performance.now();

  constructor(session: SFTPSession, most: number = session.tuning.mostBytes ?? MOST_BYTES) {
    this.#session = session;
    this.#most = most;
    this.#target = Math.min(INITIAL_BYTES, most);
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
   * The server has answered for so many bytes. True when a round trip has been measured: twice of what came in one may be under
   * way from now on, which doubles the depth as long as it is the depth that holds the transfer back.
   */
  answered(bytes: number): boolean {
    this.#answered += bytes;
    const elapsed = performance.now() - this.#since;
    const roundTrip = this.#session.roundTripMs;
    if (elapsed < roundTrip || elapsed === 0) return false;
    const wanted = (2 * this.#answered * roundTrip) / elapsed;
    if (wanted > this.#target) this.#target = Math.min(wanted, this.#most);
    this.#restart();
    return true;
  }

  /** Nobody holds these bytes any more. */
  end(bytes: number): void {
    this.#underWay -= bytes;
  }

  #restart(): void {
    this.#answered = 0;
    this.#since = performance.now();
  }
}
