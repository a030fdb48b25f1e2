// How much one request may hold: what the server says, what the draft has every server take where it says nothing, and what we ask
// for at most. A server's word is checked before anything is sized by it.

import type { limits as limitsExtension } from '../protocol/extensions.ts';
import type { SessionTuning } from './flight.ts';

/** How much the server takes and gives at once, bytes (limits@openssh.com, or what every server takes). */
export interface SessionLimits {
  readonly maxPacketLength: number;
  readonly maxReadLength: number;
  readonly maxWriteLength: number;
  /** Handles at once; 0 where the server does not say. */
  readonly maxOpenHandles: number;
}

/** What the draft has every server take (section 3: packets of 34,000 bytes). */
export const DRAFT_LIMITS: SessionLimits = {
  maxPacketLength: 34_000,
  maxReadLength: 32_768,
  maxWriteLength: 32_768,
  maxOpenHandles: 0,
};
/** The most that fits OpenSSH's packets of 256 KiB beside a header, bytes. More than that gains nothing. */
const MOST_DATA_BYTES = 261_120;

/** What an answer to limits@openssh.com means. */
export function statedLimits(said: ReturnType<typeof limitsExtension.reply.decode>): SessionLimits {
  // 0 is "no limit"; the packet that we take, and a sensible size, are limits of ours.
  const inPacket = said.maxPacketLength === 0n ? MOST_DATA_BYTES : Number(said.maxPacketLength) - 1_024;
  const bounded = (value: bigint, least: number) =>
    Math.min(value === 0n ? Math.max(inPacket, least) : Math.max(1, Number(value)), MOST_DATA_BYTES);
  return {
    maxPacketLength: Number(said.maxPacketLength),
    maxReadLength: bounded(said.maxReadLength, DRAFT_LIMITS.maxReadLength),
    maxWriteLength: bounded(said.maxWriteLength, DRAFT_LIMITS.maxWriteLength),
    maxOpenHandles: Number(said.maxOpenHandles),
  };
}

/** The same, for whoever wants smaller requests. */
export function tuned(limits: SessionLimits, { requestBytes: most = Number.POSITIVE_INFINITY }: SessionTuning): SessionLimits {
  const { maxReadLength, maxWriteLength } = limits;
  return { ...limits, maxReadLength: Math.min(maxReadLength, most), maxWriteLength: Math.min(maxWriteLength, most) };
}
