// The answers to the READs of one file go out in the order in which the client has asked, however the file system was done with
// them. The protocol does not want that (the draft's section 6.1), clients do: scp of OpenSSH 9.0 to 9.3, Debian 12's among them,
// cuts what it has downloaded at the first answer that came too early, and reports success; sftp can't resume such a download.

/** The READs of one file, in order. */
export class AnswerLine {
  #last: AnswerTurn | null = null;

  enter(): AnswerTurn {
    this.#last = new AnswerTurn(this.#last);
    return this.#last;
  }
}

export class AnswerTurn {
  #before: AnswerTurn | null;
  #over = false;
  #wake: (() => void) | null = null;

  constructor(before: AnswerTurn | null) {
    this.#before = before;
  }

  /** Resolves when all before it have left; null where that is so now. To be called once. */
  wait(): Promise<void> | null {
    const before = this.#before;
    this.#before = null;
    if (before === null || before.#over) return null;
    return new Promise((resolve) => {
      before.#wake = resolve;
    });
  }

  /** It has been answered, or never will be. */
  leave(): void {
    this.#before = null;
    this.#over = true;
    this.#wake?.();
  }
}
