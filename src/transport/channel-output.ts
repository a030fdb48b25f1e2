// What we send on a channel: a write resolves when there is room for more, so whoever waits for it never fills the memory. Whoever
// has waited may use the buffer again: what could be sent at once has been by then, the rest is copied.

import { encodeUtf8 } from '../bytes/bytes.ts';
import type { DataType } from '../connection/channel-machine.ts';
import { ChannelClosedError, type SSHError, SSHTimeoutError } from '../errors.ts';
import { check } from '../io/check-arguments.ts';
import { needed, textOrBytes } from '../io/kinds.ts';
import { type CallOptions, checkCall, waitFor } from '../io/waiting.ts';
import type { ChannelLife } from './channel-life.ts';
import type { ChannelTimeLimit } from './channel-time-limit.ts';

const DATA = needed(textOrBytes);

export class ChannelOutput {
  /** Counts what goes. */
  activity = 0;
  readonly #life: ChannelLife;
  readonly #limit: ChannelTimeLimit;
  #waiters: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #listener: (() => void) | null = null;

  constructor(life: ChannelLife, limit: ChannelTimeLimit) {
    this.#life = life;
    this.#limit = limit;
  }

  /** Whether a write would be taken without waiting. */
  get ready(): boolean {
    return this.#life.machine?.writable === true && this.#waiters.length === 0;
  }

  /** @throws what `Channel.write` throws, as rejections */
  write(data: Uint8Array | string, type: DataType, options: CallOptions | undefined): Promise<void> {
    const { machine } = this.#life;
    // Cheap enough for every chunk. An encoding or a callback in the place of the options is a habit from Node's streams.
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) return refused(() => check('write', 'data', data, DATA));
    if (options !== undefined && typeof options !== 'object') return refused(() => checkCall('write', options));
    if (machine === null || this.#life.over) return optional(Promise.reject(this.#life.reason));
    if (options?.signal?.aborted) return Promise.reject(options.signal.reason);
    this.activity++;
    const atOnce = this.#limit.atOnce(options);
    if (atOnce && machine.writable && !machine.roomy) return Promise.reject(new SSHTimeoutError('writing', 0));
    let roomy: boolean;
    try {
      roomy = machine.write(typeof data === 'string' ? encodeUtf8(data) : data, type);
    } catch (error) {
      return optional(Promise.reject(error));
    }
    const release = () => machine.ownQueue();
    if (roomy || atOnce) return Promise.resolve().then(release);
    const written = waitFor<void>('writing', this.#limit.within(options), (settle) => {
      const waiter = { resolve: () => settle.resolve(), reject: settle.reject };
      this.#waiters.push(waiter);
      return () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
      };
    });
    return optional(written.finally(release));
  }

  /** Queues data without a promise. False where the caller should wait for {@link watchDrain}. @throws ChannelClosedError */
  post(data: Uint8Array): boolean {
    const { machine } = this.#life;
    if (machine === null || this.#life.over) throw this.#life.reason;
    this.activity++;
    return machine.write(data, 0);
  }

  /** Calls `listener` when there is room again. */
  watchDrain(listener: (() => void) | null): void {
    this.#listener = listener;
  }

  /** There is room again. */
  drained(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
    this.#listener?.();
  }

  /** The peer reads no more: pending and later writes fail. */
  stop(): void {
    this.#life.machine?.stopWriting();
    this.fail(null, 'the peer reads no more');
  }

  /** Pending writes fail, with ChannelClosedError where there is no other error. */
  fail(error: SSHError | null, words?: string): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error ?? new ChannelClosedError(words));
  }
}

/**
 * Nobody has to wait for a write: it must not end the process, as a rejection does that nobody looks at, that the peer has gone in the
 * middle of it. `closed` tells of that, too.
 */
function optional(written: Promise<void>): Promise<void> {
  written.catch(() => {});
  return written;
}

/** A promise that rejects with what `check` throws. */
async function refused(check: () => void): Promise<void> {
  check();
}
