// One key exchange method as a row: its name, its hash, and how it comes to a secret.

import type { CryptoProvider, HashName } from '../crypto/provider.ts';

/** Turns two public values into a secret. */
export interface KexScheme {
  /** The client's half. `finish` takes the server's value and gives K as it enters hashes, length field included. */
  start(crypto: CryptoProvider): { readonly value: Uint8Array; finish(serverValue: Uint8Array): Uint8Array };
  /** The server's half. All three throw RangeError where what the peer sent is invalid. */
  respond(crypto: CryptoProvider, clientValue: Uint8Array): { readonly value: Uint8Array; readonly encodedSecret: Uint8Array };
}

interface MethodRow {
  readonly name: string;
  readonly hash: HashName;
  readonly postQuantum: boolean;
  readonly status: 'default' | 'compatible' | 'legacy';
}

/** The name says all: one message there, one back. */
export interface SchemeMethod extends MethodRow {
  readonly kind: 'scheme';
  /** How public values travel and enter the exchange hash: as strings (RFC 5656) or as mpints (RFC 4253 section 8). */
  readonly values: 'string' | 'mpint';
  readonly scheme: KexScheme;
}

/** Diffie-Hellman in a group that the server picks by the client's wishes, two messages before the others (RFC 4419). */
export interface GroupExchangeMethod extends MethodRow {
  readonly kind: 'group-exchange';
}

export type KexMethod = SchemeMethod | GroupExchangeMethod;
