// One file's progress as numbers and as a line: how much, how fast, how long still. Nothing here writes or looks at a clock: time
// is an argument, so that what is said can be tested.

import { rate as rateText, size, time } from './amounts.ts';
import { fitted, padded, shown } from './shown.ts';

/** Without a byte for so long it is said to have stalled, milliseconds. */
const STALLED_AFTER = 5_000;
/** How far back the rate looks, milliseconds: it follows changes and does not flicker. */
const MEMORY = 2_000;

export class Meter {
  readonly name: string;
  #total: number | null;
  readonly #startedAt: number;
  /** What was there before, from an earlier attempt: it counts for the percentage, not for the rate. */
  readonly #before: number;
  #transferred: number;
  #rate: number | null = null;
  #sampledAt: number;
  #sampled: number;
  #movedAt: number;

  /** `total` null: nobody knows. `before`: bytes that an earlier transfer has left. */
  constructor(name: string, total: number | null, now: number, before = 0) {
    this.name = name;
    this.#total = total;
    this.#before = before;
    this.#transferred = before;
    this.#startedAt = now;
    this.#sampledAt = now;
    this.#sampled = before;
    this.#movedAt = now;
  }

  get transferred(): number {
    return this.#transferred;
  }

  update(transferred: number, total: number | null, now: number): void {
    if (transferred !== this.#transferred) this.#movedAt = now;
    this.#transferred = transferred;
    this.#total = total;
    const elapsed = now - this.#sampledAt;
    if (elapsed < 100) return;
    const fresh = ((transferred - this.#sampled) * 1_000) / elapsed;
    const weight = this.#rate === null ? 1 : 1 - Math.exp(-elapsed / MEMORY);
    this.#rate = (this.#rate ?? 0) * (1 - weight) + fresh * weight;
    this.#sampledAt = now;
    this.#sampled = transferred;
  }

  /** While it runs: the rate of the last seconds and the time left. */
  line(now: number, columns: number): string {
    const rate = this.#rate ?? this.#average(now);
    const left = this.#total === null || rate <= 0 ? null : (this.#total - this.#transferred) / rate;
    const stalled = now - this.#movedAt >= STALLED_AFTER;
    const when = stalled ? 'stalled' : left === null ? '--:-- ETA' : `${time(left)} ETA`;
    return this.#format(rateText(stalled ? 0 : rate), when, columns);
  }

  /** At its end: the rate of all of it and the time it took. */
  lastLine(now: number, columns: number): string {
    return this.#format(rateText(this.#average(now)), `${time((now - this.#startedAt) / 1_000)}    `, columns);
  }

  #average(now: number): number {
    const elapsed = Math.max(now - this.#startedAt, 1);
    return (Math.max(0, this.#transferred - this.#before) * 1_000) / elapsed;
  }

  #format(rate: string, when: string, columns: number): string {
    const percent = this.#total === null ? '' : `${percentOf(this.#transferred, this.#total)}%`;
    const numbers = ` ${percent.padStart(4)} ${size(this.#transferred).padStart(8)} ${rate.padStart(10)} ${when.padStart(11)}`;
    // Too narrow for both: the numbers say that it moves.
    const room = columns - numbers.length;
    if (room < 4) return padded(fitted(numbers.trim(), columns), columns);
    return padded(fitted(shown(this.name), room), room) + numbers;
  }
}

/** Never 100 before it is all there. */
function percentOf(transferred: number, total: number): number {
  if (total === 0 || transferred >= total) return 100;
  return Math.max(0, Math.min(99, Math.floor((100 * transferred) / total)));
}
