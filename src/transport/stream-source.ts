// What a transport runs over: a stream that is there, or an address that is dialled when the transport starts. Whatever happens
// while that takes its time (the call is given up, something else that is needed fails), no connection stays behind.

import type { Duplex } from 'node:stream';
import { UsageError } from '../errors.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { check } from '../io/check-arguments.ts';
import { type Address, checkAddress, dial, parseAddress } from '../io/dial.ts';
import { NodeStream } from '../io/node-stream.ts';
import { type SocketLike, SocketLikeStream } from '../io/socket-like.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import { ADDRESS } from './option-kinds.ts';
import type { CloseInfo, TransportSocket } from './options.ts';

export class StreamSource {
  /** What is dialled; null where the stream was there before. */
  readonly address: Address | null;
  #stream: ByteStream | null;
  #opening: Promise<ByteStream> | null = null;

  /** @throws UsageError for what is neither */
  constructor(sock: TransportSocket) {
    if (typeof sock !== 'string' && isDuplex(sock)) this.#stream = new NodeStream(sock);
    else if (typeof sock !== 'string' && isSocketLike(sock)) this.#stream = new SocketLikeStream(sock);
    else this.#stream = null;
    this.address = this.#stream === null ? checkedAddress(sock as string | readonly [string, number] | Address) : null;
  }

  /** The stream; `closed` ends the dialling. @throws ConnectError, SSHTimeoutError, `signal.reason` */
  open(call: CallOptions, closed: Promise<CloseInfo>): Promise<ByteStream> {
    this.#opening = this.#open(call, closed);
    return this.#opening;
  }

  /** Nobody wants the stream any more that {@link open} brings, or has brought. */
  abandon(): void {
    void this.#opening?.then(
      (late) => late.destroy(),
      () => {},
    );
  }

  /** [address, port] of the peer, or null where there is none yet, or none at all. */
  peername(): readonly [string, number] | null {
    return this.#stream?.peername() ?? null;
  }

  /** Closes the stream, if there is one, at once. */
  destroy(): void {
    this.#stream?.destroy();
  }

  async #open({ signal, timeout }: CallOptions, closed: Promise<CloseInfo>): Promise<ByteStream> {
    if (this.#stream !== null) return this.#stream;
    const controller = new AbortController();
    this.#stream = await waitFor<ByteStream>(
      'connecting',
      { ...(signal && { signal }), ...(timeout && { timeout }) },
      (settle) => {
        dial(this.address as Address, { signal: controller.signal }).then(settle.resolve, settle.reject);
        // An address that does not answer would otherwise keep us for as long as the system tries.
        void closed.then(({ error }) => {
          settle.reject(error);
          controller.abort();
        });
        return () => controller.abort();
      },
    );
    return this.#stream;
  }
}

function isDuplex(sock: TransportSocket): sock is Duplex {
  const { pipe, write } = (sock ?? {}) as Partial<Duplex>;
  return typeof pipe === 'function' && typeof write === 'function';
}

function isSocketLike(sock: TransportSocket): sock is SocketLike {
  const { recv, send } = (sock ?? {}) as Partial<SocketLike>;
  return typeof recv === 'function' && typeof send === 'function';
}

function checkedAddress(sock: string | readonly [string, number] | Address): Address {
  const address = toAddress(sock);
  checkAddress(address);
  return address;
}

function toAddress(sock: string | readonly [string, number] | Address): Address {
  if (typeof sock === 'string') return parseAddress(sock);
  if (Array.isArray(sock) && sock.length === 2) return { host: sock[0], port: sock[1] };
  if (typeof (sock as Partial<Address> | null)?.host === 'string') {
    // Other fields are let pass: what a server's `listen` resolves with has some.
    for (const [name, wanted] of Object.entries(ADDRESS)) {
      check('new Transport', `the address's ${name}`, (sock as unknown as Record<string, unknown>)[name], wanted);
    }
    return sock as Address;
  }
  throw new UsageError('a transport needs a Duplex, an object with send and recv, or an address');
}
