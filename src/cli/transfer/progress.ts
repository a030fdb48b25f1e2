// The progress display on stderr: one line per file, redrawn in its place at most five times a second while the file is on its
// way, and one for all of them at the end. Only for people: without a terminal, or with -q, it draws nothing and keeps no timer.

import { Meter } from './meter.ts';

/** Milliseconds between two redraws. */
const INTERVAL = 200;

export interface ProgressOutput {
  write(text: string): unknown;
  /** The terminal's width; undefined where nobody knows. */
  readonly columns?: number | undefined;
}

/** One file on its way. */
export interface ProgressItem {
  /** Bytes that are there, of `total` where that has become known. */
  update(transferred: number, total?: number | null): void;
  /** No more comes. A file that failed keeps its last line as it was. */
  end(): void;
}

const silent: ProgressItem = { update() {}, end() {} };

export class Progress {
  readonly #output: ProgressOutput | null;
  readonly #now: () => number;
  readonly #active: Meter[] = [];
  #timer: NodeJS.Timeout | null = null;
  #drawnAt = Number.NEGATIVE_INFINITY;
  /** The meter whose unfinished line is on the screen. */
  #onScreen: Meter | null = null;
  #files = 0;
  #bytes = 0;
  #firstAt = 0;

  /** `output` null draws nothing. */
  constructor(output: ProgressOutput | null, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  get enabled(): boolean {
    return this.#output !== null;
  }

  /** `before`: bytes of it that an earlier transfer has left. */
  begin(name: string, total: number | null, before = 0): ProgressItem {
    if (this.#output === null) return silent;
    const now = this.#now();
    if (this.#files === 0 && this.#active.length === 0) this.#firstAt = now;
    const meter = new Meter(name, total, now, before);
    this.#active.push(meter);
    this.#timer ??= setInterval(() => this.#draw(), INTERVAL).unref();
    this.#draw();
    let size = total;
    return {
      update: (transferred, newTotal = size) => {
        size = newTotal;
        meter.update(transferred, size, this.#now());
        this.#draw();
      },
      end: () => this.#end(meter, meter.transferred - before),
    };
  }

  /** Makes room for something else on the screen: the unfinished line goes, and comes back with the next redraw. */
  clear(): void {
    if (this.#onScreen === null) return;
    this.#output?.write(`\r${' '.repeat(this.#columns)}\r`);
    this.#onScreen = null;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  /** What was begun and not ended stays on the screen as it is; a total follows where there was more than one file. */
  finish(): void {
    if (this.#output === null) return;
    for (const meter of [...this.#active]) this.#end(meter, meter.transferred);
    if (this.#files > 1) {
      const total = new Meter(`Total (${this.#files} files)`, this.#bytes, this.#firstAt);
      total.update(this.#bytes, this.#bytes, this.#now());
      this.#output.write(`${total.lastLine(this.#now(), this.#columns)}\n`);
    }
    this.#files = 0;
    this.#bytes = 0;
  }

  get #columns(): number {
    // The last column would wrap the line on some terminals.
    return Math.max(1, (this.#output?.columns || 80) - 1);
  }

  #end(meter: Meter, bytes: number): void {
    const index = this.#active.indexOf(meter);
    if (index < 0) return;
    this.#active.splice(index, 1);
    this.#files++;
    this.#bytes += Math.max(0, bytes);
    if (this.#onScreen !== meter) this.clear();
    this.#output?.write(`${this.#onScreen === meter ? '\r' : ''}${meter.lastLine(this.#now(), this.#columns)}\n`);
    this.#onScreen = null;
    if (this.#active.length > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** The file that is on its way for longest, of those that run side by side. */
  #draw(): void {
    const [meter] = this.#active;
    const now = this.#now();
    if (meter === undefined || now - this.#drawnAt < INTERVAL) return;
    this.#drawnAt = now;
    this.#output?.write(`\r${meter.line(now, this.#columns)}`);
    this.#onScreen = meter;
  }
}
