/**
 * ML-KEM-768 (FIPS 203): by node:crypto where its OpenSSL has it (3.5, so Node >= 24), by @noble/post-quantum elsewhere.
 *
 * Invariants: lengths and the modulus check (section 7.2) are applied here, whichever does the work; randomness comes from
 * node:crypto. Decapsulation of a well-sized ciphertext never fails: a wrong one gives an unrelated secret (section 6.3).
 *
 * noble's nine modules take about 16 ms to load, too much for an import of amiko that may never need them. A kem used out of
 * the blue therefore loads them synchronously at that moment; who can see it coming calls {@link loadMlkem768} first, whose
 * plain import() also is what a bundler follows.
 */
import * as crypto from 'node:crypto';
import { createRequire } from 'node:module';
import type { Kem } from '../provider.ts';
import { invalid } from './bytes.ts';
import { generatePair } from './key-pair.ts';
import { randomFill } from './random.ts';

const PUBLIC_KEY_BYTES = 1184;
const CIPHERTEXT_BYTES = 1088;
const SECRET_BYTES = 32;
/** k * 384 bytes of 12-bit coefficients at the head of a public key; the seed rho follows. */
const COEFFICIENT_BYTES = 1152;
const Q = 3329;

/** What both implementations come down to; arguments are checked already. */
export interface KemEngine {
  generate(): { publicKey: Uint8Array; decapsulate(ciphertext: Uint8Array): Uint8Array };
  encapsulate(publicKey: Uint8Array): { ciphertext: Uint8Array; secret: Uint8Array };
}

type Noble = typeof import('@noble/post-quantum/ml-kem.js');

/** The part of node:crypto that @types/node 20 does not know yet. */
interface NativeKem {
  encapsulate?: (key: crypto.KeyObject) => { sharedKey: Uint8Array; ciphertext: Uint8Array };
  decapsulate?: (key: crypto.KeyObject, ciphertext: Uint8Array) => Uint8Array;
}

/** SubjectPublicKeyInfo up to the key (RFC 9935): sequence, OID 2.16.840.1.101.3.4.4.2, bit string. */
const SPKI_PREFIX = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');

function newNativeEngine(): KemEngine | undefined {
  const { encapsulate, decapsulate } = crypto as unknown as NativeKem;
  if (encapsulate === undefined || decapsulate === undefined) return undefined;
  const engine: KemEngine = {
    generate() {
      const { publicKey, privateKey } = generatePair('ml-kem-768');
      return {
        publicKey: publicKey.subarray(SPKI_PREFIX.length),
        decapsulate: (ciphertext) => decapsulate(privateKey, ciphertext),
      };
    },
    encapsulate(publicKey) {
      const key = crypto.createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
      const { sharedKey, ciphertext } = encapsulate(key);
      return { ciphertext, secret: sharedKey };
    },
  };
  // The functions exist without the algorithm where Node is linked to an older OpenSSL or to BoringSSL: only a round trip tells.
  try {
    const pair = engine.generate();
    const { ciphertext, secret } = engine.encapsulate(pair.publicKey);
    const good =
      pair.publicKey.length === PUBLIC_KEY_BYTES &&
      ciphertext.length === CIPHERTEXT_BYTES &&
      secret.length === SECRET_BYTES &&
      crypto.timingSafeEqual(secret, pair.decapsulate(ciphertext));
    return good ? engine : undefined;
  } catch {
    return undefined;
  }
}

export function newNobleEngine({ ml_kem768 }: Noble): KemEngine {
  return {
    generate() {
      const seed = new Uint8Array(64);
      randomFill(seed);
      const { publicKey, secretKey } = ml_kem768.keygen(seed);
      seed.fill(0);
      return { publicKey, decapsulate: (ciphertext) => ml_kem768.decapsulate(ciphertext, secretKey) };
    },
    encapsulate(publicKey) {
      const message = new Uint8Array(32);
      randomFill(message);
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, message);
      message.fill(0);
      return { ciphertext: cipherText, secret: sharedSecret };
    },
  };
}

let native: KemEngine | undefined | null = null;
let noble: KemEngine | undefined;

function nativeEngine(): KemEngine | undefined {
  if (native === null) native = newNativeEngine();
  return native;
}

function engine(): KemEngine {
  const found = nativeEngine() ?? noble;
  if (found !== undefined) return found;
  noble = newNobleEngine(createRequire(import.meta.url)('@noble/post-quantum/ml-kem.js') as Noble);
  return noble;
}

/** Loads what ML-KEM needs without blocking, e.g. while a TCP connection is being made. Calling it is optional. */
export async function loadMlkem768(): Promise<void> {
  if (nativeEngine() === undefined && noble === undefined) noble = newNobleEngine(await import('@noble/post-quantum/ml-kem.js'));
}

/** FIPS 203 section 7.2: every coefficient must be below q, or decoding and encoding again would change the key. */
function isReduced(publicKey: Uint8Array): boolean {
  for (let i = 0; i < COEFFICIENT_BYTES; i += 3) {
    const low = publicKey[i] ?? 0;
    const middle = publicKey[i + 1] ?? 0;
    const high = publicKey[i + 2] ?? 0;
    if ((low | ((middle & 15) << 8)) >= Q || ((middle >> 4) | (high << 4)) >= Q) return false;
  }
  return true;
}

/** The checks of FIPS 203 sections 7.2 and 7.3 around an engine chosen at the time of use. */
export function newKem(choose: () => KemEngine): Kem {
  return Object.freeze({
    publicKeyBytes: PUBLIC_KEY_BYTES,
    ciphertextBytes: CIPHERTEXT_BYTES,
    generate() {
      const { publicKey, decapsulate } = choose().generate();
      return {
        publicKey,
        decapsulate(ciphertext: Uint8Array): Uint8Array {
          if (ciphertext.length !== CIPHERTEXT_BYTES) {
            throw invalid(`an ML-KEM-768 ciphertext is ${CIPHERTEXT_BYTES} bytes long, not ${ciphertext.length}`);
          }
          try {
            return decapsulate(ciphertext);
          } catch (cause) {
            throw invalid('ML-KEM-768 decapsulation failed', cause);
          }
        },
      };
    },
    encapsulate(publicKey: Uint8Array) {
      if (publicKey.length !== PUBLIC_KEY_BYTES) {
        throw invalid(`an ML-KEM-768 public key is ${PUBLIC_KEY_BYTES} bytes long, not ${publicKey.length}`);
      }
      if (!isReduced(publicKey)) throw invalid('the ML-KEM-768 public key has a coefficient that is not below q');
      try {
        return choose().encapsulate(publicKey);
      } catch (cause) {
        throw invalid('the ML-KEM-768 public key was refused', cause);
      }
    },
  });
}

export const mlkem768: Kem = newKem(engine);
