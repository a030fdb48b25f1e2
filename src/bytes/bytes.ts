// Small operations on byte arrays that the language lacks. Nothing here knows SSH.

const encoder = new TextEncoder();
// ignoreBOM: a leading U+FEFF is data like any other; the default would silently drop it.
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

export const EMPTY = new Uint8Array(0);

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws TypeError if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes);
}

/** For text meant for people: what is not UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return lenientDecoder.decode(bytes);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Not constant-time: for public values only. Secrets go through CryptoProvider.timingSafeEqual. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function readU32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0;
}

export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

export function toHex(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes) out += byte.toString(16).padStart(2, '0');
  return out;
}

/** The bytes, or null where the text is not pairs of hexadecimal digits. */
export function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return null;
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function toBase64(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out += BASE64[word >> 18]! + BASE64[(word >> 12) & 63]!;
    out += left > 1 ? BASE64[(word >> 6) & 63]! : '=';
    out += left > 2 ? BASE64[word & 63]! : '=';
  }
  return out;
}

/** The bytes, or null where the text is not canonical base64 (white space is skipped, padding may be absent). */
export function fromBase64(text: string): Uint8Array | null {
  const compact = text.replace(/[\t\n\r ]/g, '').replace(/={1,2}$/, '');
  if (compact.length % 4 === 1) return null;
  const out = new Uint8Array(Math.floor((compact.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let offset = 0;
  for (let i = 0; i < compact.length; i++) {
    const value = BASE64.indexOf(compact[i]!);
    if (value < 0) return null;
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[offset++] = (word >> bits) & 0xff;
    }
  }
  // Leftover bits must be zero, or two texts would stand for one key.
  if ((word & ((1 << bits) - 1)) !== 0) return null;
  return out;
}
