// Our KEXINIT (RFC 4253 section 7.1): what we offer in one exchange. Nothing is offered that we could not keep: no host key
// algorithm that none of our keys signs by, no exchange by GSS-API where nobody is there to ask, and no exchange at all without
// a way to prove the server.

import type { AlgorithmLists } from '../algorithms/registry.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { UsageError } from '../errors.ts';
import { gssKexMethod, NULL_HOST_KEY } from '../kex/gss-methods.ts';
import { kexMarkers } from '../kex/negotiate.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import { offeredBlob } from '../keys/offered-key.ts';
import type { Signer } from '../keys/signer.ts';
import { KexInit } from '../wire/messages/transport.ts';

export interface Offer {
  readonly role: 'client' | 'server';
  readonly crypto: CryptoProvider;
  readonly lists: AlgorithmLists;
  /** It opens the session. */
  readonly first: boolean;
  readonly strictKex: boolean;
  /** Exchanges by GSS-API can be made. */
  readonly gss: boolean;
  /** Server: what it can prove itself by. */
  readonly hostKeys: readonly Signer[];
}

/** The encoded message. @throws UsageError where a server has nothing to prove itself by */
export function offerKexInit({ role, crypto, lists, first, strictKex, gss, hostKeys }: Offer): Uint8Array {
  const markers: string[] = [];
  // Both belong in the first KEXINIT only (RFC 8308 section 2.1, OpenSSH PROTOCOL section 1.10).
  if (first) {
    markers.push(kexMarkers[role].extInfo);
    if (strictKex) markers.push(kexMarkers[role].strict);
  }
  const own = role === 'client' ? lists.keys : lists.keys.filter((name) => signerFor(hostKeys, name) !== undefined);
  // Without a host key a server can still be one that proves itself by GSS-API, and nothing else (RFC 4462 section 5).
  const kex = lists.kex.filter((name) => (gssKexMethod(name) === undefined ? own.length > 0 : gss));
  const nullKey = kex.some((name) => gssKexMethod(name)) && (role === 'client' || own.length === 0);
  const serverHostKey = nullKey ? [...own, NULL_HOST_KEY] : own;
  if (serverHostKey.length === 0) throw new UsageError('a server needs a host key before it can start');
  const cookie = new Uint8Array(16);
  crypto.randomFill(cookie);
  return KexInit.encode({
    cookie,
    kex: [...kex, ...markers],
    serverHostKey,
    cipherClientToServer: lists.ciphers,
    cipherServerToClient: lists.ciphers,
    macClientToServer: lists.macs,
    macServerToClient: lists.macs,
    compressionClientToServer: lists.compression,
    compressionServerToClient: lists.compression,
    languagesClientToServer: [],
    languagesServerToClient: [],
    firstKexPacketFollows: false,
    reserved: 0,
  });
}

/** The key that proves a server by this algorithm. */
export function signerFor(hostKeys: readonly Signer[], algorithm: string): Signer | undefined {
  const row = keyAlgorithm(algorithm);
  return hostKeys.find(
    ({ publicKey, algorithms }) =>
      row !== undefined && algorithms.includes(row.signs) && offeredBlob(publicKey, algorithm) !== null,
  );
}
