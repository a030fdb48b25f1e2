// What the peer sends on a channel, in two queues that share one window. stdout is credited as it is read. Up to a window of stderr
// is credited as it comes, so that a stderr that nobody reads never stops stdout; what comes beyond that waits for a reader where
// there is one, and is dropped and counted where nobody has ever touched it. So beyond the window at most that much is ever held.

import type { DataType } from '../connection/channel-machine.ts';
import { SSHTimeoutError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { ChannelLife } from './channel-life.ts';
import type { ChannelTimeLimit } from './channel-time-limit.ts';
import { ReadQueue } from './read-queue.ts';

export class ChannelInput {
  readonly stdout: ReadQueue;
  readonly stderr: ReadQueue;
  /** Counts what comes. */
  activity = 0;
  /** Somebody reads stderr, or will. */
  stderrTouched = false;

  readonly #life: ChannelLife;
  readonly #limit: ChannelTimeLimit;
  readonly #windowBytes: number;
  #stderrCredited = 0;
  #stderrDropped = 0;
  #combined = false;

  constructor(life: ChannelLife, limit: ChannelTimeLimit, windowBytes: number) {
    this.#life = life;
    this.#limit = limit;
    this.#windowBytes = windowBytes;
    this.stdout = new ReadQueue((bytes) => this.#life.machine?.consume(bytes));
    this.stderr = new ReadQueue((bytes) => this.#stderrConsumed(bytes));
  }

  /** Bytes of stderr that nobody was there to read. */
  get stderrDropped(): number {
    return this.#stderrDropped;
  }

  /** As `ReadQueue.read`, within the channel's time limit. */
  read(queue: ReadQueue, count: number | undefined, options: CallOptions | undefined): Promise<Uint8Array | null> {
    if (this.#limit.atOnce(options) && queue.bytes === 0 && !queue.ended)
      return Promise.reject(new SSHTimeoutError('reading', 0));
    return queue.read(count, this.#limit.within(options));
  }

  /** Has stderr come in with stdout from now on; what waits is moved. Returns the old setting. */
  combine(combine: boolean): boolean {
    const before = this.#combined;
    this.#combined = combine;
    if (combine) {
      for (let chunk = this.stderr.take(); chunk !== null; chunk = this.stderr.take()) this.stdout.push(chunk);
    }
    return before;
  }

  /** The hot path: every packet of data. */
  receive(data: Uint8Array, type: DataType): void {
    this.activity++;
    if (type === 0 || this.#combined) {
      if (this.stdout.ended) this.#life.machine?.credit(data.length);
      else this.stdout.push(data);
      return;
    }
    const roomy = this.#stderrCredited + data.length <= this.#windowBytes;
    if (this.stderr.ended || (!roomy && !this.stderrTouched)) {
      if (!this.stderr.ended) this.#stderrDropped += data.length;
      this.#life.machine?.credit(data.length);
      return;
    }
    // Up to a window of it is credited now: a stderr that nobody reads must not stop stdout.
    if (roomy) {
      this.#stderrCredited += data.length;
      this.#life.machine?.credit(data.length);
    }
    this.stderr.push(data);
  }

  /** No more comes; `error` where that is not how it should have ended. */
  end(error: unknown = null): void {
    this.stdout.end(error);
    this.stderr.end(error);
  }

  /** Drops what is there, and credits it. */
  discard(): void {
    this.stdout.discard();
    this.stderr.discard();
  }

  #stderrConsumed(bytes: number): void {
    const already = Math.min(bytes, this.#stderrCredited);
    this.#stderrCredited -= already;
    if (bytes > already) this.#life.machine?.consume(bytes - already);
  }
}
