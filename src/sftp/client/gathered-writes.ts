// Writes that come in small pieces, gathered into requests of full size: a line at a time would cost a packet each. What has been
// gathered goes out when a request is full, and otherwise at the end of the turn.

import { HEADER_ROOM_BYTES, type Upload } from './upload.ts';

/** From this size on a piece goes out by itself, bytes: to copy it would cost more than a request. */
const LARGE = 16_384;

export class GatheredWrites {
  readonly #upload: Upload;
  readonly #answered: () => void;
  #buffer: Uint8Array | null = null;
  #bytes = 0;
  /** Where the first gathered byte belongs. */
  #position = 0;
  #scheduled: NodeJS.Immediate | null = null;

  /** `answered` is called whenever the server has answered for something, or refused it. */
  constructor(upload: Upload, answered: () => void) {
    this.#upload = upload;
    this.#answered = answered;
  }

  /** A large piece must not change until it has been sent; small ones are copied. */
  write(piece: Uint8Array, position: number): void {
    if (piece.length >= LARGE) {
      this.flush();
      this.#upload.send(piece, position, this.#answered);
      return;
    }
    if (position !== this.#position + this.#bytes) this.flush();
    if (this.#bytes === 0) this.#position = position;
    for (let at = 0; at < piece.length; ) {
      this.#buffer ??= new Uint8Array(HEADER_ROOM_BYTES + this.#upload.requestBytes);
      const part = piece.subarray(at, at + this.#upload.requestBytes - this.#bytes);
      this.#buffer.set(part, HEADER_ROOM_BYTES + this.#bytes);
      this.#bytes += part.length;
      at += part.length;
      if (this.#bytes === this.#upload.requestBytes) this.flush();
    }
    if (this.#bytes > 0) this.#scheduled ??= setImmediate(() => this.flush());
  }

  /** Sends what has been gathered. */
  flush(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    if (this.#buffer === null || this.#bytes === 0) return;
    const [buffer, bytes, position] = [this.#buffer, this.#bytes, this.#position];
    this.#buffer = null;
    this.#bytes = 0;
    this.#position = position + bytes;
    this.#upload.sendFramed(buffer, bytes, position, this.#answered);
  }

  /** Drops it. */
  stop(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    this.#bytes = 0;
  }
}
