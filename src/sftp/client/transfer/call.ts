// One call of a transfer: what ends it early, and what it counts. The caller's signal, the time limit and an error of another file
// of the same folder all end in one signal, so that there is one listener on the caller's whatever the number of files. What is done
// for every file waits with `until`, which costs a fraction of a listener.

import { setMaxListeners } from 'node:events';
import { SSHTimeoutError } from '../../../errors.ts';
import { type CallOptions, LONGEST_TIMER } from '../../../io/waiting.ts';
import type { SFTPSession } from '../session.ts';
import { FramePool } from './frames.ts';
import { close } from './local-fs.ts';
import type { TransferOptions } from './options.ts';
import { Pace } from './pace.ts';
import { type FileCount, Tally } from './progress.ts';

export class TransferCall {
  readonly options: TransferOptions;
  readonly tally: Tally;
  readonly frames = new FramePool();
  readonly pace = new Pace();
  /** Aborted when nothing more is to be done; its reason is what the call rejects with. */
  readonly signal: AbortSignal;
  /** For requests of this call. */
  readonly call: CallOptions;
  readonly #stop = new AbortController();
  readonly #onStop = new Set<() => void>();

  private constructor(options: TransferOptions) {
    this.options = options;
    this.tally = new Tally(options);
    this.signal = this.#stop.signal;
    this.call = { signal: this.signal };
    // As many files as are under way may listen, and more.
    setMaxListeners(0, this.signal);
    this.signal.addEventListener('abort', () => {
      for (const stop of [...this.#onStop]) stop();
    });
  }

  /**
   * Runs `body`, which has to reject with `signal.reason` soon after the signal is aborted, and clean up before.
   * @throws `signal.reason`, SSHTimeoutError, what `body` throws
   */
  static async run<T>(what: string, options: TransferOptions, body: (call: TransferCall) => Promise<T>): Promise<T> {
    const { signal, timeout = 0 } = options;
    signal?.throwIfAborted();
    const call = new TransferCall(options);
    const abort = () => call.stop(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const timed = timeout > 0 && timeout <= LONGEST_TIMER;
    const timer = timed ? setTimeout(() => call.stop(new SSHTimeoutError(what, timeout)), timeout) : undefined;
    try {
      return await body(call);
    } catch (error) {
      throw call.signal.aborted ? call.signal.reason : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  stop(reason: unknown): void {
    this.#stop.abort(reason);
  }

  /** So many more bytes of a file are at the target. What the callbacks throw ends the call. */
  count(file: FileCount, bytes: number): void {
    try {
      this.tally.add(file, bytes);
    } catch (error) {
      this.stop(error);
    }
  }

  /** A file is complete. */
  finished(file: FileCount): void {
    try {
      this.tally.done(file);
    } catch (error) {
      this.stop(error);
    }
  }

  /** Calls back when the call is stopped. The result takes that back. */
  onStop(listener: () => void): () => void {
    this.#onStop.add(listener);
    return () => void this.#onStop.delete(listener);
  }

  /** Waits for something that knows nothing of the signal. @throws `signal.reason` */
  until<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const forget = this.onStop(() => reject(this.signal.reason));
      if (this.signal.aborted) reject(this.signal.reason);
      promise.then(
        (value) => {
          forget();
          resolve(value);
        },
        (error: unknown) => {
          forget();
          reject(error);
        },
      );
    });
  }

  /** As {@link until}, for a handle: one that comes too late is closed. @throws `signal.reason` */
  untilOpen(session: SFTPSession, opening: Promise<Uint8Array>): Promise<Uint8Array> {
    const closeLate = (handle: Uint8Array) => {
      if (this.signal.aborted) session.release(handle);
      return handle;
    };
    return this.until(opening.then(closeLate));
  }

  /** As {@link until}, for a local file: a pipe is open when somebody has opened its other end. One that comes too late is closed. */
  untilFd(opening: Promise<number>): Promise<number> {
    const closeLate = (fd: number) => {
      if (this.signal.aborted) close(fd).catch(() => {});
      return fd;
    };
    return this.until(opening.then(closeLate));
  }

  get verifies(): 'size' | 'hash' | false {
    const { verify, confirm } = this.options;
    return verify ?? (confirm === false ? false : 'size');
  }
}
