// Ciphers as rows (RFC 4253 section 6.3, RFC 4344, RFC 5647, OpenSSH PROTOCOL), in OpenSSH 10's order of preference, those for
// old peers last, and the one place that turns a negotiated pair of cipher and MAC into a Sealer or an Opener.

import type { CipherDirection, CryptoProvider, Mac } from '../crypto/provider.ts';
import { gcmOpener, gcmSealer } from './aead-gcm.ts';
import { chachaOpener, chachaSealer } from './chacha-poly.ts';
import type { Opener, Sealer } from './cipher.ts';
import { type MacRow, macs } from './macs.ts';
import {
  type BlockCipher,
  encryptAndMacOpener,
  encryptAndMacSealer,
  encryptThenMacOpener,
  encryptThenMacSealer,
  truncated,
} from './stream-mac.ts';

export interface CipherRow {
  readonly name: string;
  readonly mode: 'gcm' | 'chacha-poly' | 'ctr' | 'cbc' | '3des-cbc';
  readonly keyBytes: number;
  readonly ivBytes: number;
  /** How strong the cipher is, where that is not the length of its key. */
  readonly strengthBits?: number;
  readonly status: 'default' | 'compatible' | 'legacy';
}

export const ciphers = [
  // Half of the key is for the length field alone.
  { name: 'chacha20-poly1305@openssh.com', mode: 'chacha-poly', keyBytes: 64, ivBytes: 0, strengthBits: 256, status: 'default' },
  { name: 'aes128-gcm@openssh.com', mode: 'gcm', keyBytes: 16, ivBytes: 12, status: 'default' },
  { name: 'aes256-gcm@openssh.com', mode: 'gcm', keyBytes: 32, ivBytes: 12, status: 'default' },
  { name: 'aes128-ctr', mode: 'ctr', keyBytes: 16, ivBytes: 16, status: 'default' },
  { name: 'aes192-ctr', mode: 'ctr', keyBytes: 24, ivBytes: 16, status: 'default' },
  { name: 'aes256-ctr', mode: 'ctr', keyBytes: 32, ivBytes: 16, status: 'default' },
  { name: 'aes128-cbc', mode: 'cbc', keyBytes: 16, ivBytes: 16, status: 'legacy' },
  { name: 'aes192-cbc', mode: 'cbc', keyBytes: 24, ivBytes: 16, status: 'legacy' },
  { name: 'aes256-cbc', mode: 'cbc', keyBytes: 32, ivBytes: 16, status: 'legacy' },
  // Blocks of 64 bits: two that are the same must be expected after some 32 GiB (SWEET32), and keys last for 1 GiB.
  { name: '3des-cbc', mode: '3des-cbc', keyBytes: 24, ivBytes: 8, strengthBits: 112, status: 'legacy' },
] as const satisfies readonly CipherRow[];

export type CipherName = (typeof ciphers)[number]['name'];

/** An authenticated cipher brings its own MAC, so none is negotiated (RFC 5647 section 5.1, as OpenSSH reads it). */
export function isAead(cipher: string): boolean {
  const { mode } = cipherRow(cipher);
  return mode === 'gcm' || mode === 'chacha-poly';
}

/** The strength of a cipher in bits, for what else must be as strong. */
export function cipherStrength(cipher: string): number {
  const { strengthBits, keyBytes } = cipherRow(cipher);
  return strengthBits ?? 8 * keyBytes;
}

/** Keys of one direction, of the lengths that {@link keySizes} says. */
export interface DirectionKeys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly macKey: Uint8Array;
}

export function keySizes(cipher: string, mac: string): { key: number; iv: number; macKey: number } {
  const row = cipherRow(cipher);
  return { key: row.keyBytes, iv: row.ivBytes, macKey: isAead(cipher) ? 0 : macRow(mac).keyBytes };
}

export function createSealer(crypto: CryptoProvider, cipher: string, mac: string, keys: DirectionKeys): Sealer {
  const row = cipherRow(cipher);
  if (row.mode === 'gcm') return gcmSealer(crypto, keys.key, keys.iv);
  if (row.mode === 'chacha-poly') return chachaSealer(crypto, keys.key);
  const block = blockCipher(crypto, row, keys, 'encrypt');
  const hmac = macOf(crypto, mac, keys);
  return macRow(mac).etm ? encryptThenMacSealer(block, hmac) : encryptAndMacSealer(block, hmac);
}

export function createOpener(crypto: CryptoProvider, cipher: string, mac: string, keys: DirectionKeys): Opener {
  const row = cipherRow(cipher);
  if (row.mode === 'gcm') return gcmOpener(crypto, keys.key, keys.iv);
  if (row.mode === 'chacha-poly') return chachaOpener(crypto, keys.key);
  const block = blockCipher(crypto, row, keys, 'decrypt');
  const hmac = macOf(crypto, mac, keys);
  return macRow(mac).etm ? encryptThenMacOpener(crypto, block, hmac) : encryptAndMacOpener(crypto, block, hmac);
}

function blockCipher(
  crypto: CryptoProvider,
  { mode, ivBytes }: CipherRow,
  { key, iv }: DirectionKeys,
  direction: CipherDirection,
): BlockCipher {
  // In every mode that runs on, the IV is one block.
  const blockBytes = ivBytes;
  if (mode === 'cbc') return { running: crypto.aesCbc(key, iv, direction), blockBytes, chained: true };
  if (mode === '3des-cbc') return { running: crypto.tripleDesCbc(key, iv, direction), blockBytes, chained: true };
  return { running: crypto.aesCtr(key, iv), blockBytes, chained: false };
}

function macOf(crypto: CryptoProvider, name: string, { macKey }: DirectionKeys): Mac {
  const { hash, tagBytes } = macRow(name);
  const hmac = crypto.hmac(hash, macKey);
  return tagBytes === undefined ? hmac : truncated(hmac, tagBytes);
}

function cipherRow(name: string): CipherRow {
  const row = ciphers.find((candidate) => candidate.name === name);
  if (row === undefined) throw new RangeError(`no such cipher: ${name}`);
  return row;
}

function macRow(name: string): MacRow {
  const row = macs.find((candidate) => candidate.name === name);
  if (row === undefined) throw new RangeError(`no such MAC: ${name}`);
  return row;
}
