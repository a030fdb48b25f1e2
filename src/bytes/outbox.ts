// Bytes sealed and not yet written to the stream. Large pieces are kept as they are (the cipher made them fresh), small ones
// are packed into slabs, so a turn's output becomes few chunks and one gathered write. Whoever takes the chunks owns them.

const SLAB = 4_096;
const SMALL = 2_048;

export class Outbox {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #slab = new Uint8Array(SLAB);
  /** Bytes of the slab that were handed out before, and bytes in use now. */
  #start = 0;
  #end = 0;

  /** Bytes waiting. */
  get size(): number {
    return this.#size;
  }

  /** The outbox keeps a reference to a large piece: it must not change afterwards. */
  push(piece: Uint8Array): void {
    if (piece.length >= SMALL) {
      this.#seal();
      this.#chunks.push(piece);
      this.#size += piece.length;
    } else if (piece.length > 0) {
      this.reserve(piece.length).set(piece);
    }
  }

  /** A view of `count` fresh bytes in place, for the caller to fill before it returns to the event loop. */
  reserve(count: number): Uint8Array {
    this.#size += count;
    if (count >= SLAB) {
      this.#seal();
      const own = new Uint8Array(count);
      this.#chunks.push(own);
      return own;
    }
    if (this.#end + count > SLAB) {
      this.#seal();
      this.#slab = new Uint8Array(SLAB);
      this.#start = 0;
      this.#end = 0;
    }
    const view = this.#slab.subarray(this.#end, this.#end + count);
    this.#end += count;
    return view;
  }

  take(): Uint8Array[] {
    this.#seal();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#size = 0;
    return chunks;
  }

  #seal(): void {
    if (this.#end > this.#start) this.#chunks.push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
