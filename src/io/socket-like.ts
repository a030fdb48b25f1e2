// The seed's "socket-like object" as ByteStream: send, recv, close and optionally settimeout. Each may answer at once or with a
// promise; an empty result of recv, or 0 from send, means that the stream has been closed.

import type { ByteStream, ByteStreamSink } from './byte-stream.ts';

type Eventually<T> = T | PromiseLike<T>;

export interface SocketLike {
  /** Writes at least one byte; resolves with how many, 0 if the stream is closed. */
  send(data: Uint8Array): Eventually<number>;
  /** Reads 1 to `count` bytes; an empty array or null if the stream is closed. */
  recv(count: number): Eventually<Uint8Array | null>;
  close(): Eventually<void>;
  /** Seconds, as the seed has it. Never called: waiting is the transport's business. */
  settimeout?(seconds: number | null): void;
  getpeername?(): readonly [string, number];
}

const READ = 65_536;

export class SocketLikeStream implements ByteStream {
  readonly #socket: SocketLike;
  #sink: ByteStreamSink | null = null;
  #queue: Uint8Array[] = [];
  #sending = false;
  #reading = false;
  #paused = false;
  #ending = false;
  #over = false;

  constructor(socket: SocketLike) {
    this.#socket = socket;
  }

  open(sink: ByteStreamSink): void {
    this.#sink = sink;
    void this.#receive();
  }

  write(chunks: readonly Uint8Array[]): boolean {
    this.#queue.push(...chunks);
    if (!this.#sending) void this.#send();
    return this.#queue.length === 0;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (!this.#reading) void this.#receive();
  }

  end(): void {
    this.#ending = true;
    if (!this.#sending) this.destroy();
  }

  destroy(): void {
    this.#finish();
  }

  peername(): readonly [string, number] | null {
    return this.#socket.getpeername?.() ?? null;
  }

  async #receive(): Promise<void> {
    this.#reading = true;
    try {
      while (!this.#over && !this.#paused) {
        const chunk = await this.#socket.recv(READ);
        if (chunk === null || chunk.length === 0) {
          this.#finish();
          return;
        }
        if (!this.#over) this.#sink?.data(chunk);
      }
    } catch (error) {
      this.#finish(error as Error);
    } finally {
      this.#reading = false;
    }
  }

  async #send(): Promise<void> {
    this.#sending = true;
    try {
      for (let chunk = this.#queue.shift(); chunk !== undefined && !this.#over; chunk = this.#queue.shift()) {
        while (chunk.length > 0) {
          const count = await this.#socket.send(chunk);
          if (!(count > 0)) {
            this.#finish();
            return;
          }
          chunk = chunk.subarray(count);
        }
      }
    } catch (error) {
      this.#finish(error as Error);
      return;
    } finally {
      this.#sending = false;
    }
    if (this.#ending) this.destroy();
    else this.#sink?.drain();
  }

  #finish(cause?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    Promise.resolve()
      .then(() => this.#socket.close())
      .catch(() => {});
    this.#sink?.end(cause);
  }
}
