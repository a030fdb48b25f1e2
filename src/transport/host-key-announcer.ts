// The server's side of host key rotation (OpenSSH PROTOCOL section 2.5): it tells a client that has logged in all its host keys,
// and proves to hold those that the client asks about. It signs nothing but what names this session and one of its own keys.

import { equalBytes } from '../bytes/bytes.ts';
import type { InboundGlobalRequest } from '../connection/connection.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import type { SignatureAlgorithm } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import { decodeStrings, encodeStrings, HOST_KEYS, HOST_KEYS_PROVE, proofData } from './host-key-proof.ts';

export interface AnnouncerPort {
  readonly keys: readonly Signer[];
  sessionId(): Uint8Array | null;
  /** The signature algorithm that the key exchange has used. */
  hostKeyAlgorithm(): string;
  /** Sends a global request that wants no answer. */
  send(request: string, data: Uint8Array): void;
  log(message: string): void;
}

export class HostKeyAnnouncer {
  readonly #port: AnnouncerPort;
  /** One after the other: a client that asks often must not make us sign often at once. */
  #signing: Promise<void> = Promise.resolve();

  constructor(port: AnnouncerPort) {
    this.#port = port;
  }

  announce(): void {
    // A server that proves itself by Kerberos alone may have none.
    if (this.#port.keys.length === 0) return;
    this.#port.send(HOST_KEYS, encodeStrings(this.#port.keys.map((signer) => signer.publicKey.blob)));
  }

  /** Whether the request was one of these; it has then been, or will be, answered. */
  receive({ request, data, wantReply, reply }: InboundGlobalRequest): boolean {
    if (request !== HOST_KEYS_PROVE) return false;
    // Requests without an answer are not counted: any number of them could have us sign for nobody.
    if (!wantReply) return true;
    const signers = this.#asked(data);
    if (signers === null) {
      reply(null);
      return true;
    }
    this.#signing = this.#signing.then(async () => {
      try {
        reply(await this.#prove(signers));
      } catch (error) {
        this.#port.log(`a host key could not be proven: ${error instanceof Error ? error.message : String(error)}`);
        reply(null);
      }
    });
    return true;
  }

  /** The signers of the keys that the client names; null where one of them is not ours, or none is named. */
  #asked(data: Uint8Array): Signer[] | null {
    const blobs = decodeStrings(data);
    if (blobs === null || blobs.length === 0) return null;
    const signers: Signer[] = [];
    for (const blob of blobs) {
      const signer = this.#port.keys.find((candidate) => equalBytes(candidate.publicKey.blob, blob));
      if (signer === undefined || signers.includes(signer)) return null;
      signers.push(signer);
    }
    return signers;
  }

  async #prove(signers: readonly Signer[]): Promise<Uint8Array> {
    const sessionId = this.#port.sessionId() as Uint8Array;
    const signatures: Uint8Array[] = [];
    for (const signer of signers) {
      const algorithm = this.#algorithmOf(signer);
      const data = proofData(sessionId, signer.publicKey.blob);
      const signature = await signer.sign(data, algorithm);
      // As in the key exchange: a faulty signature can give the key away, so none leaves unverified.
      if (signer.publicKey.verify(data, signature, algorithm) !== true) throw new Error('a signature does not verify');
      signatures.push(signature);
    }
    return encodeStrings(signatures);
  }

  /** OpenSSH expects an RSA key to use the algorithm of the key exchange where that was one of RSA. */
  #algorithmOf(signer: Signer): SignatureAlgorithm {
    const agreed = keyAlgorithm(this.#port.hostKeyAlgorithm())?.signs;
    return signer.algorithms.find((name) => name === agreed) ?? (signer.algorithms[0] as SignatureAlgorithm);
  }
}
