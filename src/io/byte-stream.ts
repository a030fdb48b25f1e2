// What a transport needs of the stream below it: a socket, any Duplex, a socket-like object. Push for what comes in,
// gathered writes for what goes out, pause and drain for backpressure both ways.

export interface ByteStreamSink {
  /** Looks at the chunk and keeps no view of it: the stream reads to the same memory again. */
  data(chunk: Uint8Array): void;
  /** No more data comes. `cause` where the stream failed. Called once. */
  end(cause?: Error): void;
  /** What was written has gone out far enough: write again. */
  drain(): void;
}

export interface ByteStream {
  /** Begins to deliver. Called once. */
  open(sink: ByteStreamSink): void;
  /**
   * Takes over the chunks. False: wait for `drain` before writing more. A stream that knows when nobody looks at the chunks any
   * more calls `written` then, and they are used again.
   */
  write(chunks: readonly Uint8Array[], written?: () => void): boolean;
  pause(): void;
  resume(): void;
  /** Closes after what has been written; the peer's end is still read. */
  end(): void;
  /** Closes now. */
  destroy(): void;
  /** [address, port] of the peer, where there is such a thing. */
  peername(): readonly [string, number] | null;
}
