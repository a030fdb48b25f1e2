// A Node Duplex as ByteStream: TCP and unix sockets, TLS, pipes, another channel.

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { freeBytes } from '../memory/free.ts';
import type { ByteStream, ByteStreamSink } from './byte-stream.ts';

/** Bytes handed to the stream and not yet gone out before we wait. Larger than one turn's output, so the pipe never runs dry. */
const WRITE_AHEAD = 524_288;

export class NodeStream implements ByteStream {
  readonly #stream: Duplex;
  #sink: ByteStreamSink | null = null;
  #waiting = false;
  /** Whether what was written is not looked at again: other streams may hand chunks on after they have called back. */
  readonly #plainSocket: boolean;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#plainSocket = stream.constructor === Socket;
    // Nagle and delayed ACK together cost 40 ms for every small request; requests are gathered here anyway.
    if (isSocket(stream)) stream.setNoDelay(true);
    // Before the transport starts nobody listens; an error must not kill the process for that.
    stream.on('error', () => {});
  }

  open(sink: ByteStreamSink): void {
    this.#sink = sink;
    const stream = this.#stream;
    let cause: Error | undefined;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      sink.end(cause);
    };
    stream.on('error', (error: Error) => {
      cause = error;
    });
    // What somebody has put back (`unshift`) before us is not ours to free.
    let foreign = stream.readableLength;
    stream.on('data', (chunk: Uint8Array) => {
      sink.data(chunk);
      if (foreign > 0) foreign -= chunk.length;
      else if (this.#plainSocket && stream.listenerCount('data') === 1) freeBytes(chunk);
    });
    stream.on('end', end);
    stream.on('close', end);
    // A 'data' listener alone does not start a stream that was paused for the hand-over (`pauseOnConnect`).
    stream.resume();
    if (stream.destroyed || stream.readableEnded) queueMicrotask(end);
  }

  write(chunks: readonly Uint8Array[], written?: () => void): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return true;
    const last = chunks.length - 1;
    stream.cork();
    for (let i = 0; i < last; i++) stream.write(chunks[i]);
    // Not 'drain': that waits for the last byte to go out, and then the pipe is empty.
    if (last >= 0) stream.write(chunks[last], () => this.#written(written));
    stream.uncork();
    this.#waiting = stream.writableLength >= WRITE_AHEAD;
    return !this.#waiting;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    if (!this.#stream.destroyed) this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  peername(): readonly [string, number] | null {
    const { remoteAddress, remotePort } = this.#stream as Partial<Socket>;
    return remoteAddress === undefined ? null : [remoteAddress, remotePort ?? 0];
  }

  #written(written: (() => void) | undefined): void {
    if (this.#plainSocket) written?.();
    if (!this.#waiting || this.#stream.writableLength >= WRITE_AHEAD) return;
    this.#waiting = false;
    this.#sink?.drain();
  }
}

function isSocket(stream: Duplex): stream is Socket {
  return typeof (stream as Partial<Socket>).setNoDelay === 'function';
}
