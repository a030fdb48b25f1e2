// Whatever can sign for a public key: a private key in memory, an agent, a hardware module, a cloud service. Authentication
// and host keys deal in signers only, so a key that cannot leave its device works like any other.

import type { PublicKey } from './public-key.ts';
import type { SignatureAlgorithm } from './signature.ts';

/** Signs for one public key. {@link PrivateKey} is the signer whose key is in memory. */
export interface Signer {
  /** The key that verifies the signatures. */
  readonly publicKey: PublicKey;
  /** All algorithms that it can sign with, strongest first. Of these only those are used that a connection's own lists have. */
  readonly algorithms: readonly SignatureAlgorithm[];
  /**
   * True where a signature costs the user something (a touch, a prompt, a network call): then the server is asked first
   * whether it wants this key (RFC 4252 section 7).
   */
  readonly costly?: boolean;
  /**
   * The SSH form of the signature over `data`: string algorithm, string blob (RFC 4253 section 6.6).
   * @param algorithm One of {@link algorithms}.
   */
  sign(data: Uint8Array, algorithm: SignatureAlgorithm): Uint8Array | PromiseLike<Uint8Array>;
}
