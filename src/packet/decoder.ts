// The binary packet protocol, inbound (RFC 4253 section 6): bytes in any split, payloads out. The length is bounded before
// anything is allocated for it, the MAC is checked before padding is looked at, and payloads are never empty.

import { ByteQueue } from '../bytes/byte-queue.ts';
import { ProtocolError, type Violation } from '../errors.ts';
import type { Opener } from './cipher.ts';
import type { Decompressor } from './compression.ts';
import { limits } from './limits.ts';
import { plainOpener } from './plain.ts';

const MIN_PADDING = 4;
const MAC_ERROR = 5;

export class PacketDecoder {
  readonly input = new ByteQueue();
  #opener: Opener = plainOpener;
  #decompressor: Decompressor | null = null;
  #maxPacketBytes: number = limits.preAuthPacketBytes;
  /** Bytes of the packet that is arriving, tag included; 0 between packets. */
  #pending = 0;
  /** A packet has failed and nobody may see it yet, see {@link Opener.hidesFailures}. */
  #failed = false;
  #sequence = 0;
  #packets = 0;
  #bytes = 0;

  /** Sequence number of the next packet to come. */
  get sequence(): number {
    return this.#sequence;
  }

  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  useKeys(opener: Opener, resetSequence: boolean): void {
    this.#opener = opener;
    this.#packets = 0;
    this.#bytes = 0;
    if (resetSequence) this.#sequence = 0;
  }

  useDecompression(decompressor: Decompressor | null): void {
    this.#decompressor = decompressor;
  }

  /** Authentication is done: packets up to 256 KiB are let in. */
  liftLimit(): void {
    this.#maxPacketBytes = limits.packetBytes;
  }

  /** The next payload, or null where more bytes are needed. @throws ProtocolError, after which the decoder is dead. */
  next(): Uint8Array | null {
    const opener = this.#opener;
    if (this.#pending === 0) {
      if (this.input.length < opener.headerBytes) return null;
      this.#pending = this.#packetBytes(opener.length(this.#sequence, this.input.peek(opener.headerBytes)));
    }
    if (this.input.length < this.#pending) return null;
    const body = opener.open(this.#sequence, this.input.take(this.#pending));
    if (body === null || this.#failed) return this.#fail();
    this.#bytes += this.#pending;
    this.#pending = 0;
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#packets++;
    if (this.#packets > limits.packetsPerKey) throw new ProtocolError('sequence-wrapped', 'too many packets under one key');
    const padding = body[0]!;
    const end = body.length - padding;
    if (padding < MIN_PADDING || end < 1) throw new ProtocolError('bad-padding', `${padding} bytes of padding`);
    if (end === 1) throw new ProtocolError('empty-payload', 'a packet has no payload');
    const payload = body.subarray(1, end);
    if (this.#decompressor === null) return payload;
    const inflated = this.#decompressor.decompress(payload);
    if (inflated.length === 0) throw new ProtocolError('empty-payload', 'a packet has no payload');
    return inflated;
  }

  /** What has to arrive of a packet of this length, tag included. */
  #packetBytes(length: number): number {
    const { tagBytes, hidesFailures } = this.#opener;
    const fault = this.#lengthFault(length);
    if (fault === null) return length + 4 + tagBytes;
    if (!hidesFailures) throw new ProtocolError(fault, `packet_length ${length}`);
    this.#failed = true;
    return this.#longestPacket();
  }

  #lengthFault(length: number): Violation | null {
    const { blockBytes, clearBytes } = this.#opener;
    if (length > this.#maxPacketBytes) return 'packet-too-long';
    // One byte of padding_length, one of payload, four of padding is the least; a whole block where one is encrypted.
    if (length < Math.max(6, blockBytes - 4 + clearBytes)) return 'packet-too-short';
    return (length + 4 - clearBytes) % blockBytes === 0 ? null : 'packet-misaligned';
  }

  /** A packet failed: the end, but where failures are hidden only after as many bytes as the longest packet has. */
  #fail(): Uint8Array | null {
    const { headerBytes, tagBytes, hidesFailures } = this.#opener;
    const rest = this.#longestPacket() - this.#pending;
    if (!hidesFailures || this.#failed || rest < headerBytes + tagBytes) {
      throw new ProtocolError('mac-mismatch', 'a packet failed its integrity check', MAC_ERROR);
    }
    // The rest is decrypted and authenticated as well, so that it takes the same time too.
    this.#failed = true;
    this.#pending = rest;
    return this.next();
  }

  #longestPacket(): number {
    const { blockBytes, tagBytes } = this.#opener;
    return Math.floor((this.#maxPacketBytes + 4) / blockBytes) * blockBytes + tagBytes;
  }
}
