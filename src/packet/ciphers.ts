// Ciphers as rows (RFC 4253 section 6.3, RFC 4344, RFC 5647, OpenSSH PROTOCOL), in OpenSSH 10's order of preference, and the
// one place that turns a negotiated pair of cipher and MAC into a Sealer or an Opener.

import type { CryptoProvider } from '../crypto/provider.ts';
import { gcmOpener, gcmSealer } from './aead-gcm.ts';
import { chachaOpener, chachaSealer } from './chacha-poly.ts';
import type { Opener, Sealer } from './cipher.ts';
import { type MacRow, macs } from './macs.ts';
import { encryptAndMacOpener, encryptAndMacSealer, encryptThenMacOpener, encryptThenMacSealer } from './stream-mac.ts';

export interface CipherRow {
  readonly name: string;
  readonly mode: 'gcm' | 'chacha-poly' | 'ctr';
  readonly keyBytes: number;
  readonly ivBytes: number;
  readonly status: 'default' | 'legacy';
}

export const ciphers = [
  { name: 'chacha20-poly1305@openssh.com', mode: 'chacha-poly', keyBytes: 64, ivBytes: 0, status: 'default' },
  { name: 'aes128-gcm@openssh.com', mode: 'gcm', keyBytes: 16, ivBytes: 12, status: 'default' },
  { name: 'aes256-gcm@openssh.com', mode: 'gcm', keyBytes: 32, ivBytes: 12, status: 'default' },
  { name: 'aes128-ctr', mode: 'ctr', keyBytes: 16, ivBytes: 16, status: 'default' },
  { name: 'aes192-ctr', mode: 'ctr', keyBytes: 24, ivBytes: 16, status: 'default' },
  { name: 'aes256-ctr', mode: 'ctr', keyBytes: 32, ivBytes: 16, status: 'default' },
] as const satisfies readonly CipherRow[];

export type CipherName = (typeof ciphers)[number]['name'];

/** An authenticated cipher brings its own MAC, so none is negotiated (RFC 5647 section 5.1, as OpenSSH reads it). */
export function isAead(cipher: string): boolean {
  return cipherRow(cipher).mode !== 'ctr';
}

/** Keys of one direction, of the lengths that {@link keySizes} says. */
export interface DirectionKeys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly macKey: Uint8Array;
}

export function keySizes(cipher: string, mac: string): { key: number; iv: number; macKey: number } {
  const row = cipherRow(cipher);
  return { key: row.keyBytes, iv: row.ivBytes, macKey: row.mode === 'ctr' ? macRow(mac).keyBytes : 0 };
}

export function createSealer(crypto: CryptoProvider, cipher: string, mac: string, keys: DirectionKeys): Sealer {
  const row = cipherRow(cipher);
  if (row.mode === 'gcm') return gcmSealer(crypto, keys.key, keys.iv);
  if (row.mode === 'chacha-poly') return chachaSealer(crypto, keys.key);
  const { hash, etm } = macRow(mac);
  const stream = crypto.aesCtr(keys.key, keys.iv);
  const hmac = crypto.hmac(hash, keys.macKey);
  return etm ? encryptThenMacSealer(stream, hmac) : encryptAndMacSealer(stream, hmac);
}

export function createOpener(crypto: CryptoProvider, cipher: string, mac: string, keys: DirectionKeys): Opener {
  const row = cipherRow(cipher);
  if (row.mode === 'gcm') return gcmOpener(crypto, keys.key, keys.iv);
  if (row.mode === 'chacha-poly') return chachaOpener(crypto, keys.key);
  const { hash, etm } = macRow(mac);
  const stream = crypto.aesCtr(keys.key, keys.iv);
  const hmac = crypto.hmac(hash, keys.macKey);
  return etm ? encryptThenMacOpener(crypto, stream, hmac) : encryptAndMacOpener(crypto, stream, hmac);
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
