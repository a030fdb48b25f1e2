// RFC 4251 section 5, mpint, for the only integers that SSH has: positive ones, held as big-endian unsigned bytes.

import { EMPTY } from './bytes.ts';

/** The content of the mpint string: no leading zeros, then one zero byte if the top bit is set (else it would be negative). */
export function encodeMpint(unsigned: Uint8Array): Uint8Array {
  const stripped = stripLeadingZeros(unsigned);
  if (stripped.length === 0 || stripped[0]! < 0x80) return stripped;
  const out = new Uint8Array(stripped.length + 1);
  out.set(stripped, 1);
  return out;
}

/**
 * The unsigned bytes of an mpint's content, or null where it is negative or not minimal (RFC 4251: "Unnecessary leading
 * bytes ... MUST NOT be included"; a second encoding of the same number would let two blobs stand for one key).
 */
export function decodeMpint(content: Uint8Array): Uint8Array | null {
  if (content.length === 0) return EMPTY;
  if (content[0]! >= 0x80) return null;
  if (content[0] !== 0) return content;
  if (content.length === 1 || content[1]! < 0x80) return null;
  return content.subarray(1);
}

export function stripLeadingZeros(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  return bytes.subarray(start);
}

/** The length in bits of a number without leading zero bytes. */
export function bitLength(unsigned: Uint8Array): number {
  return unsigned.length === 0 ? 0 : 8 * unsigned.length - (Math.clz32(unsigned[0]!) - 24);
}
