/**
 * sntrup761 behind the provider's {@link Kem} interface, for the key exchange sntrup761x25519-sha512
 * (draft-ietf-sshm-ntruprime-ssh). Plain TypeScript over whatever SHA-512 and randomness are handed in.
 *
 * Invariants: lengths are checked here and nowhere below; a key pair's secret half never leaves the closure and is overwritten
 * when it has been used once, which is all that a key exchange does with it.
 */
import { UsageError } from '../../errors.ts';
import type { Kem } from '../provider.ts';
import { CIPHERTEXT_BYTES, PUBLIC_KEY_BYTES } from './parameters.ts';
import type { RandomFill } from './sampling.ts';
import { decapsulateWith, encapsulateTo, generateKeyPair, type Hash512 } from './scheme.ts';

/**
 * Streamlined NTRU Prime 761: public key 1158 bytes, ciphertext 1039, secret 32.
 *
 * A public key is malformed only if its length is wrong: the scheme reduces coefficients that are out of range, and OpenSSH
 * accepts them too. `decapsulate` may be called once.
 *
 * @param hash512 SHA-512 of its arguments one after the other.
 * @param randomFill fills its argument with cryptographically secure random bytes.
 * @throws RangeError (from `encapsulate` and `decapsulate`) if the length is wrong; the key pair can still be used.
 * @throws UsageError (from `decapsulate`) if the key pair has been used.
 */
export function sntrup761(hash512: Hash512, randomFill: RandomFill): Kem {
  return Object.freeze({
    publicKeyBytes: PUBLIC_KEY_BYTES,
    ciphertextBytes: CIPHERTEXT_BYTES,
    generate() {
      const { publicKey, secretKey } = generateKeyPair(hash512, randomFill);
      let used = false;
      return {
        publicKey,
        decapsulate(ciphertext: Uint8Array): Uint8Array {
          if (ciphertext.length !== CIPHERTEXT_BYTES) {
            throw new RangeError(`an sntrup761 ciphertext is ${CIPHERTEXT_BYTES} bytes long, not ${ciphertext.length}`);
          }
          if (used) throw new UsageError('this sntrup761 key pair has been used: a key pair is for one decapsulation');
          used = true;
          try {
            return decapsulateWith(hash512, secretKey, ciphertext);
          } finally {
            secretKey.fill(0);
          }
        },
      };
    },
    encapsulate(publicKey: Uint8Array) {
      if (publicKey.length !== PUBLIC_KEY_BYTES) {
        throw new RangeError(`an sntrup761 public key is ${PUBLIC_KEY_BYTES} bytes long, not ${publicKey.length}`);
      }
      return encapsulateTo(hash512, randomFill, publicKey);
    },
  });
}
