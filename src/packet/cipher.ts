// How a packet is protected (RFC 4253 section 6.3): one Sealer for what we send, one Opener for what we receive. They join
// encryption and MAC, so the encoder and the decoder have no branch per mode.

import type { Outbox } from '../bytes/outbox.ts';

export interface Sealer {
  /** What is encrypted must be a multiple of this many bytes; never below 8. */
  readonly blockBytes: number;
  /** Bytes in front that do not count for that: the 4 of the length field for AEAD and encrypt-then-MAC, else 0. */
  readonly clearBytes: 0 | 4;
  /** `packet` is packet_length || padding_length || payload || padding in clear, and is not kept. */
  seal(sequence: number, packet: Uint8Array, outbox: Outbox): void;
}

export interface Opener {
  readonly blockBytes: number;
  readonly clearBytes: 0 | 4;
  /** Bytes that must be there before the length can be known. */
  readonly headerBytes: number;
  readonly tagBytes: number;
  /**
   * Whether the peer must not learn where a packet failed. An attacker who puts a block of somebody's ciphertext in place of a
   * CBC length field learns 14 bits of its plaintext from how many bytes are read, or which error comes (CVE-2008-5161).
   */
  readonly hidesFailures?: boolean;
  /** packet_length, not yet authenticated. Called exactly once per packet, before {@link open}. */
  length(sequence: number, header: Uint8Array): number;
  /**
   * `packet` is all of the packet as received, length field and tag included. The result is padding_length || payload ||
   * padding in a buffer that is never used again, or null where the MAC does not fit.
   */
  open(sequence: number, packet: Uint8Array): Uint8Array | null;
}
