// What can be written to a file, as pieces of bytes: text, bytes, and whatever gives out one of them after the other.

import { Readable } from 'node:stream';
import { encodeUtf8 } from '../../bytes/bytes.ts';
import { UsageError } from '../../errors.ts';

export type Chunk = string | Uint8Array;

/** Node's and the web's streams are iterables, too. */
export type FileContent = Chunk | Iterable<Chunk> | AsyncIterable<Chunk>;

/** @throws UsageError for what is neither text nor bytes */
export function bytesOf(chunk: unknown, encoding?: BufferEncoding | null): Uint8Array {
  if (typeof chunk === 'string') return encoding && encoding !== 'utf8' ? Buffer.from(chunk, encoding) : encodeUtf8(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new UsageError(`neither text nor bytes: ${chunk === null ? 'null' : typeof chunk}`);
}

/**
 * A source that gives its pieces as they come fails when it likes, also before anybody asks for the next one, or after it was ended:
 * without a listener 'error' would end the process. Whoever reads it hears of it all the same.
 */
export function heedErrors(source: unknown): void {
  if (source instanceof Readable && !source.listeners('error').includes(heed)) source.on('error', heed);
}

function heed(): void {}

/** Ends a source that nobody has begun to read. */
export function endUnread(source: unknown): void {
  if (source instanceof Readable) source.destroy();
  else if (source instanceof ReadableStream && !source.locked) source.cancel().catch(() => {});
}

/**
 * The pieces. They stay unchanged for as long as they are needed: a source that may fill its buffer again, as a generator of the
 * caller's may, is copied.
 */
export async function* chunksOf(content: FileContent, encoding?: BufferEncoding | null): AsyncGenerator<Uint8Array, void> {
  if (typeof content === 'string' || ArrayBuffer.isView(content)) {
    yield bytesOf(content, encoding);
    return;
  }
  if (typeof content !== 'object' || content === null || !(Symbol.asyncIterator in content || Symbol.iterator in content)) {
    throw new UsageError(`can't be written to a file: ${content === null ? 'null' : typeof content}`);
  }
  const lasting = content instanceof Readable;
  for await (const chunk of content as AsyncIterable<Chunk>) {
    const bytes = bytesOf(chunk, encoding);
    yield lasting || typeof chunk === 'string' ? bytes : new Uint8Array(bytes);
  }
}
