// A bandwidth limit for one direction. Bytes may go while there is credit; it comes back at the rate that is allowed. A piece may
// take more than there is, and the debt is waited for, so that the average is kept whatever the sizes of the pieces.

/** Credit that a pause can gather, as time: what was not used is not made up for. Milliseconds. */
const MOST_CREDIT = 100;
/** Shorter waits cost more than they even out, milliseconds. */
const LEAST_WAIT = 5;

export class Limiter {
  readonly #bytesPerMs: number;
  readonly #now: () => number;
  #credit = 0;
  #countedAt: number;

  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#now = now;
    this.#countedAt = now();
  }

  /** Milliseconds until something may go; 0 for now. */
  get wait(): number {
    const now = this.#now();
    const most = MOST_CREDIT * this.#bytesPerMs;
    this.#credit = Math.min(most, this.#credit + (now - this.#countedAt) * this.#bytesPerMs);
    this.#countedAt = now;
    return this.#credit >= 0 ? 0 : Math.max(LEAST_WAIT, -this.#credit / this.#bytesPerMs);
  }

  spend(bytes: number): void {
    this.#credit -= bytes;
  }
}
