// One key exchange method as a row: its name, its hash, and a scheme that turns two public values into a secret.

import type { CryptoProvider, HashName } from '../crypto/provider.ts';

export interface KexScheme {
  /** The client's half. `finish` takes the server's value and gives K as it enters hashes, length field included. */
  start(crypto: CryptoProvider): { readonly value: Uint8Array; finish(serverValue: Uint8Array): Uint8Array };
  /** The server's half. Both throw RangeError where the peer's value is invalid. */
  respond(crypto: CryptoProvider, clientValue: Uint8Array): { readonly value: Uint8Array; readonly encodedSecret: Uint8Array };
}

export interface KexMethod {
  readonly name: string;
  readonly hash: HashName;
  /** How public values travel and enter the exchange hash: as strings (RFC 5656) or as mpints (RFC 4253 section 8). */
  readonly values: 'string' | 'mpint';
  readonly postQuantum: boolean;
  readonly status: 'default' | 'legacy';
  readonly scheme: KexScheme;
}
