// What `putfo` reads from: text, bytes, whatever gives out one of them after the other (Node's and the web's streams, generators),
// and files that are open.

import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { UsageError } from '../../../errors.ts';
import { bytesOf, type Chunk, heedErrors } from '../chunks.ts';

/** A FileHandle, an SFTPFile: read from where it stands. */
export interface FileLikeSource {
  read(buffer: Uint8Array, offset: number, length: number, position: null): Promise<{ readonly bytesRead: number }>;
}

/** What a file is made of. */
export type TransferSource =
  | Chunk
  | ArrayBuffer
  | Blob
  | Iterable<Chunk>
  | AsyncIterable<Chunk>
  | ReadableStream<Chunk>
  | FileLikeSource;

export interface Source {
  /** Fills a buffer from its beginning as far as there is something, and resolves with the number of bytes; 0 is the end. */
  fill(target: Uint8Array): Promise<number>;
  /** Nothing more is wanted, because of this; undefined where everything was read. May be called while `fill` is under way. */
  close(error?: unknown): void;
}

/** @throws UsageError for what is none of them */
export function sourceOf(source: TransferSource): Source {
  if (typeof source === 'string' || ArrayBuffer.isView(source)) return iterated([source], () => {});
  if (source instanceof ArrayBuffer) return iterated([new Uint8Array(source)], () => {});
  if (source instanceof Blob) return sourceOf(source.stream() as ReadableStream<Uint8Array>);
  if (typeof source !== 'object' || source === null) throw new UsageError(`nothing can be read from a ${typeof source}`);
  if (source instanceof Readable) {
    heedErrors(source);
    return iterated(source, (error) => source.destroy(error instanceof Error ? error : undefined));
  }
  if (source instanceof ReadableStream || 'getReader' in source) return webSource(source as ReadableStream<Chunk>);
  if ('read' in source && typeof source.read === 'function') return fileSource(source as FileLikeSource);
  if (Symbol.asyncIterator in source || Symbol.iterator in source) return iterated(source as AsyncIterable<Chunk>);
  throw new UsageError('neither text nor bytes nor anything that gives them out');
}

/** `stop` ends it while somebody waits for the next piece; without one, it is told when it has given that. */
function iterated(source: Iterable<Chunk> | AsyncIterable<Chunk>, stop?: (error: unknown) => void): Source {
  let iterator: Iterator<Chunk> | AsyncIterator<Chunk> | null = null;
  const next = async (): Promise<Uint8Array | null> => {
    iterator ??= Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    const { done, value } = await iterator.next();
    return done ? null : bytesOf(value);
  };
  return chunked(next, (error) => {
    if (error === undefined) return;
    if (stop !== undefined) stop(error);
    else void (async () => iterator?.return?.())().catch(() => {});
  });
}

function webSource(stream: ReadableStream<Chunk>): Source {
  const reader = stream.getReader();
  const next = async (): Promise<Uint8Array | null> => {
    const { done, value } = await reader.read();
    return done ? null : bytesOf(value);
  };
  return chunked(next, (error) => {
    if (error === undefined) reader.releaseLock();
    else reader.cancel(error).catch(() => {});
  });
}

/** Many small pieces fill one buffer, a large one many. */
function chunked(next: () => Promise<Uint8Array | null>, close: Source['close']): Source {
  let rest: Uint8Array = new Uint8Array(0);
  let ended = false;
  return {
    async fill(target) {
      let filled = 0;
      while (filled < target.length && !ended) {
        if (rest.length === 0) {
          const chunk = await next();
          if (chunk === null) ended = true;
          else rest = chunk;
          continue;
        }
        const count = Math.min(rest.length, target.length - filled);
        target.set(rest.subarray(0, count), filled);
        rest = rest.subarray(count);
        filled += count;
      }
      return filled;
    },
    close,
  };
}

function fileSource(file: FileLikeSource): Source {
  return {
    async fill(target) {
      const { bytesRead } = await file.read(target, 0, target.length, null);
      if (!Number.isInteger(bytesRead) || bytesRead < 0 || bytesRead > target.length) {
        throw new UsageError('read() of what is to be sent did not say how many bytes it has read');
      }
      return bytesRead;
    },
    close: () => {},
  };
}
