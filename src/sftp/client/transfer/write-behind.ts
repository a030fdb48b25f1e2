// Writes a local file behind the data that comes in: in order, one write under way, and in it all that has come during the one
// before. So at any moment, that of a power cut included, the file is a beginning of what it is going to be, and its size says how
// much of it is there: resuming needs no more than that. A second write under way would gain nothing, since the kernel takes
// writes to one file one after the other.

import fs from 'node:fs';

/** Called once for each piece: it is in the file, or it never will be. */
export type Done = (error?: Error) => void;

interface Piece {
  readonly data: Uint8Array;
  readonly done: Done;
}

/** Bytes of one write: more would hold too much of what is under way. */
const GATHER_BYTES = 1_048_576;

export class WriteBehind {
  readonly #fd: number;
  /** Null for what has no positions: pipes, terminals. */
  #position: number | null;
  readonly #sparse: boolean;
  #written = 0;
  #waiting: Piece[] = [];
  #writing: Piece[] | null = null;
  /** Of the first of what is being written. */
  #offset = 0;
  #error: Error | null = null;
  #whenIdle: (() => void)[] = [];

  constructor(fd: number, position: number | null, sparse = false) {
    this.#fd = fd;
    this.#position = position;
    this.#sparse = sparse && position !== null;
  }

  /** Bytes that are in the file, holes included. */
  get written(): number {
    return this.#written;
  }

  /** Takes the next bytes; they must not change until `done`. */
  push(data: Uint8Array, done: Done): void {
    if (this.#error !== null) {
      done(this.#error);
      return;
    }
    this.#waiting.push({ data, done });
    if (this.#writing === null) this.#next();
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    while (this.#writing !== null) {
      await new Promise<void>((resolve) => {
        this.#whenIdle.push(resolve);
      });
    }
  }

  /** Drops what waits. The write under way goes on: see {@link idle}. */
  stop(error: Error): void {
    this.#error ??= error;
    for (const { done } of this.#waiting.splice(0)) done(this.#error);
  }

  #next(): void {
    if (this.#sparse) this.#skipZeros();
    const pieces: Piece[] = [];
    for (let bytes = 0; bytes < GATHER_BYTES; ) {
      const piece = this.#waiting[pieces.length];
      if (piece === undefined || (this.#sparse && pieces.length > 0 && isZero(piece.data))) break;
      pieces.push(piece);
      bytes += piece.data.length;
    }
    this.#waiting.splice(0, pieces.length);
    this.#writing = pieces.length === 0 ? null : pieces;
    this.#offset = 0;
    if (this.#writing === null) for (const resolve of this.#whenIdle.splice(0)) resolve();
    else this.#write(this.#writing);
  }

  #skipZeros(): void {
    while (this.#waiting[0] !== undefined && isZero(this.#waiting[0].data)) {
      const { data, done } = this.#waiting.shift() as Piece;
      this.#advance(data.length);
      done();
    }
  }

  #write(pieces: Piece[]): void {
    const first = pieces[0] as Piece;
    const rest = this.#offset === 0 ? first.data : first.data.subarray(this.#offset);
    const after = (error: Error | null, count: number) => this.#wrote(pieces, error, count);
    if (pieces.length === 1) fs.write(this.#fd, rest, 0, rest.length, this.#position, after);
    else fs.writev(this.#fd, [rest, ...pieces.slice(1).map(({ data }) => data)], this.#position, after);
  }

  #wrote(pieces: Piece[], error: Error | null, count: number): void {
    // The kernel may take less than it was given, on a full disk for one; the next write then says why.
    if (error === null) this.#advance(count);
    let left = error === null ? count + this.#offset : 0;
    while (pieces[0] !== undefined && left >= pieces[0].data.length && error === null) {
      const { data, done } = pieces.shift() as Piece;
      left -= data.length;
      done();
    }
    this.#offset = left;
    const failed = error ?? (count === 0 && pieces.length > 0 ? new Error('the system writes nothing') : null);
    if (failed !== null) {
      this.stop(failed);
      for (const { done } of pieces.splice(0)) done(failed);
    }
    if (pieces.length > 0 && this.#error === null) {
      this.#write(pieces);
      return;
    }
    // Stopped while it was written.
    for (const { done } of pieces.splice(0)) done(this.#error ?? undefined);
    this.#next();
  }

  #advance(count: number): void {
    this.#written += count;
    if (this.#position !== null) this.#position += count;
  }
}

const ZEROS = new Uint8Array(65_536);

function isZero(data: Uint8Array): boolean {
  for (let at = 0; at < data.length; at += ZEROS.length) {
    const count = Math.min(ZEROS.length, data.length - at);
    if (Buffer.compare(data.subarray(at, at + count), count === ZEROS.length ? ZEROS : ZEROS.subarray(0, count)) !== 0)
      return false;
  }
  return true;
}
