// Where `getfo` puts what it receives: streams of either kind, file-like objects, a buffer. A sink takes one piece at a time and says
// when the next may come; what is given to it is its own, so that it may keep it.

import type { Writable } from 'node:stream';
import type { WritableStream } from 'node:stream/web';
import { UsageError } from '../../../errors.ts';

/** Something with a `write`: a FileHandle, an SFTPFile, or anything that takes bytes and is done with them when its promise is. */
export interface FileLikeSink {
  write(data: Uint8Array): unknown;
}

/** Where a file is written to. A buffer has to have room for all of it. */
export type TransferSink = Writable | WritableStream<Uint8Array> | FileLikeSink | Uint8Array;

export interface Sink {
  /** Resolves when the next piece may come. One at a time. @throws the sink's own error */
  write(data: Uint8Array): Promise<void>;
  /** Everything has been given to it. Resolves when it has taken it all. @throws the sink's own error */
  finish(): Promise<void>;
  /** There will be no more, because of this. */
  abort(error: unknown): void;
  /** Rejects as soon as the sink wants no more; never resolves. */
  readonly failed: Promise<never>;
}

/** @throws UsageError for what is none of them */
export function sinkOf(sink: TransferSink, end: boolean | undefined): Sink {
  if (sink instanceof Uint8Array) return bufferSink(sink);
  if (typeof sink === 'object' && sink !== null) {
    if ('getWriter' in sink) return webSink(sink, end ?? true);
    if ('write' in sink && 'writableEnded' in sink)
      return nodeSink(sink, end ?? !(sink === process.stdout || sink === process.stderr));
    if ('write' in sink) return fileSink(sink);
  }
  throw new UsageError('neither a stream nor a file nor a buffer to write to');
}

const NEVER = new Promise<never>(() => {});

function bufferSink(target: Uint8Array): Sink {
  let at = 0;
  return {
    async write(data) {
      if (data.length > target.length - at)
        throw new UsageError(`the buffer of ${target.length} bytes is too small for the file`);
      target.set(data, at);
      at += data.length;
    },
    finish: async () => {},
    abort: () => {},
    failed: NEVER,
  };
}

function webSink(stream: WritableStream<Uint8Array>, end: boolean): Sink {
  const writer = stream.getWriter();
  const failed = writer.closed.then(
    () => NEVER,
    (error) => Promise.reject(error),
  );
  return {
    async write(data) {
      await writer.ready;
      // It rejects with what `closed` rejects with.
      writer.write(data).catch(() => {});
    },
    async finish() {
      if (end) {
        await writer.close();
        return;
      }
      await writer.ready;
      writer.releaseLock();
    },
    abort(error) {
      if (end) writer.abort(error).catch(() => {});
      else writer.releaseLock();
    },
    failed,
  };
}

function nodeSink(stream: Writable, end: boolean): Sink {
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  let given = 0;
  let taken = 0;
  let look: () => void = () => {};
  // A stream that is closed with everything written is as it should be.
  const over = () => {
    if (stream.errored !== null || !stream.writableFinished)
      fail(stream.errored ?? new UsageError('the stream to write to was closed before the end of the file'));
  };
  stream.on('error', over);
  stream.on('close', over);
  if (stream.destroyed || stream.writableEnded) over();
  const detach = () => {
    stream.off('close', over);
    stream.off('drain', drained);
    // An error that comes later is still not to end the process.
    if (end) return;
    stream.off('error', over);
  };
  let room: (() => void) | null = null;
  const drained = () => room?.();
  stream.on('drain', drained);
  return {
    async write(data) {
      given++;
      const roomy = stream.write(data, (error) => {
        if (error) return;
        taken++;
        look();
      });
      if (roomy) return;
      await new Promise<void>((resolve) => {
        room = resolve;
      });
    },
    async finish() {
      if (end) {
        await new Promise<void>((resolve) => stream.end(resolve));
      } else if (taken < given) {
        await new Promise<void>((resolve) => {
          look = () => void (taken === given && resolve());
        });
      }
      detach();
    },
    abort(error) {
      detach();
      if (end) stream.destroy(error instanceof Error ? error : new Error('the transfer was given up', { cause: error }));
    },
    failed,
  };
}

function fileSink(file: FileLikeSink): Sink {
  return {
    async write(data) {
      for (let at = 0; at < data.length; ) {
        const written = await file.write(at === 0 ? data : data.subarray(at));
        const count = (written as { bytesWritten?: unknown } | null | undefined)?.bytesWritten;
        // FileHandle may write less than it was given; others say nothing, and have taken it.
        if (typeof count !== 'number') return;
        if (count === 0) throw new UsageError('the file takes no bytes');
        at += count;
      }
    },
    finish: async () => {},
    abort: () => {},
    failed: NEVER,
  };
}
