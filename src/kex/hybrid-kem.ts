// mlkem768x25519-sha256 (draft-ietf-sshm-mlkem-hybrid-kex): the client sends an ML-KEM public key and an X25519 share, the
// server a ciphertext and its share. K is the hash of both secrets one after the other, and enters hashes as a string.

import { concat } from '../bytes/bytes.ts';
import type { CryptoProvider, HashName } from '../crypto/provider.ts';
import { Writer } from '../wire/writer.ts';
import type { KexScheme } from './method.ts';

const SHARE = 32;

export function mlkem768x25519Scheme(hash: HashName): KexScheme {
  return {
    start(crypto) {
      const kem = crypto.mlkem768.generate();
      const share = crypto.agreement('x25519');
      return {
        value: concat(kem.publicKey, share.publicKey),
        finish(serverValue) {
          const { ciphertextBytes } = crypto.mlkem768;
          if (serverValue.length !== ciphertextBytes + SHARE)
            throw new RangeError(`a server value of ${serverValue.length} bytes`);
          const kemSecret = kem.decapsulate(serverValue.subarray(0, ciphertextBytes));
          return combine(crypto, hash, kemSecret, share.derive(serverValue.subarray(ciphertextBytes)));
        },
      };
    },
    respond(crypto, clientValue) {
      const { publicKeyBytes } = crypto.mlkem768;
      if (clientValue.length !== publicKeyBytes + SHARE) throw new RangeError(`a client value of ${clientValue.length} bytes`);
      const { ciphertext, secret } = crypto.mlkem768.encapsulate(clientValue.subarray(0, publicKeyBytes));
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
