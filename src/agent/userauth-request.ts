// What a client signs to log in (RFC 4252 section 7, OpenSSH PROTOCOL section 3.1), as an agent reads it before it signs: with a key
// that is limited to hosts nothing else may be signed, and this names the user, the session and the host. All of it has to be
// there and nothing else: what is signed must not be readable in another way by a server.

import { CONNECTION_SERVICE, HOST_BOUND } from '../auth/client.ts';
import { equalBytes } from '../bytes/bytes.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { UserauthRequest } from '../wire/messages/auth.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { blobOf, keyOfBlob } from './key-blob.ts';

/** Longer than any system's names: what it is matched against costs its length each time. Characters. */
const MOST_USER_LENGTH = 1_024;

/** A login that somebody wants to have signed. */
export interface SignedLogin {
  readonly username: string;
  readonly sessionId: Uint8Array;
  /** The key of the host, where the request names it. */
  readonly hostKey: PublicKey | null;
}

/** The login with `key` that `data` is. @throws DecodeError, KeyFormatError where it is anything else */
export function readSignedLogin(data: Uint8Array, key: PublicKey): SignedLogin {
  const reader = new Reader(data);
  const sessionId = reader.string();
  if (reader.u8() !== UserauthRequest.number) throw new DecodeError('not a login');
  const username = reader.utf8();
  if (username.length > MOST_USER_LENGTH) throw new DecodeError('the name of the user is too long');
  const service = reader.name();
  const method = reader.name();
  if (service !== CONNECTION_SERVICE || (method !== 'publickey' && method !== HOST_BOUND)) throw new DecodeError('another login');
  // Any other value than 1 is true as well, but nobody sends one.
  if (reader.u8() !== 1) throw new DecodeError('a login without a signature');
  const algorithm = keyAlgorithm(reader.name());
  const fits = algorithm?.keyType === key.type && algorithm.certified === (key.certificate !== null);
  if (!fits || !equalBytes(reader.string(), blobOf(key))) throw new DecodeError('a login with another key');
  const hostKey = method === HOST_BOUND ? keyOfBlob(reader.string()) : null;
  reader.end();
  return { username, sessionId, hostKey };
}
