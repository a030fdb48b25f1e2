// The client's side of host key rotation (OpenSSH PROTOCOL section 2.5): it hears which host keys the server has, has it prove
// those that the key exchange did not, and tells the user about proven keys only. It changes no file: what to do with them is
// the user's decision. One announcement per connection counts; a list that is too long is not looked at.

import { equalBytes } from '../bytes/bytes.ts';
import type { InboundGlobalRequest } from '../connection/connection.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { KeyFormatError } from '../errors.ts';
import { PublicKey } from '../keys/public-key.ts';
import { decodeStrings, encodeStrings, HOST_KEYS, HOST_KEYS_PROVE, proofData } from './host-key-proof.ts';

export interface LearnerPort {
  readonly crypto: CryptoProvider;
  sessionId(): Uint8Array | null;
  /** The key that the key exchange has proven. */
  hostKey(): PublicKey | null;
  /** A global request; resolves with the answer, null for a refusal. */
  request(kind: string, data: Uint8Array): Promise<Uint8Array | null>;
  log(message: string): void;
  /** Hears of all keys that the server has and has proven, the one of the key exchange among them. */
  learned(keys: readonly PublicKey[]): void | PromiseLike<void>;
}

export class HostKeyLearner {
  readonly #port: LearnerPort;
  #heard = false;

  constructor(port: LearnerPort) {
    this.#port = port;
  }

  /** Whether the request was one of these. */
  receive({ request, data, reply }: InboundGlobalRequest): boolean {
    if (request !== HOST_KEYS) return false;
    reply(null);
    if (this.#heard) return true;
    this.#heard = true;
    const blobs = decodeStrings(data);
    if (blobs === null) this.#port.log("the server's list of host keys is malformed or too long: ignored");
    else void this.#learn(blobs);
    return true;
  }

  async #learn(blobs: readonly Uint8Array[]): Promise<void> {
    try {
      const keys = this.#parse(blobs);
      const current = this.#port.hostKey();
      const unproven = keys.filter((key) => current === null || !key.equals(current));
      const proven = unproven.length === 0 ? [] : await this.#prove(unproven);
      if (proven === null) return;
      await this.#port.learned(keys.filter((key) => proven.includes(key) || !unproven.includes(key)));
    } catch (error) {
      this.#port.log(`host keys were not learned: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Keys of types that we do not know are of no use to us; the others still are. */
  #parse(blobs: readonly Uint8Array[]): PublicKey[] {
    const keys: PublicKey[] = [];
    for (const blob of blobs) {
      if (keys.some((key) => equalBytes(key.blob, blob))) continue;
      try {
        keys.push(PublicKey.parse(blob, this.#port.crypto));
      } catch (error) {
        if (!(error instanceof KeyFormatError)) throw error;
      }
    }
    return keys;
  }

  /** Those whose signature over this session is right; null where the server gives no proof at all. */
  async #prove(keys: readonly PublicKey[]): Promise<readonly PublicKey[] | null> {
    const sessionId = this.#port.sessionId() as Uint8Array;
    const answer = await this.#port.request(HOST_KEYS_PROVE, encodeStrings(keys.map((key) => key.blob)));
    const signatures = answer === null ? null : decodeStrings(answer);
    if (signatures === null || signatures.length !== keys.length) {
      this.#port.log('the server does not prove its other host keys');
      return null;
    }
    return keys.filter((key, index) => {
      const data = proofData(sessionId, key.blob);
      const signature = signatures[index] as Uint8Array;
      const proven = key.algorithms.some((algorithm) => key.verify(data, signature, algorithm));
      if (!proven) this.#port.log(`the server does not prove its host key ${key.fingerprint}`);
      return proven;
    });
  }
}
