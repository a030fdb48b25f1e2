// What goes over the channels, and how it is counted. The timed runs only count bytes: hashing costs more than encrypting and
// would hide what is measured. The checked runs number every block and hash both ends, so that bytes that were lost,
// repeated or swapped show up.
import { createHash, randomBytes } from 'node:crypto';

/** Size of one write, bytes. */
export const BLOCK = 262_144;

/** For the streams of node:fs at the local end of a copy. With their defaults, 64 and 16 KiB, they would be what is measured. */
export const LOCAL_STREAM = { highWaterMark: BLOCK };

const random = randomBytes(BLOCK);

/** Counts bytes on one end, and hashes them in a checked run. */
export class Meter {
  bytes = 0;
  #hash;

  constructor(checked) {
    this.checked = checked;
    this.#hash = checked ? createHash('sha256') : null;
  }

  add(chunk) {
    this.bytes += chunk.length;
    this.#hash?.update(chunk);
  }

  result() {
    return { bytes: this.bytes, sha256: this.#hash?.digest('hex') ?? null };
  }
}

/** `bytes` bytes in blocks: one and the same random block over and over, or numbered copies of it in a checked run. */
export function* blocks(bytes, meter) {
  for (let sent = 0; sent < bytes; sent += BLOCK) {
    let block = random;
    if (meter.checked) {
      block = Buffer.from(random);
      block.writeUInt32BE(sent / BLOCK);
    }
    if (bytes - sent < BLOCK) block = block.subarray(0, bytes - sent);
    meter.add(block);
    yield block;
  }
}

/** What a server is asked to do by the text of an exec request: `down 1024`, `up 1024 checked`, or anything that does nothing. */
export function parseCommand(text) {
  const match = /^(down|up) (\d+)( checked)?$/.exec(text);
  return match === null ? null : { direction: match[1], bytes: Number(match[2]), checked: match[3] !== undefined };
}

export function formatCommand({ direction, bytes, checked }) {
  return `${direction} ${bytes}${checked ? ' checked' : ''}`;
}
