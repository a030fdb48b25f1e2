// Whether an incomplete copy is the beginning of its source, as far as a look at some spots tells: one round trip and a few kilobytes,
// where a server can't hash. It finds a target that is another file, or another version of it, which resuming would make into a
// mixture of two; and the gaps that an upload over several channels leaves when the connection breaks.

import fs from 'node:fs';
import { promisify } from 'node:util';
import { readOnce } from '../reading.ts';
import type { TransferCall } from './call.ts';
import type { RemoteSource } from './remote-source.ts';
import { LEAST_REQUEST_BYTES } from './remote-target.ts';

const readAt = promisify(fs.read) as (
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  at: number,
) => Promise<{ bytesRead: number }>;

/** Spots all over a file, and the bytes of each. */
const SPOTS = 64;
const SPOT_BYTES = 64;
/** READs of a few bytes under way at once. */
const AT_ONCE = 1_024;

interface Spot {
  readonly position: number;
  readonly data: Uint8Array;
}

/** Of the first `length` bytes of a local and a remote file. */
export async function sameSpots(call: TransferCall, fd: number, remote: RemoteSource, length: number): Promise<boolean> {
  const spots: Spot[] = [];
  for (const at of positions(length)) spots.push(await spotAt(fd, at, Math.min(SPOT_BYTES, length - at)));
  return areThere(call, remote, spots);
}

/** Of the first `length` bytes of two remote files. */
export async function sameRemoteSpots(
  call: TransferCall,
  source: RemoteSource,
  target: RemoteSource,
  length: number,
): Promise<boolean> {
  const ask = async (position: number): Promise<Spot> => {
    return { position, data: await readOnce(source, position, Math.min(SPOT_BYTES, length - position), call.call) };
  };
  return areThere(call, target, await Promise.all(positions(length).map(ask)));
}

/** Where the spots of so many bytes begin. */
function positions(length: number): number[] {
  const step = Math.max(SPOT_BYTES, Math.floor(length / SPOTS));
  const all = Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step);
  // The last bytes are the most doubtful.
  return [...all, Math.max(0, length - SPOT_BYTES)];
}

/**
 * Whether a remote file has no gap between two positions, up to its end. A gap reads as zeros, and is as long as one request of an
 * upload over several channels or longer: so in any half of that the first and the last byte that is not zero in the source tell.
 */
export async function hasNoGap(call: TransferCall, fd: number, remote: RemoteSource, from: number, to: number): Promise<boolean> {
  const windowBytes = LEAST_REQUEST_BYTES / 2;
  const buffer = Buffer.allocUnsafeSlow(windowBytes);
  const spots: Spot[] = [];
  for (let at = from; at < to; at += windowBytes) {
    call.signal.throwIfAborted();
    const { bytesRead } = await readAt(fd, buffer, 0, Math.min(windowBytes, to - at), at);
    let first = 0;
    while (first < bytesRead && buffer[first] === 0) first++;
    if (first === bytesRead) continue;
    let last = bytesRead - 1;
    while (buffer[last] === 0) last--;
    for (const where of [first, last]) spots.push({ position: at + where, data: Uint8Array.of(buffer[where] as number) });
  }
  return areThere(call, remote, spots);
}

async function spotAt(fd: number, position: number, length: number): Promise<Spot> {
  const data = Buffer.alloc(length);
  await readAt(fd, data, 0, length, position);
  return { position, data };
}

async function areThere(call: TransferCall, remote: RemoteSource, spots: readonly Spot[]): Promise<boolean> {
  for (let at = 0; at < spots.length; at += AT_ONCE) {
    const found = await Promise.all(
      spots.slice(at, at + AT_ONCE).map(({ position, data }) => readOnce(remote, position, data.length, call.call)),
    );
    if (!found.every((bytes, index) => Buffer.compare(bytes, (spots[at + index] as Spot).data) === 0)) return false;
  }
  return true;
}
