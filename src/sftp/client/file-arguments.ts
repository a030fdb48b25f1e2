// The many ways in which FileHandle.read and FileHandle.write are called, as one.

import { UsageError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { bytesOf } from './chunks.ts';
import { sizeOf } from './values.ts';

/** Bytes of a read that says neither how many nor where to, as for fs. */
const DEFAULT_READ = 16_384;

export interface ReadBufferOptions<T extends ArrayBufferView = Uint8Array> extends CallOptions {
  readonly buffer?: T;
  /** Where in the buffer to begin; default 0. */
  readonly offset?: number | null;
  /** Default what the buffer has room for. */
  readonly length?: number | null;
  /** In the file; null, the default, for the file's own position, which moves on. */
  readonly position?: number | bigint | null;
}

export interface WriteBufferOptions extends CallOptions {
  readonly offset?: number | null;
  readonly length?: number | null;
  readonly position?: number | bigint | null;
}

/** A part of somebody's buffer, and where in the file it belongs. */
export interface Span<T = ArrayBufferView> {
  readonly buffer: T;
  readonly bytes: Uint8Array;
  readonly position: number | null;
  readonly call: CallOptions;
}

type Rest = readonly unknown[];

/** `(buffer, offset?, length?, position?, options?)`, `(buffer, options)` or `(options)`. @throws UsageError */
export function readSpan<T extends ArrayBufferView>(first: T | ReadBufferOptions<T>, rest: Rest): Span<T> {
  if (ArrayBuffer.isView(first)) return spanOf(first, rest);
  const { buffer = new Uint8Array(DEFAULT_READ) as unknown as T, ...options } = first;
  return spanOf(buffer, [options]);
}

/** `(text, position?, encoding?, options?)`, or of bytes as for {@link readSpan}. @throws UsageError */
export function writeSpan(data: string | ArrayBufferView, rest: Rest): Span<string | ArrayBufferView> {
  if (typeof data !== 'string') return spanOf(data, rest);
  const [position, encoding, options] = rest;
  const bytes = bytesOf(data, encoding as BufferEncoding | undefined);
  return { buffer: data, bytes, position: positionOf(position as Position), call: (options as CallOptions | undefined) ?? {} };
}

export type Position = number | bigint | null | undefined;

function spanOf<T extends ArrayBufferView>(buffer: T, rest: Rest): Span<T> {
  if (typeof rest[0] === 'object' && rest[0] !== null) {
    const { offset, length, position, ...call } = rest[0] as WriteBufferOptions;
    return cut(buffer, offset, length, position, call);
  }
  const [offset, length, position, options] = rest as [number?, number?, Position?, CallOptions?];
  return cut(buffer, offset, length, position, options ?? {});
}

function cut<T extends ArrayBufferView>(
  buffer: T,
  offset: number | null | undefined,
  length: number | null | undefined,
  position: Position,
  call: CallOptions,
): Span<T> {
  const start = sizeOf(offset ?? 0);
  const count = sizeOf(length ?? Math.max(0, buffer.byteLength - start));
  if (start + count > buffer.byteLength) throw new UsageError(`${count} bytes from ${start} of a buffer of ${buffer.byteLength}`);
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset + start, count);
  return { buffer, bytes, position: positionOf(position), call };
}

/** A negative one is the file's own, as for fs. */
export function positionOf(position: Position): number | null {
  if (position === null || position === undefined || position < 0) return null;
  return sizeOf(Number(position));
}
