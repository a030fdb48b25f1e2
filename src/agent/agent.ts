// An SSH agent as a client sees it: keys that sign without leaving it. Answers come in the order of the requests; each is taken for
// what was asked, whatever else it says (Go CVE-2021-43565 and CVE-2025-47913 were panics at answers of another type).

import { connect as connectSocket, type Socket } from 'node:net';
import { type Duplex, finished } from 'node:stream';
import { AgentError, printable, UsageError } from '../errors.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import type { Certificate } from '../keys/certificate.ts';
import { type PrivateKey, secretComponents } from '../keys/private-key.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { type SignatureAlgorithm, signatureAlgorithmsOf } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { AgentFrames } from './frames.ts';
import { blobOf, publicKeyOf } from './key-blob.ts';
import { agentPath, noAgent, unreachable, usualAgent } from './location.ts';
import * as protocol from './messages.ts';

/** The most identities that are listed; more than this is an answer that lies. */
const MOST_IDENTITIES = 2_048;

/**
 * A key that an agent holds: a {@link Signer}. The server is asked before it signs, since the agent may ask its user.
 *
 * @example
 * const [key] = await agent.getKeys();
 * await transport.authPublickey('me', key);
 */
export class AgentKey implements Signer {
  /** With its certificate, where the agent holds one. */
  readonly publicKey: PublicKey;
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly costly = true;
  /** What the agent calls it. */
  readonly comment: string;
  readonly #agent: Agent;

  /** @internal */
  constructor(agent: Agent, publicKey: PublicKey, comment: string) {
    this.#agent = agent;
    this.publicKey = publicKey;
    this.comment = comment;
    this.algorithms = signatureAlgorithmsOf(publicKey.type);
  }

  /** @throws AgentError where the agent refuses, or signs with something else than was asked for */
  sign(data: Uint8Array, algorithm: SignatureAlgorithm): Promise<Uint8Array> {
    return this.#agent.sign(this.publicKey, data, algorithm);
  }

  toString(): string {
    return `${this.publicKey} ${printable(this.comment)}`;
  }
}

interface Answer {
  readonly type: number;
  readonly reader: Reader;
}

interface Waiter {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * A connection to an agent. Every call takes `{ timeout, signal }`; the agent may wait for its user, so there is no limit unless
 * one is given.
 *
 * @example
 * await using agent = await openAgent();
 * for (const key of await agent.getKeys()) console.log(key.publicKey.fingerprint, key.comment);
 */
export class Agent implements AsyncDisposable {
  readonly #stream: Duplex;
  readonly #waiting: Waiter[] = [];
  readonly #frames = new AgentFrames();
  #error: AgentError | null = null;

  /** Speaks to the agent at the other end of a stream: a socket, or a channel's `toNode()`. */
  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    // Its half is enough: an agent that says nothing more will not answer, whether it still listens or not.
    finished(stream, { writable: false }, (error) =>
      this.#over(new AgentError('the agent hung up', error ? { cause: error } : undefined)),
    );
  }

  /** What the agent holds; keys of kinds that are not known here are left out. */
  async getKeys(options?: CallOptions): Promise<readonly AgentKey[]> {
    const { type, reader } = await this.#ask(protocol.REQUEST_IDENTITIES, new Uint8Array(0), options);
    return reading('its list of keys', () => {
      if (type !== protocol.IDENTITIES_ANSWER) throw new AgentError('the agent did not list its keys');
      const count = reader.u32();
      if (count > MOST_IDENTITIES) throw new DecodeError(`${count} keys`);
      const keys: AgentKey[] = [];
      for (let i = 0; i < count; i++) {
        const blob = reader.string();
        const comment = reader.text();
        const key = publicKeyOf(blob);
        if (key !== null) keys.push(new AgentKey(this, key, comment));
      }
      reader.end();
      return keys;
    });
  }

  /**
   * The SSH form of a signature. @throws AgentError where it refuses, or where what it gives is not a signature by this key
   */
  async sign(key: PublicKey, data: Uint8Array, algorithm: SignatureAlgorithm, options?: CallOptions): Promise<Uint8Array> {
    const flags = algorithm === 'rsa-sha2-512' ? protocol.RSA_SHA2_512 : algorithm === 'rsa-sha2-256' ? protocol.RSA_SHA2_256 : 0;
    const body = new Writer(data.length + 1024).string(blobOf(key)).string(data).u32(flags).finish();
    const { type, reader } = await this.#ask(protocol.SIGN_REQUEST, body, options);
    const signature = reading('its signature', () => {
      if (type !== protocol.SIGN_RESPONSE) throw new AgentError(`the agent refused to sign with ${key.fingerprint}`);
      const bytes = new Uint8Array(reader.string());
      reader.end();
      return bytes;
    });
    // An old agent ignores the flags and signs with SHA-1; and what goes to a server should be what it asked for.
    if (key.examine(data, signature, algorithm) === null) {
      throw new AgentError(`the agent's signature is not one of ${algorithm} by ${key.fingerprint}`);
    }
    return signature;
  }

  /**
   * Gives the agent a key, with its certificate where it has one.
   * @throws AgentError also where it does not know a constraint; UsageError for constraints that mean nothing
   *
   * @example
   * const hostKeys = knownHosts.keysFor('gate.example.com', 22).map(({ key }) => key);
   * await agent.add(key, { lifetime: 3600, destinations: [{ to: { hostname: 'gate.example.com', hostKeys } }] });
   */
  async add(key: PrivateKey, options: protocol.KeyConstraints & CallOptions & { certificate?: Certificate } = {}): Promise<void> {
    const { lifetime, confirm = false, destinations, certificate = null } = options;
    if (lifetime !== undefined && !(Number.isInteger(lifetime) && lifetime > 0 && lifetime <= 0xffff_ffff)) {
      throw new UsageError(`not a lifetime in seconds: ${lifetime}`);
    }
    if (certificate !== null && !certificate.publicKey.equals(key.publicKey))
      throw new UsageError('the certificate is for another key');
    const constraints = { ...(lifetime !== undefined && { lifetime }), confirm, ...(destinations && { destinations }) };
    const body = protocol.encodeAddedKey(secretComponents(key), certificate, key.comment, constraints);
    const constrained = lifetime !== undefined || confirm || destinations !== undefined;
    try {
      await this.#perform(constrained ? protocol.ADD_ID_CONSTRAINED : protocol.ADD_IDENTITY, body, 'take the key', options);
    } finally {
      body.fill(0);
    }
  }

  /** Has the agent forget a key; one that came in a certificate goes, the plain one stays. @throws AgentError where it does not have it */
  async remove(key: PublicKey, options?: CallOptions): Promise<void> {
    const body = new Writer().string(blobOf(key)).finish();
    await this.#perform(protocol.REMOVE_IDENTITY, body, 'remove the key', options);
  }

  /** Has the agent forget all keys. @throws AgentError */
  async removeAll(options?: CallOptions): Promise<void> {
    await this.#perform(protocol.REMOVE_ALL_IDENTITIES, new Uint8Array(0), 'remove its keys', options);
  }

  /** Nothing can be listed or signed until {@link unlock} with the same passphrase. */
  async lock(passphrase: string, options?: CallOptions): Promise<void> {
    await this.#perform(protocol.LOCK, new Writer().string(passphrase).finish(), 'be locked', options);
  }

  /** Ends {@link lock}. @throws AgentError where the passphrase is another one */
  async unlock(passphrase: string, options?: CallOptions): Promise<void> {
    await this.#perform(protocol.UNLOCK, new Writer().string(passphrase).finish(), 'be unlocked', options);
  }

  /**
   * Tells the agent which SSH connection this connection is used for (session-bind@openssh.com), so that keys that are limited to
   * some hosts can be. False where the agent does not know how.
   */
  async bindSession(binding: protocol.SessionBinding, options?: CallOptions): Promise<boolean> {
    const { type } = await this.#ask(protocol.EXTENSION, protocol.encodeSessionBind(binding), options);
    return type === protocol.AGENT_SUCCESS;
  }

  /** Ends the connection; the agent goes on. */
  close(): void {
    this.#over(new AgentError('the connection to the agent was closed'));
    this.#stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #perform(type: number, body: Uint8Array, what: string, options?: CallOptions): Promise<void> {
    const answer = await this.#ask(type, body, options);
    if (answer.type !== protocol.AGENT_SUCCESS) throw new AgentError(`the agent refused to ${what}`);
  }

  #ask(type: number, body: Uint8Array, options?: CallOptions): Promise<Answer> {
    if (this.#error !== null) return Promise.reject(this.#error);
    if (body.length >= protocol.MOST_MESSAGE_BYTES)
      return Promise.reject(new UsageError(`${body.length} bytes are too many for an agent`));
    return waitFor<Answer>("the agent's answer", options, (settle) => {
      // Also where nobody waits any more, the answer comes and has to be counted.
      this.#waiting.push(settle);
      this.#stream.write(protocol.agentFrame(type, body));
      return undefined;
    });
  }

  #receive(chunk: Uint8Array): void {
    try {
      this.#frames.push(chunk);
      for (let message = this.#frames.next(); message !== null; message = this.#frames.next()) {
        const waiter = this.#waiting.shift();
        if (waiter === undefined) throw new DecodeError('an answer without a question');
        waiter.resolve({ type: message[0] as number, reader: new Reader(message, 1) });
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#over(new AgentError(`the agent sent ${error.message}`, { cause: error }));
      this.#stream.destroy();
    }
  }

  #over(error: AgentError): void {
    if (this.#error !== null) return;
    this.#error = error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}

/**
 * Connects to an agent: at a socket's path or a pipe's name, by default what SSH_AUTH_SOCK says, and on Windows the pipe of its
 * OpenSSH. Pageant, on Windows, tells its pipe's name: `pageant --openssh-config FILE` writes it to a file, after `IdentityAgent`.
 * @throws AgentError where there is none, or it can't be reached; SSHTimeoutError
 */
export async function openAgent(where?: string, options?: CallOptions): Promise<Agent> {
  const named = where ?? usualAgent();
  if (named === null) throw noAgent();
  const path = agentPath(named);
  return new Agent(
    await waitFor<Socket>('connecting to the agent', options, ({ resolve, reject }) => {
      const socket = connectSocket(path);
      socket.once('connect', () => resolve(socket));
      // Also for what goes wrong once nobody waits any more.
      socket.on('error', (error) => reject(unreachable(path, error)));
      return () => socket.destroy();
    }),
  );
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw new AgentError(`the agent's answer is malformed: ${what}`, { cause: error });
    throw error;
  }
}
