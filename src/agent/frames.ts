// Messages of the agent protocol out of a byte stream, for either end: uint32 length, then as many bytes. The length is bounded
// before anything is kept, each byte is copied at most twice however finely the peer cuts them, and what was taken is the taker's.

import { ByteQueue } from '../bytes/byte-queue.ts';
import { readU32 } from '../bytes/bytes.ts';
import { DecodeError } from '../wire/reader.ts';
import { MOST_MESSAGE_BYTES } from './messages.ts';

export class AgentFrames {
  readonly #queue = new ByteQueue();

  /** Takes bytes as they come. They may be reused after the call. */
  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#queue.own();
  }

  /** The next whole message, type byte first, or null. @throws DecodeError for a length that no message has */
  next(): Uint8Array | null {
    if (this.#queue.length < 4) return null;
    const length = readU32(this.#queue.peek(4), 0);
    if (length === 0 || length > MOST_MESSAGE_BYTES) throw new DecodeError(`a message of ${length} bytes`);
    if (this.#queue.length < 4 + length) return null;
    this.#queue.skip(4);
    const view = this.#queue.take(length);
    const message = new Uint8Array(view);
    // It may hold a private key: what can be erased at once is.
    view.fill(0);
    return message;
  }
}
