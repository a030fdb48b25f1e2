// Schemes with one Diffie-Hellman: X25519 (RFC 8731), the NIST curves (RFC 5656), the fixed groups (RFC 8268) and those that a
// server picks (RFC 4419). The secret is an mpint.

import type { Agreement, CryptoProvider } from '../crypto/provider.ts';
import { Writer } from '../wire/writer.ts';
import type { KexScheme } from './method.ts';

export function agreementScheme(open: (crypto: CryptoProvider) => Agreement): KexScheme {
  return {
    start(crypto) {
      const own = open(crypto);
      return { value: own.publicKey, finish: (serverValue) => encodeSecret(own.derive(serverValue)) };
    },
    respond(crypto, clientValue) {
      const own = open(crypto);
      return { value: own.publicKey, encodedSecret: encodeSecret(own.derive(clientValue)) };
    },
  };
}

function encodeSecret(secret: Uint8Array): Uint8Array {
  const encoded = new Writer(secret.length + 5).mpint(secret).finish();
  secret.fill(0);
  return encoded;
}
