// An agent of ours, as a server: one stream is one client. Requests are answered one after the other, in their order. What is not
// understood as a whole is refused, never done in part; smart cards are not taken (CVE-2023-38408 was code loaded for one).

import { chmod, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { type Duplex, finished } from 'node:stream';
import { concat, readU32 } from '../bytes/bytes.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import { AgentError } from '../errors.ts';
import { eraseMaterial, finishKey } from '../keys/formats/key-file.ts';
import { withCertificate } from '../keys/node/certify.ts';
import { derivePoint } from '../keys/node/derive-point.ts';
import type { SignatureAlgorithm } from '../keys/signature.ts';
import type { Signer } from '../keys/signer.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { publicKeyOf } from './agent.ts';
import type { Keyring } from './keyring.ts';
import * as protocol from './messages.ts';
import { SessionBindings } from './session-bindings.ts';

const FAILURE = protocol.agentFrame(protocol.AGENT_FAILURE);
const SUCCESS = protocol.agentFrame(protocol.AGENT_SUCCESS);
const EXTENSION_FAILURE = protocol.agentFrame(protocol.EXTENSION_FAILURE);

/**
 * Answers the client at the other end of a stream until it ends. Resolves then; never rejects.
 */
export function serveAgent(keyring: Keyring, stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    new AgentConnection(keyring, stream).start(resolve);
  });
}

/** A listening agent. */
export class AgentServer implements AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  /** @internal */
  constructor(path: string, server: Server, sockets: Set<Socket>) {
    this.path = path;
    this.#server = server;
    this.#sockets = sockets;
  }

  /** Hangs up on all clients and removes the socket. The keys stay in their keyring. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Serves a keyring at a socket that only its owner can open (or a pipe on Windows).
 * @throws AgentError where it can't listen there
 */
export async function listenAgent(keyring: Keyring, path: string): Promise<AgentServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    void serveAgent(keyring, socket).then(() => sockets.delete(socket));
  });
  // From its first moment: between bind and chmod anybody could connect.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new AgentError(`can't listen at ${path}: ${error.message}`, { cause: error })));
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
  if (process.platform !== 'win32') {
    await chmod(path, 0o600).catch(async (error: unknown) => {
      server.close();
      await unlink(path).catch(() => {});
      throw new AgentError(`can't protect ${path}`, { cause: error });
    });
  }
  return new AgentServer(path, server, sockets);
}

class AgentConnection {
  readonly #keyring: Keyring;
  readonly #stream: Duplex;
  readonly #bindings = new SessionBindings();
  #pending: Uint8Array = new Uint8Array(0);
  #busy = false;

  constructor(keyring: Keyring, stream: Duplex) {
    this.#keyring = keyring;
    this.#stream = stream;
  }

  start(ended: () => void): void {
    this.#stream.on('data', (chunk: Uint8Array) => {
      this.#pending = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
      void this.#run();
    });
    finished(this.#stream, () => ended());
  }

  /** One request after the other; meanwhile nothing more is read. */
  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#stream.pause();
    while (this.#pending.length >= 4) {
      const length = readU32(this.#pending, 0);
      if (length === 0 || length > protocol.MOST_MESSAGE_BYTES) {
        this.#stream.destroy();
        return;
      }
      if (this.#pending.length < 4 + length) break;
      const message = new Uint8Array(this.#pending.subarray(4, 4 + length));
      this.#pending = this.#pending.subarray(4 + length);
      const answer = await this.#answer(message).catch(() => FAILURE);
      message.fill(0);
      if (this.#stream.destroyed) return;
      this.#stream.write(answer);
    }
    this.#busy = false;
    this.#stream.resume();
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
        if (this.#keyring.locked) return FAILURE;
        const key = publicKeyOf(reader.string());
        reader.end();
        return key !== null && this.#keyring.remove(key) ? SUCCESS : FAILURE;
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

  #identities(): Uint8Array {
    const keys = this.#keyring.list();
    const writer = new Writer(1024).u32(keys.length);
    for (const { publicKey, comment } of keys) writer.string(publicKey.certificate?.blob ?? publicKey.blob).string(comment);
    return protocol.agentFrame(protocol.IDENTITIES_ANSWER, writer.finish());
  }

  async #sign(reader: Reader): Promise<Uint8Array> {
    const blob = reader.string();
    const data = reader.string();
    const flags = reader.u32();
    reader.end();
    const signer = await this.#keyring.signer(blob);
    if (signer === null) return FAILURE;
    const algorithm = algorithmFor(signer, flags);
    if (algorithm === undefined) return FAILURE;
    const signature = await signer.sign(new Uint8Array(data), algorithm);
    return protocol.agentFrame(protocol.SIGN_RESPONSE, new Writer(signature.length + 4).string(signature).finish());
  }

  #add(body: Uint8Array, constrained: boolean): Uint8Array {
    if (this.#keyring.locked) return FAILURE;
    const { numbers, certificate, comment, constraints } = protocol.decodeAddedKey(body, constrained);
    const material = { numbers, comment };
    try {
      const file = { encrypted: false as const, format: 'a key for the agent', material };
      const key = finishKey(file, material, derivePoint, nodeCrypto);
      this.#keyring.add(certificate === null ? key : withCertificate(key, certificate), { ...constraints, comment });
    } finally {
      eraseMaterial(material);
    }
    return SUCCESS;
  }

  #extension(reader: Reader): Uint8Array {
    const name = reader.text();
    if (name === 'query') {
      reader.end();
      const names = new Writer().string('query').string(protocol.SESSION_BIND);
      return protocol.agentFrame(protocol.AGENT_SUCCESS, names.finish());
    }
    if (name !== protocol.SESSION_BIND) return EXTENSION_FAILURE;
    return this.#bindings.bind(reader) ? SUCCESS : EXTENSION_FAILURE;
  }
}

/** What the flags ask for; without one an RSA key would have to sign with SHA-1, which we don't. */
function algorithmFor(signer: Signer, flags: number): SignatureAlgorithm | undefined {
  const wanted = flags & protocol.RSA_SHA2_512 ? 'rsa-sha2-512' : flags & protocol.RSA_SHA2_256 ? 'rsa-sha2-256' : null;
  if (signer.publicKey.type !== 'ssh-rsa') return signer.algorithms[0];
  return signer.algorithms.find((name) => name === (wanted ?? 'rsa-sha2-256'));
}
