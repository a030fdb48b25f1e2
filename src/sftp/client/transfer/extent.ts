// Which bytes of a file that is written in order are at the target without a gap: what can be promised of the file if the transfer
// ends now, since answers may come in any order.

interface Piece {
  readonly end: number;
  there: boolean;
}

export class Extent {
  /** Not yet part of what is there, in the order of the file. */
  #pieces: Piece[] = [];
  #head = 0;
  #safe: number;

  constructor(start: number) {
    this.#safe = start;
  }

  /** Everything before this byte is there. */
  get safe(): number {
    return this.#safe;
  }

  /** A piece was sent that ends here. Call the result when it is there. */
  sent(end: number): () => void {
    const piece: Piece = { end, there: false };
    this.#pieces.push(piece);
    return () => {
      piece.there = true;
      for (let next = this.#pieces[this.#head]; next?.there; next = this.#pieces[this.#head]) {
        this.#safe = next.end;
        this.#head++;
      }
      // Not at every piece: to shift an array costs its length.
      if (this.#head < 64) return;
      this.#pieces = this.#pieces.slice(this.#head);
      this.#head = 0;
    };
  }
}
