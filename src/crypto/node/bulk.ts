/**
 * AES in counter mode (RFC 4344) and GCM (RFC 5647) over node:crypto, and for old peers AES and 3DES in CBC mode (RFC 4253
 * section 6.3). The key length picks AES-128, -192 or -256.
 *
 * Invariants: a GCM plaintext leaves this file only after its tag was checked, and tags are 16 bytes, never shorter. Plaintexts
 * are the fresh buffers OpenSSL wrote into, never used again; ciphertexts are copied to where the caller wants them.
 */
import {
  type Cipher,
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type Decipher,
  type DecipherGCM,
  type KeyObject,
} from 'node:crypto';
import { freeBytes } from '../../memory/free.ts';
import { dropLitter } from '../../memory/litter.ts';
import type { CipherDirection, GcmCipher, RunningCipher } from '../provider.ts';

const TAG_BYTES = 16;
const GCM_OPTIONS = { authTagLength: TAG_BYTES };

type GcmName = 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm';

function keyBits(key: Uint8Array): 128 | 192 | 256 {
  switch (key.length) {
    case 16:
      return 128;
    case 24:
      return 192;
    case 32:
      return 256;
    default:
      throw new RangeError(`an AES key is 16, 24 or 32 bytes long, not ${key.length}`);
  }
}

/** One cipher for the life of the key: its counter runs on from packet to packet. */
export function newAesCtr(key: Uint8Array, iv: Uint8Array): RunningCipher {
  if (iv.length !== 16) throw new RangeError(`the initial counter is 16 bytes long, not ${iv.length}`);
  const cipher = createCipheriv(`aes-${keyBits(key)}-ctr`, createSecretKey(key), iv);
  return running(cipher);
}

export function newAesCbc(key: Uint8Array, iv: Uint8Array, direction: CipherDirection): RunningCipher {
  return newCbc(`aes-${keyBits(key)}-cbc`, key, iv, 16, direction);
}

export function newTripleDesCbc(key: Uint8Array, iv: Uint8Array, direction: CipherDirection): RunningCipher {
  if (key.length !== 24) throw new RangeError(`a 3DES key is 24 bytes long, not ${key.length}`);
  return newCbc('des-ede3-cbc', key, iv, 8, direction);
}

/** One cipher for the life of the key: the last block of a packet is the IV of the next (RFC 4253 section 6.3). */
function newCbc(name: string, key: Uint8Array, iv: Uint8Array, block: number, direction: CipherDirection): RunningCipher {
  if (iv.length !== block) throw new RangeError(`the IV is ${block} bytes long, not ${iv.length}`);
  const cipher = (direction === 'encrypt' ? createCipheriv : createDecipheriv)(name, createSecretKey(key), iv);
  // SSH pads for itself; with OpenSSL's padding on, a decipher would also hold back the last block of every packet.
  cipher.setAutoPadding(false);
  return running(cipher);
}

function running(cipher: Cipher | Decipher): RunningCipher {
  return {
    update(data) {
      dropLitter(data.length);
      return cipher.update(data);
    },
    updateInto(data, target) {
      const result = cipher.update(data);
      target.set(result);
      freeBytes(result);
    },
  };
}

class AesGcm implements GcmCipher {
  readonly #name: GcmName;
  /** Made once: handing createCipheriv raw bytes costs some Node versions 16 microseconds more per packet. */
  readonly #key: KeyObject;

  constructor(key: Uint8Array) {
    this.#name = `aes-${keyBits(key)}-gcm`;
    this.#key = createSecretKey(key);
  }

  seal(nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array, target: Uint8Array): void {
    const cipher: CipherGCM = createCipheriv(this.#name, this.#key, nonce, GCM_OPTIONS);
    cipher.setAAD(associated);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    target.set(ciphertext);
    target.set(cipher.getAuthTag(), ciphertext.length);
    freeBytes(ciphertext);
  }

  open(nonce: Uint8Array, associated: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | null {
    if (tag.length !== TAG_BYTES) return null;
    const decipher: DecipherGCM = createDecipheriv(this.#name, this.#key, nonce, GCM_OPTIONS);
    decipher.setAAD(associated);
    decipher.setAuthTag(tag);
    dropLitter(ciphertext.length);
    const plaintext = decipher.update(ciphertext);
    try {
      decipher.final();
    } catch {
      plaintext.fill(0); // unauthenticated: nobody may see it, not even in a heap dump
      return null;
    }
    return plaintext;
  }
}

export function newAesGcm(key: Uint8Array): GcmCipher {
  return new AesGcm(key);
}
