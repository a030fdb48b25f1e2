// Many files at once, and not too many: as many as were asked for, and only so many bytes of them, since each large file has
// buffers of its own. Whoever brings work waits until there is a place for it, so that a folder's listing is never far ahead.

/** Bytes of files that are under way at once: two large ones, or many small. */
const MOST_BYTES = 16_777_216;
/** What a file counts at most: the buffers of its transfer, not its size. */
const MOST_BYTES_OF_ONE = 8_388_608;

export class Crew {
  readonly #most: number;
  #running = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];
  #failed = false;
  #error: unknown;
  readonly #onFailure: (error: unknown) => void;

  /** `onFailure` is told the first error; the tasks that run then are waited for all the same. */
  constructor(most: number, onFailure: (error: unknown) => void) {
    this.#most = Math.max(1, most);
    this.#onFailure = onFailure;
  }

  /** Resolves when there is a place for `task` and it has begun. Nothing more is begun after a failure. */
  async begin(bytes: number, task: () => Promise<void>): Promise<void> {
    const cost = Math.min(bytes, MOST_BYTES_OF_ONE);
    while (!this.#failed && this.#running > 0 && (this.#running >= this.#most || this.#bytes + cost > MOST_BYTES)) {
      await this.change();
    }
    if (this.#failed) return;
    this.#running++;
    this.#bytes += cost;
    void task()
      .catch((error: unknown) => {
        if (this.#failed) return;
        this.#failed = true;
        this.#error = error;
        this.#onFailure(error);
      })
      .finally(() => {
        this.#running--;
        this.#bytes -= cost;
        for (const resolve of this.#waiting.splice(0)) resolve();
      });
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

  /** Resolves when one of the tasks that are under way has ended. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
