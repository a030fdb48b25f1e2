// Chance that can be repeated: a generator that a seed decides, and a CryptoProvider whose random bytes and ephemeral keys come
// from it, so that a session between two engines is the same byte for byte whenever the seed is the same.
//
// The mathematics stay node:crypto's; only where private values come from is replaced. The fixed Diffie-Hellman groups cannot be
// given a private value there, so they alone are not repeatable.
import { createECDH, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import type { Agreement, AgreementName, CryptoProvider, CurveName } from '../../src/crypto/provider.ts';
import { PrivateKey } from '../../src/keys/private-key.ts';

/** A small generator (mulberry32): not for cryptography, but every run of a seed is the same. */
export class Dice {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** An integer from 0 up to and not including `end`. */
  below(end: number): number {
    return this.next() % end;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  fill(target: Uint8Array): Uint8Array {
    for (let i = 0; i < target.length; i += 4) {
      const word = this.next();
      for (let j = 0; j < 4 && i + j < target.length; j++) target[i + j] = word >>> (8 * j);
    }
    return target;
  }

  bytes(count: number): Uint8Array {
    return this.fill(new Uint8Array(count));
  }
}

/** nodeCrypto with everything that is random taken from `seed`. */
export function seededCrypto(seed: number): CryptoProvider {
  const dice = new Dice(seed);
  return {
    ...nodeCrypto,
    randomFill: (target) => void dice.fill(target),
    agreement(name: AgreementName): Agreement {
      if (name === 'x25519') return x25519(dice.bytes(32));
      if (name.startsWith('nistp')) return ecdh(name as CurveName, dice);
      return nodeCrypto.agreement(name);
    },
    mlkem768: {
      ...nodeCrypto.mlkem768,
      generate() {
        const { publicKey, secretKey } = ml_kem768.keygen(dice.bytes(64));
        return { publicKey, decapsulate: (ciphertext) => ml_kem768.decapsulate(ciphertext, secretKey) };
      },
      encapsulate(publicKey) {
        const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, dice.bytes(32));
        return { ciphertext: cipherText, secret: sharedSecret };
      },
    },
  };
}

const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function x25519(privateValue: Uint8Array): Agreement {
  const privateKey = createPrivateKey({ key: Buffer.concat([X25519_PKCS8, privateValue]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return {
    publicKey: new Uint8Array(Buffer.from(x as string, 'base64url')),
    derive(peer) {
      try {
        const x = Buffer.from(peer).toString('base64url');
        const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
        return diffieHellman({ privateKey, publicKey });
      } catch {
        throw new RangeError('not an X25519 key');
      }
    },
  };
}

const CURVES = { nistp256: ['prime256v1', 32], nistp384: ['secp384r1', 48], nistp521: ['secp521r1', 66] } as const;

function ecdh(name: CurveName, dice: Dice): Agreement {
  const [curve, bytes] = CURVES[name];
  const pair = createECDH(curve);
  const privateValue = dice.bytes(bytes);
  // Below the order of the group, whichever it is.
  privateValue[0] = 0;
  pair.setPrivateKey(privateValue);
  return {
    publicKey: pair.getPublicKey(),
    derive(peer) {
      try {
        return pair.computeSecret(peer);
      } catch {
        throw new RangeError('not a point');
      }
    },
  };
}

/** The Ed25519 key of a number: a host key or user key for tests, always the same one. */
export function testKey(number: number): PrivateKey {
  const seed = new Dice(0x5eed + number).bytes(32);
  const privateKey = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return new PrivateKey({ kind: 'ed25519', seed, point: new Uint8Array(Buffer.from(x as string, 'base64url')) }, nodeCrypto);
}
