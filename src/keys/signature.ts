// The signature algorithms of SSH as a table, and the SSH form of a signature: string algorithm, string blob (RFC 4253
// section 6.6). Cryptography deals in raw signatures (fixed length, see SigningKey); this file converts between the two.
// Decoding is total and strict: one signature has one encoding, anything else is null.

import type { HashName } from '../crypto/provider.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import type { KeyType } from './key-type.ts';

/** The signature algorithm names that amiko knows. */
export type SignatureAlgorithm =
  | 'ssh-ed25519'
  | 'ecdsa-sha2-nistp256'
  | 'ecdsa-sha2-nistp384'
  | 'ecdsa-sha2-nistp521'
  | 'rsa-sha2-512'
  | 'rsa-sha2-256'
  | 'ssh-rsa'
  | 'sk-ssh-ed25519@openssh.com'
  | 'sk-ecdsa-sha2-nistp256@openssh.com'
  | 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com';

/** What a browser's FIDO key signs under: the key is a `sk-ecdsa` one. */
export const WEBAUTHN = 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com';

/** One signature algorithm. */
export interface SignatureRow {
  readonly name: SignatureAlgorithm;
  /** The type of the keys that sign with it. */
  readonly keyType: KeyType;
  /** What the data is hashed with. Ed25519 hashes for itself (RFC 8032); its entry only says with what. */
  readonly hash: HashName;
  /** `compatible` and `legacy` algorithms are used only where the caller names them, or chooses a policy with them. */
  readonly status: 'default' | 'compatible' | 'legacy';
}

/**
 * Every signature algorithm, in OpenSSH 10's order of preference (RFC 8709, RFC 5656 section 6.2.1, RFC 8332).
 * `ssh-rsa` signs with SHA-1 and is `legacy`.
 */
export const signatureAlgorithms: readonly SignatureRow[] = [
  { name: 'ssh-ed25519', keyType: 'ssh-ed25519', hash: 'sha512', status: 'default' },
  { name: 'ecdsa-sha2-nistp256', keyType: 'ecdsa-sha2-nistp256', hash: 'sha256', status: 'default' },
  { name: 'ecdsa-sha2-nistp384', keyType: 'ecdsa-sha2-nistp384', hash: 'sha384', status: 'default' },
  { name: 'ecdsa-sha2-nistp521', keyType: 'ecdsa-sha2-nistp521', hash: 'sha512', status: 'default' },
  { name: 'sk-ssh-ed25519@openssh.com', keyType: 'sk-ssh-ed25519@openssh.com', hash: 'sha512', status: 'default' },
  {
    name: 'sk-ecdsa-sha2-nistp256@openssh.com',
    keyType: 'sk-ecdsa-sha2-nistp256@openssh.com',
    hash: 'sha256',
    status: 'default',
  },
  { name: WEBAUTHN, keyType: 'sk-ecdsa-sha2-nistp256@openssh.com', hash: 'sha256', status: 'default' },
  { name: 'rsa-sha2-512', keyType: 'ssh-rsa', hash: 'sha512', status: 'default' },
  { name: 'rsa-sha2-256', keyType: 'ssh-rsa', hash: 'sha256', status: 'default' },
  { name: 'ssh-rsa', keyType: 'ssh-rsa', hash: 'sha1', status: 'legacy' },
];

/** Every algorithm that keys of a type can sign with, strongest first: what of it may be used is for the caller's lists to say. */
export function signatureAlgorithmsOf(type: KeyType): readonly SignatureAlgorithm[] {
  return Object.freeze(signatureAlgorithms.filter((row) => row.keyType === type).map((row) => row.name));
}

/** The algorithm called `name`, or undefined where there is none. */
export function signatureRow(name: string): SignatureRow | undefined {
  return signatureAlgorithms.find((row) => row.name === name);
}

/**
 * The SSH form of a raw signature.
 * @param raw 64 bytes for Ed25519, r || s for ECDSA (halves of equal length), modulus-sized for RSA.
 */
export function encodeSignature(algorithm: SignatureAlgorithm, raw: Uint8Array): Uint8Array {
  const writer = new Writer(64 + raw.length).string(algorithm);
  if (!algorithm.startsWith('ecdsa-')) return writer.string(raw).finish();
  const half = raw.length / 2;
  const numbers = new Writer(raw.length + 16).mpint(raw.subarray(0, half)).mpint(raw.subarray(half));
  return writer.string(numbers.finish()).finish();
}

/**
 * The raw signature inside an SSH signature, or null where it is not a well-formed signature of exactly this algorithm.
 * @param algorithm The only name that is accepted: what was negotiated, never what the blob says of itself.
 * @param rawBytes The length of the key's raw signatures.
 */
export function decodeSignature(signature: Uint8Array, algorithm: string, rawBytes: number): Uint8Array | null {
  try {
    const reader = new Reader(signature);
    // The name inside must be the negotiated one, or a peer could answer rsa-sha2-512 with SHA-1 (RFC 8332 section 3).
    if (reader.name() !== algorithm) return null;
    const blob = reader.string();
    reader.end();
    if (algorithm.startsWith('ecdsa-')) return decodeEcdsa(blob, rawBytes / 2);
    // Exactly the key's length. OpenSSH pads a short RSA blob with zeros, for senders that strip leading zeros; RFC 8017
    // section 8.2.2 step 1 demands equal length, such senders died out with SHA-1, and accepting short blobs gives one
    // signature many encodings and lets forgeries of a few bytes reach the modular exponentiation.
    return blob.length === rawBytes ? blob : null;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

/** RFC 5656 section 3.1.2: mpint r, mpint s; `half` is the length of each in the raw form. @throws DecodeError */
export function decodeEcdsa(blob: Uint8Array, half: number): Uint8Array | null {
  const reader = new Reader(blob);
  const raw = new Uint8Array(2 * half);
  for (const end of [half, 2 * half]) {
    const number = reader.mpint();
    // Zero is the "psychic signature" (CVE-2022-21449). The upper bound, the order, is for the verifier to check.
    if (number.length === 0 || number.length > half) return null;
    raw.set(number, end - number.length);
  }
  reader.end();
  return raw;
}
