// What a transport needs of the stream below it: a socket, any Duplex, a socket-like object. Push for what comes in,
// gathered writes for what goes out, pause and drain for backpressure both ways.

export interface ByteStreamSink {
  /** Takes over the chunk. True means that no view of it is kept, so that its memory may be used again. */
  data(chunk: Uint8Array): boolean;
  /** No more data comes. `cause` where the stream failed. Called once. */
  end(cause?: Error): void;
  /** What was written has gone out far enough: write again. */
  drain(): void;
}

export interface ByteStream {
  /** Begins to deliver. Called once. */
  open(sink: ByteStreamSink): void;
  /** Takes over the chunks. False: wait for `drain` before writing more. */
  write(chunks: readonly Uint8Array[]): boolean;
  pause(): void;
  resume(): void;
  /** Closes after what has been written; the peer's end is still read. */
  end(): void;
  /** Closes now. */
  destroy(): void;
  /** [address, port] of the peer, where there is such a thing. */
  peername(): readonly [string, number] | null;
}
