// What host key rotation says on the wire (OpenSSH PROTOCOL section 2.5): lists of keys, lists of signatures, and what is
// signed. Both roles use it; lists are bounded before anything is made of them.

import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';

/** The server tells all its host keys. */
export const HOST_KEYS = 'hostkeys-00@openssh.com';
/** The client wants proof that it holds some of them. */
export const HOST_KEYS_PROVE = 'hostkeys-prove-00@openssh.com';
/** Keys in one list that are looked at. */
export const HOST_KEYS_LIMIT = 64;

export function encodeStrings(strings: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  for (const string of strings) writer.string(string);
  return writer.finish();
}

/** The strings up to the end of the data, or null where it is malformed or has more than {@link HOST_KEYS_LIMIT}. */
export function decodeStrings(data: Uint8Array): Uint8Array[] | null {
  const reader = new Reader(data);
  const strings: Uint8Array[] = [];
  try {
    while (reader.remaining > 0) {
      if (strings.length === HOST_KEYS_LIMIT) return null;
      strings.push(reader.string());
    }
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
  return strings;
}

/** What a host key signs to prove itself: bound to this session, and by its first string to this purpose. */
export function proofData(sessionId: Uint8Array, blob: Uint8Array): Uint8Array {
  return new Writer().string(HOST_KEYS_PROVE).string(sessionId).string(blob).finish();
}
