// A Node Duplex as ByteStream: TCP and unix sockets, TLS, pipes, another channel.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ByteStream, ByteStreamSink } from './byte-stream.ts';

/** Bytes handed to the stream and not yet gone out before we wait. Larger than one turn's output, so the pipe never runs dry. */
const WRITE_AHEAD = 524_288;

export class NodeStream implements ByteStream {
  readonly #stream: Duplex;
  #sink: ByteStreamSink | null = null;
  #waiting = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
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
    stream.on('data', (chunk: Uint8Array) => sink.data(chunk));
    stream.on('end', end);
    stream.on('close', end);
    // A 'data' listener alone does not start a stream that was paused for the hand-over (`pauseOnConnect`).
    stream.resume();
    if (stream.destroyed || stream.readableEnded) queueMicrotask(end);
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return true;
    const last = chunks.length - 1;
    stream.cork();
    for (let i = 0; i < last; i++) stream.write(chunks[i]);
    // Not 'drain': that waits for the last byte to go out, and then the pipe is empty.
    if (last >= 0) stream.write(chunks[last], () => this.#written());
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

  #written(): void {
    if (!this.#waiting || this.#stream.writableLength >= WRITE_AHEAD) return;
    this.#waiting = false;
    this.#sink?.drain();
  }
}

function isSocket(stream: Duplex): stream is Socket {
  return typeof (stream as Partial<Socket>).setNoDelay === 'function';
}
