// From what an exchange has agreed to what seals or opens the packets of one direction. The keys are derived here, used once and
// wiped: nobody else ever holds them.

import type { CryptoProvider } from '../crypto/provider.ts';
import type { DirectionAlgorithms } from '../kex/negotiate.ts';
import type { Opener, Sealer } from '../packet/cipher.ts';
import { createOpener, createSealer, type DirectionKeys, keySizes } from '../packet/ciphers.ts';
import { deriveKey, type KeyMaterial } from '../packet/derive-keys.ts';

/** Letters of initial IV, encryption key and integrity key, by who sends (RFC 4253 section 7.2). */
const letters = { client: ['A', 'C', 'E'], server: ['B', 'D', 'F'] } as const;

export function sealerOf(
  crypto: CryptoProvider,
  material: KeyMaterial,
  sender: 'client' | 'server',
  algorithms: DirectionAlgorithms,
): Sealer {
  return withKeys(crypto, material, sender, algorithms, (keys) => createSealer(crypto, algorithms.cipher, algorithms.mac, keys));
}

export function openerOf(
  crypto: CryptoProvider,
  material: KeyMaterial,
  sender: 'client' | 'server',
  algorithms: DirectionAlgorithms,
): Opener {
  return withKeys(crypto, material, sender, algorithms, (keys) => createOpener(crypto, algorithms.cipher, algorithms.mac, keys));
}

function withKeys<T>(
  crypto: CryptoProvider,
  material: KeyMaterial,
  sender: 'client' | 'server',
  { cipher, mac }: DirectionAlgorithms,
  use: (keys: DirectionKeys) => T,
): T {
  const sizes = keySizes(cipher, mac);
  const [iv, key, macKey] = letters[sender];
  const keys = {
    iv: deriveKey(crypto, material, iv, sizes.iv),
    key: deriveKey(crypto, material, key, sizes.key),
    macKey: deriveKey(crypto, material, macKey, sizes.macKey),
  };
  const used = use(keys);
  keys.key.fill(0);
  keys.macKey.fill(0);
  return used;
}
