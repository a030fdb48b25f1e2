// Several parts of a file at once: asked for together, given out in the order of the question.

import type { CallOptions } from '../../io/waiting.ts';
import type { Opened } from './handles.ts';
import { readSome } from './reading.ts';
import { sizeOf } from './values.ts';

/** First byte and length, bytes. */
export type Range = readonly [offset: number, length: number];

/** Parts that are under way at once. */
const MOST_RANGES = 64;
/** Bytes that are under way or wait to be taken at once, one part at least. */
const MOST_BYTES = 16_777_216;

/** The bytes of each part; fewer where the file ends. Nothing is asked for once the iteration is left. */
export async function* readRanges(
  file: Opened,
  ranges: Iterable<Range>,
  most: number = MOST_RANGES,
  call: CallOptions = {},
): AsyncGenerator<Buffer, void> {
  const left = new AbortController();
  const signal = call.signal === undefined ? left.signal : AbortSignal.any([call.signal, left.signal]);
  const waiting: { readonly length: number; readonly read: Promise<Buffer> }[] = [];
  let bytes = 0;
  const oldest = async () => {
    const { length, read } = waiting.shift() as (typeof waiting)[number];
    bytes -= length;
    return read;
  };
  try {
    for (const [offset, length] of ranges) {
      while (waiting.length > 0 && (waiting.length >= most || bytes + length > MOST_BYTES)) yield await oldest();
      const read = readSome(file, sizeOf(offset), sizeOf(length), { ...call, signal });
      // Whoever takes it hears of it.
      read.catch(() => {});
      waiting.push({ length, read });
      bytes += length;
    }
    while (waiting.length > 0) yield await oldest();
  } finally {
    left.abort();
  }
}
