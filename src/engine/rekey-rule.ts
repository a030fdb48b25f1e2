// When keys are worn out (RFC 4253 section 9): after so many bytes or packets in either direction, or so much time. And how much
// a peer may still send under the old ones when it has been asked for new ones. It only says so; the engine starts the exchange.

import { ProtocolError } from '../errors.ts';
import type { PacketDecoder } from '../packet/decoder.ts';
import type { PacketEncoder } from '../packet/encoder.ts';
import { limits } from '../packet/limits.ts';
import type { RekeyLimits } from './config.ts';

export class RekeyRule {
  readonly #limits: RekeyLimits;
  readonly #encoder: PacketEncoder;
  readonly #decoder: PacketDecoder;
  #at = Number.POSITIVE_INFINITY;
  /** What had come in under the current keys when we last asked for new ones, bytes. */
  #askedAtBytes = 0;

  constructor(rekeyLimits: RekeyLimits, encoder: PacketEncoder, decoder: PacketDecoder) {
    this.#limits = rekeyLimits;
    this.#encoder = encoder;
    this.#decoder = decoder;
  }

  /** Looked at for every packet. */
  due(now: number): boolean {
    const { bytes, packets } = this.#limits;
    const { bytes: bytesOut, packets: packetsOut } = this.#encoder;
    const { bytes: bytesIn, packets: packetsIn } = this.#decoder;
    return bytesOut >= bytes || bytesIn >= bytes || packetsOut >= packets || packetsIn >= packets || now >= this.#at;
  }

  /** Somebody wants new keys although these are not worn out. */
  wantFrom(now: number): void {
    this.#at = now;
  }

  /** We ask the peer for new keys. */
  asked(): void {
    this.#askedAtBytes = this.#decoder.bytes;
  }

  /** New keys are in use. Returns when their time will be over, or null where time does not matter. */
  renewed(now: number): number | null {
    const { milliseconds } = this.#limits;
    this.#at = milliseconds > 0 ? now + milliseconds : Number.POSITIVE_INFINITY;
    return milliseconds > 0 ? this.#at : null;
  }

  /** A peer that goes on as if we had not asked for new keys would wear out the old ones. @throws ProtocolError */
  checkPatience(): void {
    if (this.#decoder.bytes - this.#askedAtBytes <= limits.rekeyIgnoredBytes) return;
    throw new ProtocolError('rekey-ignored', 'the peer goes on without answering our KEXINIT');
  }
}
