// What a stream or a pipelined file writes, gathered into requests of full size and copied on the way: the caller's buffers are free
// at once, and ours are used again when the server has acknowledged them. A request that is not full goes out at the end of the
// turn where nothing else is under way, else when that has been answered or the request is full: as TCP does it (RFC 896).

import { dropLitter } from '../../memory/litter.ts';
import { Frames } from './transfer/frames.ts';
import { HEADER_ROOM_BYTES, type Upload } from './upload.ts';

export class GatheredWrites {
  readonly #upload: Upload;
  readonly #answered: () => void;
  readonly #frames: Frames;
  #frame: Buffer | null = null;
  #bytes = 0;
  /** Where the first gathered byte belongs. */
  #position = 0;
  #underWay = 0;
  #scheduled: NodeJS.Immediate | null = null;

  /** `answered` is called whenever the server has answered for something, or refused it. */
  constructor(upload: Upload, answered: () => void) {
    this.#upload = upload;
    this.#answered = answered;
    this.#frames = new Frames(upload.requestBytes);
  }

  write(piece: Uint8Array, position: number): void {
    // A file's stream makes a buffer for each piece, and only the collector can free it: it should do so while they are young.
    dropLitter(2 * piece.length);
    if (position !== this.#position + this.#bytes) this.flush();
    if (this.#bytes === 0) this.#position = position;
    for (let at = 0; at < piece.length; ) {
      this.#frame ??= this.#frames.take();
      const part = piece.subarray(at, at + this.#frames.dataBytes - this.#bytes);
      this.#frame.set(part, HEADER_ROOM_BYTES + this.#bytes);
      this.#bytes += part.length;
      at += part.length;
      if (this.#bytes === this.#frames.dataBytes) this.flush();
    }
    if (this.#bytes > 0 && this.#underWay === 0) this.#scheduled ??= setImmediate(() => this.flush());
  }

  /** Sends what has been gathered. */
  flush(): void {
    this.#unschedule();
    const [frame, bytes, position] = [this.#frame, this.#bytes, this.#position];
    if (frame === null || bytes === 0) return;
    this.#frame = null;
    this.#bytes = 0;
    this.#position = position + bytes;
    this.#underWay++;
    this.#upload.sendFramed(frame, bytes, position, () => {
      this.#frames.giveBack(frame);
      this.#underWay--;
      if (this.#underWay === 0) this.flush();
      this.#answered();
    });
  }

  /** Drops what has not been sent. */
  stop(): void {
    this.#unschedule();
    this.#frame = null;
    this.#bytes = 0;
  }

  #unschedule(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
  }
}
