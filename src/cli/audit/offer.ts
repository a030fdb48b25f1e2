// What a server says of itself before anything is agreed on: its identification and its KEXINIT (RFC 4253 sections 4.2 and 7.1).
// Read by itself, since a connection of ours would end where nothing is common to both, which is what an audit is for.

import { encodeUtf8 } from '../../bytes/bytes.ts';
import { VersionExchange } from '../../engine/version.ts';
import { ConnectionLostError, DisconnectedError, ProtocolError, SSHTimeoutError } from '../../errors.ts';
import { type Address, dial } from '../../io/dial.ts';
import { PacketDecoder } from '../../packet/decoder.ts';
import { VERSION } from '../../transport/version.ts';
import { Debug, Disconnect, Ignore, KexInit } from '../../wire/messages/transport.ts';

export interface ServerOffer {
  readonly version: string;
  readonly kexInit: KexInit;
}

/** Messages before KEXINIT that make no sense to wait for the end of. */
const MOST_MESSAGES = 16;

/**
 * Connects, reads, hangs up.
 * @param timeout Milliseconds
 * @throws SSHError
 */
export async function readOffer(address: Address, timeout: number): Promise<ServerOffer> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new SSHTimeoutError('what the server offers', timeout)), timeout);
  const { signal } = controller;
  try {
    const stream = await dial(address, { signal });
    try {
      return await new Promise<ServerOffer>((resolve, reject) => {
        const reader = new OfferReader();
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        stream.open({
          data(chunk) {
            try {
              // A copy: the memory is the stream's.
              const offer = reader.receive(chunk.slice());
              if (offer !== null) resolve(offer);
            } catch (error) {
              reject(error);
            }
            return true;
          },
          end: (cause) => reject(new ConnectionLostError('the server hung up before it said what it offers', { cause })),
          drain: () => {},
        });
        stream.write([encodeUtf8(`SSH-2.0-amiko_${VERSION}\r\n`)]);
      });
    } finally {
      stream.destroy();
    }
  } finally {
    clearTimeout(timer);
  }
}

class OfferReader {
  readonly #decoder = new PacketDecoder();
  readonly #versions = new VersionExchange('client');
  #version: string | null = null;
  #messages = 0;
  #done = false;

  /** The offer, once it is there. @throws ProtocolError */
  receive(chunk: Uint8Array): ServerOffer | null {
    if (this.#done) return null;
    this.#decoder.input.push(chunk);
    if (this.#version === null) {
      const line = this.#versions.receive(this.#decoder.input);
      if (line === null) return null;
      this.#version = String.fromCharCode(...line);
    }
    for (let payload = this.#decoder.next(); payload !== null; payload = this.#decoder.next()) {
      if (payload[0] === KexInit.number) {
        this.#done = true;
        return { version: this.#version, kexInit: KexInit.decode(payload) };
      }
      if (payload[0] === Disconnect.number) {
        const { reason, description } = Disconnect.decode(payload);
        throw new DisconnectedError(reason, description);
      }
      this.#messages++;
      const idle = payload[0] === Ignore.number || payload[0] === Debug.number;
      if (!idle || this.#messages > MOST_MESSAGES) {
        throw new ProtocolError('message-not-admitted', `the server sent message ${payload[0]} where KEXINIT should be`);
      }
    }
    return null;
  }
}
