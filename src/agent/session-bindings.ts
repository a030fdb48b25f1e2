// What an agent's connection was tied to (OpenSSH PROTOCOL.agent section 1): the SSH connections over which it was passed on, and at
// the end the one that somebody logs in to. A host's signature proves each; nothing can be taken back, and behind a binding that is
// not for forwarding there is no other. What the bindings allow is for `destinations.ts`.

import { equalBytes } from '../bytes/bytes.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { publicKeyOf, sameBlob } from './key-blob.ts';

/** OpenSSH's AGENT_MAX_SESSION_IDS and AGENT_MAX_SID_LEN. */
const MOST_BINDINGS = 16;
const MOST_ID_BYTES = 128;

/** One SSH connection that the agent's connection was tied to. */
export interface Binding {
  /** The host at its other end: a plain key, or a certificate of one. */
  readonly hostKey: PublicKey;
  readonly sessionId: Uint8Array;
  /** The agent's connection was passed on to the host; else it is used to log in there. */
  readonly forwarding: boolean;
}

export class SessionBindings {
  readonly #chain: Binding[] = [];
  #tried = false;

  /** In the order in which they were made: from the agent's machine outwards. */
  get chain(): readonly Binding[] {
    return this.#chain;
  }

  /** Somebody wanted to bind and nothing came of it: so the connection is not used by programs of this machine alone. */
  get failed(): boolean {
    return this.#tried && this.#chain.length === 0;
  }

  /** Takes a session-bind request; false where it proves nothing or comes too late. Never throws. */
  bind(reader: Reader): boolean {
    this.#tried = true;
    try {
      return this.#bind(reader);
    } catch (error) {
      if (error instanceof DecodeError) return false;
      throw error;
    }
  }

  #bind(reader: Reader): boolean {
    const hostKey = publicKeyOf(reader.string());
    const sessionId = new Uint8Array(reader.string());
    const signature = reader.string();
    const forwarding = reader.bool();
    reader.end();
    if (hostKey === null || sessionId.length === 0 || sessionId.length > MOST_ID_BYTES) return false;
    if (!proves(hostKey, sessionId, signature)) return false;
    for (const known of this.#chain) {
      // Behind one that is not for forwarding nobody can pass the connection on.
      if (!known.forwarding) return false;
      // The same again changes nothing; another host that claims the same session lies.
      if (equalBytes(known.sessionId, sessionId)) return sameBlob(known.hostKey, hostKey);
    }
    if (this.#chain.length === MOST_BINDINGS) return false;
    this.#chain.push({ hostKey, sessionId, forwarding });
    return true;
  }
}

/** The host key's signature over the session identifier, under whatever name it signs. */
function proves(hostKey: PublicKey, sessionId: Uint8Array, signature: Uint8Array): boolean {
  const algorithm = new Reader(signature).name();
  return hostKey.verify(sessionId, signature, keyAlgorithm(algorithm)?.signs ?? algorithm);
}
