/**
 * Hex in and out for the vectors of this folder. Comparing hex strings keeps Buffer and Uint8Array equal and failures legible.
 */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/[\s:]/g, '');
  if (digits.length % 2 !== 0) throw new Error('odd number of hex digits');
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

export function toHex(bytes: Uint8Array | null): string {
  if (bytes === null) throw new Error('null where bytes were expected');
  return Buffer.from(bytes).toString('hex');
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

export function number(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

/** Big-endian, `length` bytes. */
export function bytesOf(value: bigint, length: number): Uint8Array {
  return hex(value.toString(16).padStart(2 * length, '0'));
}

export function powMod(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let power = base % modulus;
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * power) % modulus;
    power = (power * power) % modulus;
  }
  return result;
}
