/**
 * The {@link CryptoProvider} over node:crypto and a small WebAssembly module, for Node >= 20.19 and what is compatible with
 * it (Bun, Deno, Electron). This folder is the only place of amiko that imports `node:crypto` or touches WebAssembly.
 *
 * Importing it does nothing but define functions: no key pool is filled, no module compiled and no package loaded before the
 * first call that needs it.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Agreement, AgreementName, CryptoProvider } from '../provider.ts';
import { sntrup761 } from '../sntrup761/kem.ts';
import { isDhGroup, newDhAgreement, newEcdhAgreement, newX25519Agreement } from './agreement.ts';
import { newAesCbc, newAesCtr, newAesGcm, newTripleDesCbc } from './bulk.ts';
import { newChachaPoly } from './chacha-poly.ts';
import { newGroupAgreement } from './group-agreement.ts';
import { hash, newHmac } from './hash.ts';
import { mlkem768 } from './mlkem.ts';
import { randomFill } from './random.ts';
import { importPrivateKey, verify } from './signature.ts';

export { loadMlkem768 } from './mlkem.ts';

function agreement(name: AgreementName): Agreement {
  if (name === 'x25519') return newX25519Agreement();
  return isDhGroup(name) ? newDhAgreement(name) : newEcdhAgreement(name);
}

export const nodeCrypto: CryptoProvider = Object.freeze({
  randomFill,
  hash,
  hmac: newHmac,
  aesCtr: newAesCtr,
  aesCbc: newAesCbc,
  tripleDesCbc: newTripleDesCbc,
  aesGcm: newAesGcm,
  chachaPoly: newChachaPoly,
  agreement,
  dhAgreement: newGroupAgreement,
  mlkem768,
  sntrup761: sntrup761((...parts) => hash('sha512', ...parts), randomFill),
  verify,
  importPrivateKey,
  timingSafeEqual: (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b),
});
