// Schemes with one Diffie-Hellman: X25519 (RFC 8731), the NIST curves (RFC 5656), the fixed groups (RFC 8268). The secret is
// an mpint.

import type { AgreementName, CryptoProvider } from '../crypto/provider.ts';
import { Writer } from '../wire/writer.ts';
import type { KexScheme } from './method.ts';

export function agreementScheme(name: AgreementName): KexScheme {
  return {
    start(crypto: CryptoProvider) {
      const own = crypto.agreement(name);
      return { value: own.publicKey, finish: (serverValue) => encodeSecret(own.derive(serverValue)) };
    },
    respond(crypto: CryptoProvider, clientValue: Uint8Array) {
      const own = crypto.agreement(name);
      return { value: own.publicKey, encodedSecret: encodeSecret(own.derive(clientValue)) };
    },
  };
}

function encodeSecret(secret: Uint8Array): Uint8Array {
  const encoded = new Writer(secret.length + 5).mpint(secret).finish();
  secret.fill(0);
  return encoded;
}
