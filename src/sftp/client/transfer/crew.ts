// Many files at once, and not too many: as many as were asked for, and only so many bytes of them, since each large file has
// buffers of its own. Whoever brings work waits until there is a place for it, so that a folder's listing is never far ahead.

/** Bytes of files that are under way at once: two large ones, or many small. */
const MOST_BYTES = 16_777_216;
/** The same where each of them waits for round trips most of the time. */
const MOST_BYTES_FAR = 67_108_864;
/** What a file counts at most: the buffers of its transfer, not its size. */
const MOST_BYTES_OF_ONE = 8_388_608;

export class Crew {
  readonly #most: number;
  readonly #mostBytes: number;
  #running = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];
  #failed = false;
  #error: unknown;
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` is told the first error; the tasks that run then are waited for all the same. */
  constructor(most: number, far: boolean, onFailure: (error: unknown) => void) {
    this.#most = Math.max(1, most);
    this.#mostBytes = far ? MOST_BYTES_FAR : MOST_BYTES;
    this.#onFailure = onFailure;
  }

  /** Begins `task` as soon as there is a place for it; resolves then. Nothing more is begun after a failure. */
  begin(bytes: number, task: () => Promise<void>): Promise<void> | undefined {
    const cost = Math.min(bytes, MOST_BYTES_OF_ONE);
    if (!this.#isFull(cost)) {
      this.#start(cost, task);
      return undefined;
    }
    return this.#wait(cost, task);
  }

  /** Tasks that are under way. */
  get running(): number {
    return this.#running;
  }

  /** Resolves when nothing runs any more. @throws the first error */
  async done(): Promise<void> {
    while (this.#running > 0) await this.change();
    if (this.#failed) throw this.#error;
  }

  #isFull(cost: number): boolean {
    return this.#running > 0 && (this.#running >= this.#most || this.#bytes + cost > this.#mostBytes);
  }

  async #wait(cost: number, task: () => Promise<void>): Promise<void> {
    while (this.#isFull(cost) && !this.#failed) await this.change();
    this.#start(cost, task);
  }

  #start(cost: number, task: () => Promise<void>): void {
    if (this.#failed) return;
    this.#running++;
    this.#bytes += cost;
    const ended = () => {
      this.#running--;
      this.#bytes -= cost;
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    task().then(ended, (error: unknown) => {
      if (!this.#failed) {
        this.#failed = true;
        this.#error = error;
        this.#onFailure(error);
      }
      ended();
    });
  }

  /** Resolves when one of the tasks that are under way has ended. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
