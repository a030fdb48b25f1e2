/**
 * Small helpers on big-endian unsigned integers and JWK fields, shared by the public-key files. Nothing here is secret-
 * dependent in time beyond what importing a key is anyway; none of it runs per packet.
 */

/** The value without leading zero bytes, as a view. */
export function stripZeros(value: Uint8Array): Uint8Array {
  let start = 0;
  while (start < value.length && value[start] === 0) start++;
  return start === 0 ? value : value.subarray(start);
}

/** Bits of the value up to its highest one. */
export function bitLength(stripped: Uint8Array): number {
  const first = stripped[0];
  return first === undefined ? 0 : stripped.length * 8 - Math.clz32(first) + 24;
}

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

export function toBigInt(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return hex === '' ? 0n : BigInt(`0x${hex}`);
}

export function fromBigInt(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** A RangeError that keeps what OpenSSL said as its cause; OpenSSL's own wording never reaches a peer or a log line. */
export function invalid(message: string, cause?: unknown): RangeError {
  return cause === undefined ? new RangeError(message) : new RangeError(message, { cause });
}
