// The binary packet protocol, outbound (RFC 4253 section 6): payload in, sealed packet in the outbox out. Payloads are written
// once into a scratch buffer where the header already stands, padded, and sealed from there.

import { writeU32 } from '../bytes/bytes.ts';
import type { Outbox } from '../bytes/outbox.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Sealer } from './cipher.ts';
import type { Compressor } from './compression.ts';
import { plainSealer } from './plain.ts';

const HEADER = 5;
const MIN_PADDING = 4;
/** RFC 4253 section 6: "The minimum size of a packet is 16 (or the cipher block size, whichever is larger)". */
const MIN_PACKET = 16;

/** Room for a full packet of channel data. */
const FULL_SCRATCH = 36_864;

const CHANNEL_DATA = 94;
const CHANNEL_EXTENDED_DATA = 95;

export class PacketEncoder {
  /** Hears every payload that goes out, in clear; null, and so nothing to pay for, unless somebody debugs. */
  trace: ((payload: Uint8Array) => void) | null = null;
  readonly #crypto: CryptoProvider;
  readonly #outbox: Outbox;
  #sealer: Sealer = plainSealer;
  #compressor: Compressor | null = null;
  /** Small until there is more to send: an idle connection must not cost much. */
  #scratch = new Uint8Array(1_024);
  #sequence = 0;
  #packets = 0;
  #bytes = 0;

  constructor(crypto: CryptoProvider, outbox: Outbox) {
    this.#crypto = crypto;
    this.#outbox = outbox;
  }

  /** Sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Packets and bytes sent under the current keys, for the rekey rule. */
  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** NEWKEYS takes effect. Strict kex sets the sequence number back to 0 (OpenSSH PROTOCOL section 1.10). */
  useKeys(sealer: Sealer, resetSequence: boolean): void {
    this.#sealer = sealer;
    this.#packets = 0;
    this.#bytes = 0;
    if (resetSequence) this.#sequence = 0;
  }

  useCompression(compressor: Compressor | null): void {
    this.#compressor = compressor;
  }

  send(payload: Uint8Array): void {
    this.trace?.(payload);
    const body = this.#compressor === null ? payload : this.#compressor.compress(payload);
    this.#room(body.length);
    this.#scratch.set(body, HEADER);
    this.#seal(body.length);
  }

  /** CHANNEL_DATA (type 0) or CHANNEL_EXTENDED_DATA: the hot path, so the data is copied straight to its place. */
  sendChannelData(remoteId: number, type: number, data: Uint8Array): void {
    const head = type === 0 ? 9 : 13;
    this.#room(head + data.length);
    const scratch = this.#scratch;
    scratch[HEADER] = type === 0 ? CHANNEL_DATA : CHANNEL_EXTENDED_DATA;
    writeU32(scratch, HEADER + 1, remoteId);
    if (type !== 0) writeU32(scratch, HEADER + 5, type);
    writeU32(scratch, HEADER + head - 4, data.length);
    scratch.set(data, HEADER + head);
    if (this.#compressor === null) {
      this.trace?.(scratch.slice(HEADER, HEADER + head + data.length));
      this.#seal(head + data.length);
    } else this.send(scratch.slice(HEADER, HEADER + head + data.length));
  }

  #room(payloadBytes: number): void {
    const wanted = HEADER + payloadBytes + 255 + 16;
    if (wanted > this.#scratch.length) this.#scratch = new Uint8Array(Math.max(wanted, FULL_SCRATCH));
  }

  #seal(payloadBytes: number): void {
    const { blockBytes, clearBytes } = this.#sealer;
    const unpadded = HEADER + payloadBytes - clearBytes;
    let padding = blockBytes - (unpadded % blockBytes);
    if (padding < MIN_PADDING) padding += blockBytes;
    while (HEADER + payloadBytes + padding < MIN_PACKET) padding += blockBytes;
    const total = HEADER + payloadBytes + padding;
    const scratch = this.#scratch;
    writeU32(scratch, 0, total - 4);
    scratch[4] = padding;
    this.#crypto.randomFill(scratch.subarray(total - padding, total));
    this.#sealer.seal(this.#sequence, scratch.subarray(0, total), this.#outbox);
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#packets++;
    this.#bytes += total;
  }
}
