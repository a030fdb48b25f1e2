// The data types of RFC 4251 section 5 as values: what a row of the message tables is made of.

import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

export interface Field<T> {
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

export const u8: Field<number> = { read: (r) => r.u8(), write: (w, v) => void w.u8(v) };
export const u32: Field<number> = { read: (r) => r.u32(), write: (w, v) => void w.u32(v) };
export const bool: Field<boolean> = { read: (r) => r.bool(), write: (w, v) => void w.bool(v) };
/** `string` as bytes. */
export const bytes: Field<Uint8Array> = { read: (r) => r.string(), write: (w, v) => void w.string(v) };
/** `string` that must be UTF-8. */
export const utf8: Field<string> = { read: (r) => r.utf8(), write: (w, v) => void w.string(v) };
/** `string` for people; decoded leniently. */
export const text: Field<string> = { read: (r) => r.text(), write: (w, v) => void w.string(v) };
/** `string` that must be printable US-ASCII. */
export const name: Field<string> = { read: (r) => r.name(), write: (w, v) => void w.string(v) };
export const nameList: Field<readonly string[]> = { read: (r) => r.nameList(), write: (w, v) => void w.nameList(v) };
/** Positive mpint as big-endian unsigned bytes. */
export const mpint: Field<Uint8Array> = { read: (r) => r.mpint(), write: (w, v) => void w.mpint(v) };
/** All that is left, with no length before it. */
export const rest: Field<Uint8Array> = { read: (r) => r.rest(), write: (w, v) => void w.raw(v) };

/** Exactly `count` bytes, with no length before them. */
export function raw(count: number): Field<Uint8Array> {
  return { read: (r) => r.raw(count), write: (w, v) => void w.raw(v) };
}

export type Fields = { readonly [name: string]: Field<unknown> };
// `infer` on the read side: Field is used covariantly here, whatever its write parameter says.
export type ValuesOf<F> = { [K in keyof F]: F[K] extends { read(reader: Reader): infer T } ? T : never };
