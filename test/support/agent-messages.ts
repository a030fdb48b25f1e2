// The agent protocol by hand: messages as bytes, well-formed or not, and a connection that asks an agent and takes whatever it says.
// Nothing of what is written here comes from the encoders under test but a plain private key.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { encodeAddedKey } from '../../src/agent/messages.ts';
import { concat } from '../../src/bytes/bytes.ts';
import { secretComponents } from '../../src/keys/private-key.ts';
import type { SignatureAlgorithm } from '../../src/keys/signature.ts';
import type { Certificate, PrivateKey, PublicKey } from '../../src/keys.ts';
import { Writer } from '../../src/wire/writer.ts';

export const FAILURE = 5;
export const SUCCESS = 6;
export const EXTENSION_FAILURE = 28;
export const EXTENSION_RESPONSE = 29;
export const LIFETIME = (seconds: number) => new Writer().u8(1).u32(seconds).finish();
export const CONFIRM = Uint8Array.of(2);

/** A request: its type and body. */
export interface Request {
  readonly type: number;
  readonly body: Uint8Array;
}

export const list: Request = { type: 11, body: new Uint8Array(0) };
export const removeAll: Request = { type: 19, body: new Uint8Array(0) };
export const lock = (passphrase: string): Request => ({ type: 22, body: new Writer().string(passphrase).finish() });
export const unlock = (passphrase: string): Request => ({ type: 23, body: new Writer().string(passphrase).finish() });
export const extension = (name: string, rest: Uint8Array = new Uint8Array(0)): Request => ({
  type: 27,
  body: new Writer().string(name).raw(rest).finish(),
});

/** A key in a hop: trusted itself, or as an authority. */
export interface HopKey {
  readonly blob: Uint8Array;
  readonly ca?: boolean;
}

export interface Hop {
  readonly user?: string | Uint8Array;
  readonly host?: string | Uint8Array;
  readonly reserved?: string;
  readonly keys?: readonly HopKey[];
}

export function hop({ user = '', host = '', reserved = '', keys = [] }: Hop): Uint8Array {
  const writer = new Writer().string(user).string(host).string(reserved);
  for (const { blob, ca = false } of keys) writer.string(blob).bool(ca);
  return writer.finish();
}

/** One entry of the list, with its length. */
export function destination(from: Hop, to: Hop, { reserved = '', trailing = '' } = {}): Uint8Array {
  const inner = new Writer().string(hop(from)).string(hop(to)).string(reserved).raw(Buffer.from(trailing)).finish();
  return new Writer().string(inner).finish();
}

/** The constraint with whatever list. */
export function restrict(...entries: readonly Uint8Array[]): Uint8Array {
  return new Writer()
    .u8(255)
    .string('restrict-destination-v00@openssh.com')
    .string(concat(...entries))
    .finish();
}

/** ADD_ID_CONSTRAINED, with the constraints as bytes. */
export function addKey(key: PrivateKey, constraints: Uint8Array, certificate: Certificate | null = null): Request {
  return { type: 25, body: concat(encodeAddedKey(secretComponents(key), certificate, key.comment, {}), constraints) };
}

export const removeKey = (blob: Uint8Array): Request => ({ type: 18, body: new Writer().string(blob).finish() });

export interface BindOptions {
  readonly forwarding?: boolean;
  /** What is signed in place of the session identifier. */
  readonly signed?: Uint8Array;
  /** Whose key signs in place of the host's. */
  readonly signer?: PrivateKey;
  /** What the host shows in place of its key. */
  readonly blob?: Uint8Array;
}

/** session-bind@openssh.com */
export async function bind(host: PrivateKey, sessionId: Uint8Array, options: BindOptions = {}): Promise<Request> {
  const { forwarding = false, signed = sessionId, signer = host, blob = host.publicKey.blob } = options;
  const signature = await signer.sign(signed, signer.algorithms[0] as SignatureAlgorithm);
  const body = new Writer().string(blob).string(sessionId).string(signature).bool(forwarding).finish();
  return extension('session-bind@openssh.com', body);
}

export interface LoginOptions {
  readonly user?: string | Uint8Array;
  readonly service?: string;
  readonly method?: string;
  readonly algorithm?: string;
  readonly blob?: Uint8Array;
  readonly type?: number;
  readonly signs?: number;
  readonly trailing?: string;
  /** The host's key in the request; null for the request without it. */
  readonly hostKey: Uint8Array | null;
}

/** What a client wants to have signed in order to log in. */
export function login(key: PublicKey, sessionId: Uint8Array, options: LoginOptions): Uint8Array {
  const { user = 'root', service = 'ssh-connection', type = 50, signs = 1, trailing = '', hostKey } = options;
  const { method = hostKey === null ? 'publickey' : 'publickey-hostbound-v00@openssh.com' } = options;
  const { blob = key.certificate?.blob ?? key.blob, algorithm = key.certificate?.type ?? key.algorithms[0] ?? '' } = options;
  const writer = new Writer().string(sessionId).u8(type).string(user).string(service).string(method).u8(signs);
  writer.string(algorithm).string(blob);
  if (hostKey !== null) writer.string(hostKey);
  return writer.raw(Buffer.from(trailing)).finish();
}

export function sign(key: PublicKey, data: Uint8Array, flags = 0): Request {
  const blob = key.certificate?.blob ?? key.blob;
  return { type: 13, body: new Writer().string(blob).string(data).u32(flags).finish() };
}

/** A connection to an agent that knows nothing of the protocol but the length. */
export class RawAgent implements AsyncDisposable {
  readonly socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#chunks = socket.iterator({ destroyOnReturn: false });
  }

  static async open(path: string): Promise<RawAgent> {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawAgent(socket);
  }

  /** The answer: type byte and body. @throws Error where the agent hangs up instead */
  async ask({ type, body }: Request): Promise<Buffer> {
    this.socket.write(
      new Writer()
        .u32(body.length + 1)
        .u8(type)
        .raw(body)
        .finish(),
    );
    return this.next();
  }

  async next(): Promise<Buffer> {
    for (;;) {
      const length = this.#pending.length < 4 ? Number.POSITIVE_INFINITY : this.#pending.readUInt32BE(0);
      if (this.#pending.length >= 4 + length) {
        const message = this.#pending.subarray(4, 4 + length);
        this.#pending = this.#pending.subarray(4 + length);
        return message;
      }
      const { value, done } = await this.#chunks.next();
      if (done) throw new Error('the agent hung up');
      this.#pending = Buffer.concat([this.#pending, value]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.socket.closed ? null : once(this.socket, 'close');
    this.socket.destroy();
    await closed;
  }
}
