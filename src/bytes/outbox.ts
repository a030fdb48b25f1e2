// Bytes sealed and not yet written to the stream, copied into slabs, so that a turn's output is few chunks and one write.
// Slabs of bulk data come back once they have been written and are used again: memory that the garbage collector has to find
// first costs more than encrypting it. Invariant: nothing that was handed out changes before it has come back.

/** For small pieces. One idle connection has one of these. */
const SLAB = 4_096;
/** Pieces from this size on go into a slab for bulk data. */
const BULK = 2_048;
/** Four full packets of channel data. */
const BULK_SLAB = 4 * 33_024;
/** Slabs kept for all connections of the process together: what one connection writes ahead. They hold ciphertext only. */
const KEPT = 16;

const kept: ArrayBuffer[] = [];

export class Outbox {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #slab = new Uint8Array(SLAB);
  /** Bytes of the slab that were handed out before, and bytes in use now. */
  #start = 0;
  #end = 0;
  /** Slabs handed out that may come back. */
  readonly #lent = new Set<ArrayBufferLike>();
  /** Whether slabs come back at all: not every stream can say when it is done with them. */
  #returns = false;

  /** Bytes waiting. */
  get size(): number {
    return this.#size;
  }

  push(piece: Uint8Array): void {
    if (piece.length > 0) this.reserve(piece.length).set(piece);
  }

  /** A view of `count` bytes in place, for the caller to fill before the next call. What is in it is anything. */
  reserve(count: number): Uint8Array {
    this.#size += count;
    if (this.#end + count > this.#slab.length) {
      this.#seal();
      this.#slab = new Uint8Array(this.#newSlab(count));
      this.#start = 0;
      this.#end = 0;
    }
    const view = this.#slab.subarray(this.#end, this.#end + count);
    this.#end += count;
    return view;
  }

  /** Everything that waits. The chunks are the caller's until it gives them back with {@link recycle}, which it need not do. */
  take(): Uint8Array[] {
    this.#seal();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#size = 0;
    // A slab that comes back must be all back.
    if (this.#slab.length === BULK_SLAB) {
      this.#slab = new Uint8Array(SLAB);
      this.#start = 0;
      this.#end = 0;
    }
    return chunks;
  }

  /** Nobody holds a view of these chunks any more. */
  recycle(chunks: readonly Uint8Array[]): void {
    this.#returns = true;
    for (const { buffer } of chunks) {
      if (this.#lent.delete(buffer) && kept.length < KEPT) kept.push(buffer as ArrayBuffer);
    }
  }

  #newSlab(count: number): ArrayBuffer {
    if (count < BULK) return new ArrayBuffer(SLAB);
    if (!this.#returns || count > BULK_SLAB) return new ArrayBuffer(count);
    const slab = kept.pop() ?? new ArrayBuffer(BULK_SLAB);
    this.#lent.add(slab);
    return slab;
  }

  #seal(): void {
    if (this.#end > this.#start) this.#chunks.push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
