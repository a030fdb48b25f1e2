// A progress line on stderr: one that is overwritten on a terminal, one line per quarter where it is not.

const MEBIBYTE = 2 ** 20;
/** Milliseconds between two updates on a terminal. */
const INTERVAL = 100;

export class Progress {
  readonly #label: string;
  readonly #total: number;
  readonly #since = performance.now();
  #bytes = 0;
  #shownAt = 0;
  #quarter = 0;

  /** @param total Bytes. */
  constructor(label: string, total: number) {
    this.#label = label;
    this.#total = total;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const quarter = Math.floor((4 * this.#bytes) / this.#total);
    const now = performance.now();
    if (process.stderr.isTTY ? now - this.#shownAt >= INTERVAL || quarter === 4 : quarter > this.#quarter) {
      this.#shownAt = now;
      process.stderr.write(process.stderr.isTTY ? `\r${this.#line()}\x1b[K` : `${this.#line()}\n`);
    }
    this.#quarter = quarter;
  }

  /** Ends the line. Returns the throughput as text. */
  done(): string {
    if (process.stderr.isTTY) process.stderr.write('\n');
    return this.#rate();
  }

  #line(): string {
    return `  ${this.#label}: ${Math.round(this.#bytes / MEBIBYTE)} of ${this.#total / MEBIBYTE} MiB, ${this.#rate()}`;
  }

  #rate(): string {
    const seconds = (performance.now() - this.#since) / 1000;
    return `${(this.#bytes / MEBIBYTE / seconds).toFixed(0)} MiB/s`;
  }
}
