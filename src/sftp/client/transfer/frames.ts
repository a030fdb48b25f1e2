// Buffers for pieces of files on their way to the server: room for the header of a WRITE in front, so that a piece is read from the
// disk to where it is sent from (`Upload.sendFramed`). They come back when the server has acknowledged them, and are used again, by
// all files of a transfer: there are as many as are under way. Small files have small ones.

import { HEADER_ROOM_BYTES } from '../upload.ts';

/** What a small buffer holds, bytes. */
const SMALL_BYTES = 16_384;

export class Frames {
  /** Bytes of data in each. */
  readonly dataBytes: number;
  #free: Buffer[] = [];

  constructor(dataBytes: number) {
    this.dataBytes = dataBytes;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(HEADER_ROOM_BYTES + this.dataBytes);
  }

  giveBack(frame: Buffer): void {
    this.#free.push(frame);
  }
}

/** The buffers of one transfer. */
export class FramePool {
  readonly #bySize = new Map<number, Frames>();

  /** For files of so many bytes, and requests of at most so many. */
  for(bytes: number, requestBytes: number): Frames {
    const dataBytes = bytes <= SMALL_BYTES ? Math.min(SMALL_BYTES, requestBytes) : requestBytes;
    let frames = this.#bySize.get(dataBytes);
    if (frames === undefined) {
      frames = new Frames(dataBytes);
      this.#bySize.set(dataBytes, frames);
    }
    return frames;
  }
}
