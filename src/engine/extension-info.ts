// EXT_INFO (RFC 8308): what a server of ours says about itself, and the two places where one may come from the peer: first behind
// NEWKEYS, or from a server once more, and then nothing but USERAUTH_SUCCESS may follow.

import { encodeUtf8 } from '../bytes/bytes.ts';
import { ProtocolError } from '../errors.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import { UserauthSuccess } from '../wire/messages/auth.ts';
import { Disconnect, ExtInfo } from '../wire/messages/transport.ts';

export class ExtensionInfo {
  readonly #role: 'client' | 'server';
  #successMustFollow = false;

  constructor(role: 'client' | 'server') {
    this.#role = role;
  }

  /** Looked at for every message. @throws ProtocolError where it may not come between a second EXT_INFO and USERAUTH_SUCCESS. */
  checkNext(number: number): void {
    if (this.#successMustFollow && number !== UserauthSuccess.number && number !== Disconnect.number) {
      throw new ProtocolError('message-not-admitted', `message ${number} between EXT_INFO and USERAUTH_SUCCESS`);
    }
  }

  /** What the peer says, by name. @throws ProtocolError where it may not say so now */
  receive(payload: Uint8Array, afterNewKeys: boolean): ReadonlyMap<string, Uint8Array> {
    if (!afterNewKeys) {
      // RFC 8308 section 2.4: else only a server may send it, right before USERAUTH_SUCCESS.
      if (this.#role === 'server') throw new ProtocolError('message-not-admitted', 'EXT_INFO out of place');
      this.#successMustFollow = true;
    }
    return ExtInfo.decode(payload).extensions;
  }

  authenticated(): void {
    this.#successMustFollow = false;
  }
}

/**
 * What a server of ours says. Signature algorithms: what OpenSSH says and expects in server-sig-algs, though RFC 8308 section 3.1
 * would allow more.
 */
export function serverExtensions(pubkeys: readonly string[]): Uint8Array {
  const plain = pubkeys.filter((name) => keyAlgorithm(name)?.certified === false);
  const extensions = new Map([
    ['server-sig-algs', encodeUtf8(plain.join(','))],
    ['ping@openssh.com', encodeUtf8('0')],
  ]);
  return ExtInfo.encode({ extensions });
}
