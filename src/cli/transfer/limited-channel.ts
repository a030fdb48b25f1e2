// A channel that takes and gives no more than so many bytes a second, for `-l`. What has not been taken gives the server no new
// credit, so it stops sending; what may not go yet waits here. Everything that SFTP does goes through it, so nothing is forgotten.

import type { SSHError } from '../../errors.ts';
import type { ByteChannel } from '../../sftp/byte-channel.ts';
import { Limiter } from './limiter.ts';

/** Bytes that are handed to the channel at once: a second's worth at the lowest limit that makes sense. */
const PIECE = 4_096;
/** From here on whoever can wait should, bytes. */
const FULL = 65_536;

export class LimitedChannel implements ByteChannel {
  readonly stdout: ByteChannel['stdout'];
  readonly #channel: ByteChannel;
  readonly #outbound: Limiter;
  readonly #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #sending: NodeJS.Timeout | null = null;
  #onDrain: (() => void) | null = null;
  #closed = false;

  constructor(channel: ByteChannel, bytesPerSecond: number) {
    this.#channel = channel;
    this.#outbound = new Limiter(bytesPerSecond);
    this.stdout = limitedInput(channel, new Limiter(bytesPerSecond));
    void channel.closed.then(() => this.#stop());
  }

  get closed(): Promise<SSHError | undefined> {
    return this.#channel.closed;
  }

  get queuedBytes(): number {
    return this.#queuedBytes + this.#channel.queuedBytes;
  }

  post(data: Uint8Array): boolean {
    // The channel says why nothing can go any more.
    if (this.#closed) return this.#channel.post(data);
    for (let at = 0; at < data.length; at += PIECE) this.#queue.push(data.subarray(at, at + PIECE));
    this.#queuedBytes += data.length;
    if (this.#sending === null) this.#send();
    return this.#queuedBytes < FULL;
  }

  watchDrain(listener: (() => void) | null): void {
    this.#onDrain = listener;
  }

  close(): void {
    this.#stop();
    this.#channel.close();
  }

  #send(): void {
    this.#sending = null;
    const full = this.#queuedBytes >= FULL;
    for (let piece = this.#queue[0]; piece !== undefined; piece = this.#queue[0]) {
      const wait = this.#outbound.wait;
      if (wait > 0) {
        this.#sending = setTimeout(() => this.#send(), wait);
        break;
      }
      this.#queue.shift();
      this.#queuedBytes -= piece.length;
      this.#outbound.spend(piece.length);
      try {
        this.#channel.post(piece);
      } catch {
        // It is closed; whoever waits for an answer hears why.
        this.#stop();
        return;
      }
    }
    if (full && this.#queuedBytes < FULL) this.#onDrain?.();
  }

  #stop(): void {
    this.#closed = true;
    if (this.#sending !== null) clearTimeout(this.#sending);
    this.#sending = null;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }
}

function limitedInput(channel: ByteChannel, limiter: Limiter): ByteChannel['stdout'] {
  const { stdout } = channel;
  let listener: (() => void) | null = null;
  let timer: NodeJS.Timeout | null = null;
  return {
    take() {
      if (timer !== null) return null;
      const { wait } = limiter;
      if (wait > 0) {
        timer = setTimeout(() => {
          timer = null;
          listener?.();
        }, wait);
        return null;
      }
      const piece = stdout.take();
      if (piece !== null) limiter.spend(piece.length);
      return piece;
    },
    watch(next) {
      listener = next;
      if (next === null && timer !== null) {
        clearTimeout(timer);
        timer = null;
      }
      stdout.watch(next);
    },
    get ended() {
      return stdout.ended;
    },
  };
}
