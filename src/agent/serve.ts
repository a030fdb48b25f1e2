// An agent of ours, as a server: one stream is one client. Requests are answered one after the other, in their order, and nothing
// more is read before an answer has been taken. What is not understood as a whole is refused, never done in part; smart cards are not
// taken (CVE-2023-38408 was code loaded for one). Keys that are limited to hosts exist only for whom `destinations.ts` lets see them.

import { once } from 'node:events';
import { type Duplex, finished } from 'node:stream';
import { nodeCrypto } from '../crypto/node/index.ts';
import { eraseMaterial, finishKey } from '../keys/formats/key-file.ts';
import { withCertificate } from '../keys/node/certify.ts';
import { derivePoint } from '../keys/node/derive-point.ts';
import type { SignatureAlgorithm } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { countHostKeys } from './destination-constraints.ts';
import { isVisible, permittedUse } from './destinations.ts';
import { AgentFrames } from './frames.ts';
import { blobOf, sameBlob } from './key-blob.ts';
import type { Keyring, KeyringEntry } from './keyring.ts';
import * as protocol from './messages.ts';
import { SessionBindings } from './session-bindings.ts';

const FAILURE = protocol.agentFrame(protocol.AGENT_FAILURE);
const SUCCESS = protocol.agentFrame(protocol.AGENT_SUCCESS);
const EXTENSION_FAILURE = protocol.agentFrame(protocol.EXTENSION_FAILURE);

/** As many as clients list, OpenSSH's MAX_AGENT_IDENTITIES. */
const MOST_KEYS = 2_048;
/** Keys of hosts that all keys together may be limited to: somebody far away can add keys, too, and each list looks through these. */
const MOST_HOST_KEYS = 16_384;

/**
 * Answers the client at the other end of a stream until it ends. Resolves then; never rejects.
 */
export async function serveAgent(keyring: Keyring, stream: Duplex): Promise<void> {
  await new AgentConnection(keyring, stream).run();
}

class AgentConnection {
  readonly #keyring: Keyring;
  readonly #stream: Duplex;
  readonly #bindings = new SessionBindings();
  readonly #frames = new AgentFrames();

  constructor(keyring: Keyring, stream: Duplex) {
    this.#keyring = keyring;
    this.#stream = stream;
  }

  async run(): Promise<void> {
    const over = new Promise<void>((resolve) => {
      finished(this.#stream, () => resolve());
    });
    try {
      // The iterator must not destroy the stream at its end, with answers still on their way.
      for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) {
        this.#frames.push(chunk as Uint8Array);
        await this.#answerAll();
      }
      // Who has no more questions may still be waiting for the last answer.
      this.#stream.end();
    } catch {
      // It broke, or what came over it is not the protocol.
      this.#stream.destroy();
    }
    await over;
  }

  /** @throws DecodeError for a length that no message has */
  async #answerAll(): Promise<void> {
    for (let message = this.#frames.next(); message !== null; message = this.#frames.next()) {
      const answer = await this.#answer(message).catch(() => FAILURE);
      message.fill(0);
      if (this.#stream.destroyed) return;
      // A client that asks and does not listen must not fill our memory with answers.
      if (!this.#stream.write(answer)) await drained(this.#stream);
    }
  }

  /** Whatever it throws is FAILURE. */
  async #answer(message: Uint8Array): Promise<Uint8Array> {
    const type = message[0];
    const body = message.subarray(1);
    const reader = new Reader(body);
    switch (type) {
      case protocol.REQUEST_IDENTITIES:
        reader.end();
        return this.#identities();
      case protocol.SIGN_REQUEST:
        return this.#sign(reader);
      case protocol.ADD_IDENTITY:
      case protocol.ADD_ID_CONSTRAINED:
        return this.#add(body, type === protocol.ADD_ID_CONSTRAINED);
      case protocol.REMOVE_IDENTITY: {
        const entry = this.#keyring.find(reader.string());
        reader.end();
        return entry !== null && this.#sees(entry) && this.#keyring.remove(entry.publicKey) ? SUCCESS : FAILURE;
      }
      case protocol.REMOVE_ALL_IDENTITIES:
        reader.end();
        if (this.#keyring.locked) return FAILURE;
        this.#keyring.removeAll();
        return SUCCESS;
      case protocol.LOCK:
      case protocol.UNLOCK: {
        const passphrase = reader.string();
        reader.end();
        const done = type === protocol.LOCK ? this.#keyring.lock(passphrase) : await this.#keyring.unlock(passphrase);
        return done ? SUCCESS : FAILURE;
      }
      case protocol.EXTENSION:
        return this.#extension(reader);
      default:
        return FAILURE;
    }
  }

  #sees({ destinations }: KeyringEntry): boolean {
    return isVisible(destinations, this.#bindings);
  }

  #identities(): Uint8Array {
    const keys = this.#keyring.list().filter((entry) => this.#sees(entry));
    const writer = new Writer(1024).u32(keys.length);
    for (const { publicKey, comment } of keys) writer.string(blobOf(publicKey)).string(comment);
    return protocol.agentFrame(protocol.IDENTITIES_ANSWER, writer.finish());
  }

  async #sign(reader: Reader): Promise<Uint8Array> {
    const blob = reader.string();
    const data = new Uint8Array(reader.string());
    const flags = reader.u32();
    reader.end();
    const signer = await this.#keyring.signer(blob, ({ destinations, publicKey }) =>
      permittedUse(destinations, this.#bindings, publicKey, data),
    );
    if (signer === null) return FAILURE;
    const algorithm = algorithmFor(signer, flags);
    if (algorithm === undefined) return FAILURE;
    const signature = await signer.sign(data, algorithm);
    return protocol.agentFrame(protocol.SIGN_RESPONSE, new Writer(signature.length + 4).string(signature).finish());
  }

  #add(body: Uint8Array, constrained: boolean): Uint8Array {
    if (this.#keyring.locked) return FAILURE;
    const { numbers, certificate, comment, constraints } = protocol.decodeAddedKey(body, constrained);
    const material = { numbers, comment };
    try {
      const file = { encrypted: false as const, format: 'a key for the agent', material };
      const plain = finishKey(file, material, derivePoint, nodeCrypto);
      const key = certificate === null ? plain : withCertificate(plain, certificate);
      const held = this.#keyring.find(blobOf(key.publicKey));
      // Who may not see a key may not free it of its limits either, by adding it once more.
      if (held !== null && !this.#sees(held)) return FAILURE;
      if (!this.#hasRoomFor({ publicKey: key.publicKey, comment, destinations: constraints.destinations ?? [] })) return FAILURE;
      this.#keyring.add(key, { ...constraints, comment });
    } finally {
      eraseMaterial(material);
    }
    return SUCCESS;
  }

  /** Whether a list with the key in it is one that clients read, and the limits to hosts are not too many to look through. */
  #hasRoomFor(entry: KeyringEntry): boolean {
    const keys = [...this.#keyring.list().filter(({ publicKey }) => !sameBlob(publicKey, entry.publicKey)), entry];
    const bytes = keys.reduce((sum, key) => sum + 8 + blobOf(key.publicKey).length + Buffer.byteLength(key.comment), 5);
    const hostKeys = keys.reduce((sum, { destinations }) => sum + countHostKeys(destinations), 0);
    return keys.length <= MOST_KEYS && bytes <= protocol.MOST_MESSAGE_BYTES && hostKeys <= MOST_HOST_KEYS;
  }

  /** What is not known is FAILURE, what is known and fails EXTENSION_FAILURE (RFC 9987). */
  #extension(reader: Reader): Uint8Array {
    const name = reader.text();
    // Also while it is locked: the connection may be used when it is no longer.
    if (name === protocol.SESSION_BIND) return this.#bindings.bind(reader) ? SUCCESS : EXTENSION_FAILURE;
    if (name !== 'query' || this.#keyring.locked) return FAILURE;
    reader.end();
    return protocol.agentFrame(protocol.EXTENSION_RESPONSE, new Writer().string('query').string(protocol.SESSION_BIND).finish());
  }
}

/** When there is room again, or never more will be. */
async function drained(stream: Duplex): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(() => {});
  stop.abort();
}

/** What the flags ask for; without one an RSA key would have to sign with SHA-1, which we don't. */
function algorithmFor(signer: Signer, flags: number): SignatureAlgorithm | undefined {
  const wanted = flags & protocol.RSA_SHA2_512 ? 'rsa-sha2-512' : flags & protocol.RSA_SHA2_256 ? 'rsa-sha2-256' : null;
  if (signer.publicKey.type !== 'ssh-rsa') return signer.algorithms[0];
  return signer.algorithms.find((name) => name === (wanted ?? 'rsa-sha2-256'));
}
