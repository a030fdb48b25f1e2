// The bytes of a file in memory: chunks of equal size, of which those that were never written do not exist and read as zeros. A
// file of any size costs what was written to it; appending is linear; nothing is copied when a large file grows.
//
// Invariant: every byte of a chunk from the size of the file on is zero, so that growing shows nothing of what was cut off.

import { refusal } from './jail-refusal.ts';
import type { MemorySpace } from './memory-space.ts';

const CHUNK = 64 * 1024;
/** What the smallest chunk holds: most files are small. */
const MIN_CHUNK = 256;
/** What a chunk costs beside its bytes. */
const CHUNK_OVERHEAD = 128;
/** Bytes of the largest file, as ext4 has it: offsets beyond stay exact numbers, chunk indices small. */
const MAX_SIZE = 16 * 1024 ** 4;

export class MemoryContent {
  readonly #space: MemorySpace;
  readonly #chunks = new Map<number, Uint8Array>();
  #size = 0;

  constructor(space: MemorySpace) {
    this.#space = space;
  }

  get size(): number {
    return this.#size;
  }

  /** Fills `target` from `offset` as far as there is something; the number of bytes. */
  read(target: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(target.length, this.#size - offset));
    for (let done = 0; done < count; ) {
      const { index, within, length } = pieceAt(offset + done, count - done);
      const piece = target.subarray(done, done + length);
      const stored = this.#chunks.get(index)?.subarray(within, within + length);
      piece.fill(0, stored?.length ?? 0);
      if (stored !== undefined) piece.set(stored);
      done += length;
    }
    return count;
  }

  /** @throws SFTPError EFBIG, and ENOSPC when what fits has been written */
  write(data: Uint8Array, offset: number): void {
    if (offset + data.length > MAX_SIZE) throw refusal('EFBIG');
    for (let done = 0; done < data.length; ) {
      const { index, within, length } = pieceAt(offset + done, data.length - done);
      this.#chunk(index, within + length).set(data.subarray(done, done + length), within);
      done += length;
      this.#size = Math.max(this.#size, offset + done);
    }
  }

  /** @throws SFTPError EFBIG */
  truncate(size: number): void {
    if (size > MAX_SIZE) throw refusal('EFBIG');
    if (size < this.#size) {
      for (const index of this.#chunks.keys()) if (index * CHUNK >= size) this.#drop(index);
      this.#chunks.get(Math.floor(size / CHUNK))?.fill(0, size % CHUNK);
    }
    this.#size = size;
  }

  /** A chunk that holds at least so many bytes. */
  #chunk(index: number, bytes: number): Uint8Array {
    const old = this.#chunks.get(index);
    if (old !== undefined && old.length >= bytes) return old;
    let length = old?.length ?? MIN_CHUNK;
    while (length < bytes) length *= 2;
    this.#space.take(length - (old?.length ?? -CHUNK_OVERHEAD));
    const chunk = new Uint8Array(length);
    if (old !== undefined) chunk.set(old);
    this.#chunks.set(index, chunk);
    return chunk;
  }

  #drop(index: number): void {
    this.#space.give((this.#chunks.get(index)?.length ?? -CHUNK_OVERHEAD) + CHUNK_OVERHEAD);
    this.#chunks.delete(index);
  }
}

/** The part of a range that lies in one chunk. */
function pieceAt(offset: number, count: number): { index: number; within: number; length: number } {
  const within = offset % CHUNK;
  return { index: Math.floor(offset / CHUNK), within, length: Math.min(count, CHUNK - within) };
}
