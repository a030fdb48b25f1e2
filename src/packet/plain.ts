// The packet format before the first NEWKEYS: neither encrypted nor authenticated.

import { readU32 } from '../bytes/bytes.ts';
import type { Opener, Sealer } from './cipher.ts';

export const plainSealer: Sealer = {
  blockBytes: 8,
  clearBytes: 0,
  seal: (_sequence, packet, outbox) => outbox.push(packet),
};

export const plainOpener: Opener = {
  blockBytes: 8,
  clearBytes: 0,
  headerBytes: 4,
  tagBytes: 0,
  length: (_sequence, header) => readU32(header, 0),
  // A copy: results may be kept, and the socket's buffer is not ours.
  open: (_sequence, packet) => packet.slice(4),
};
