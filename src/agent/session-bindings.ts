// What an agent's connection was tied to (OpenSSH PROTOCOL.agent section 1): the SSH connections over which it was passed on. It
// matters for keys that are limited to some hosts only, and such keys are refused when they are added; what is left here is to
// answer honestly, so that a client learns when a binding proves nothing.

import { equalBytes } from '../bytes/bytes.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import { Certificate } from '../keys/certificate.ts';
import { certifiedKeyType, keyAlgorithm } from '../keys/certificate-algorithms.ts';
import { PublicKey } from '../keys/public-key.ts';
import { Reader } from '../wire/reader.ts';

/** OpenSSH's AGENT_MAX_SESSION_IDS and AGENT_MAX_SID_LEN. */
const MOST_BINDINGS = 16;
const MOST_ID_BYTES = 128;

interface Binding {
  readonly hostKey: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly forwarding: boolean;
}

export class SessionBindings {
  readonly #bindings: Binding[] = [];
  /** Takes a session-bind request; false where it proves nothing. @throws DecodeError */
  bind(reader: Reader): boolean {
    const hostKey = new Uint8Array(reader.string());
    const sessionId = new Uint8Array(reader.string());
    const signature = reader.string();
    const forwarding = reader.bool();
    reader.end();
    if (sessionId.length === 0 || sessionId.length > MOST_ID_BYTES || this.#bindings.length >= MOST_BINDINGS) return false;
    // Behind one that is not for forwarding nobody can pass the connection on.
    if (this.#bindings.some(({ forwarding: on }) => !on)) return false;
    if (this.#bindings.some((binding) => equalBytes(binding.sessionId, sessionId))) return false;
    if (!proves(hostKey, sessionId, signature)) return false;
    this.#bindings.push({ hostKey, sessionId, forwarding });
    return true;
  }
}

/** The host key's signature over the session identifier, under whatever name it signs. */
function proves(hostKey: Uint8Array, sessionId: Uint8Array, signature: Uint8Array): boolean {
  try {
    const algorithm = new Reader(signature).name();
    const certified = certifiedKeyType(new Reader(hostKey).name()) !== undefined;
    const key = certified ? Certificate.parse(hostKey, nodeCrypto).publicKey : PublicKey.parse(hostKey, nodeCrypto);
    return key.verify(sessionId, signature, keyAlgorithm(algorithm)?.signs ?? algorithm);
  } catch {
    return false;
  }
}
