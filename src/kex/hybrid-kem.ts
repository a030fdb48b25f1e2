// The post-quantum hybrids: a key encapsulation mechanism beside X25519, so that both must be broken. The client sends a KEM
// public key and an X25519 share, the server a ciphertext and its share. K is the hash of both secrets one after the other, and
// enters hashes as a string (draft-ietf-sshm-mlkem-hybrid-kex, draft-ietf-sshm-ntruprime-ssh).

import { concat } from '../bytes/bytes.ts';
import type { CryptoProvider, HashName, Kem } from '../crypto/provider.ts';
import { Writer } from '../wire/writer.ts';
import type { KexScheme } from './method.ts';

const SHARE = 32;

export function hybridScheme(hash: HashName, kemOf: (crypto: CryptoProvider) => Kem): KexScheme {
  return {
    start(crypto) {
      const kem = kemOf(crypto);
      const { ciphertextBytes } = kem;
      const pair = kem.generate();
      const share = crypto.agreement('x25519');
      return {
        value: concat(pair.publicKey, share.publicKey),
        finish(serverValue) {
          if (serverValue.length !== ciphertextBytes + SHARE)
            throw new RangeError(`a server value of ${serverValue.length} bytes`);
          const kemSecret = pair.decapsulate(serverValue.subarray(0, ciphertextBytes));
          return combine(crypto, hash, kemSecret, share.derive(serverValue.subarray(ciphertextBytes)));
        },
      };
    },
    respond(crypto, clientValue) {
      const kem = kemOf(crypto);
      const { publicKeyBytes } = kem;
      if (clientValue.length !== publicKeyBytes + SHARE) throw new RangeError(`a client value of ${clientValue.length} bytes`);
      const { ciphertext, secret } = kem.encapsulate(clientValue.subarray(0, publicKeyBytes));
      const share = crypto.agreement('x25519');
      const shared = share.derive(clientValue.subarray(publicKeyBytes));
      return { value: concat(ciphertext, share.publicKey), encodedSecret: combine(crypto, hash, secret, shared) };
    },
  };
}

function combine(crypto: CryptoProvider, hash: HashName, kemSecret: Uint8Array, shared: Uint8Array): Uint8Array {
  const secret = crypto.hash(hash, kemSecret, shared);
  kemSecret.fill(0);
  shared.fill(0);
  const encoded = new Writer(secret.length + 4).string(secret).finish();
  secret.fill(0);
  return encoded;
}
