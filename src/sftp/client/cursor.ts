// The position of an open file, and reading from it: straight, or from what has been read ahead. Reads that move the position wait
// for each other, since where the next one begins is known only when the last one has ended.

import type { CallOptions } from '../../io/waiting.ts';
import { Collector } from './collector.ts';
import type { Opened } from './handles.ts';
import { NEWLINE, nextLine } from './lines.ts';
import { ReadAhead } from './read-ahead.ts';
import { type ReadWholeOptions, readInto, readSome, readWhole } from './reading.ts';

/** Read ahead for whoever reads line by line and has not called `prefetch`, bytes. */
const LINES_AHEAD = 1_048_576;

export class Cursor {
  position: number;
  readonly #file: Opened;
  #ahead: ReadAhead | null = null;
  /** Where that ends is what somebody has said, and perhaps not the file's end. */
  #guessed = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: Opened, position: number) {
    this.#file = file;
    this.position = position;
  }

  /** So many bytes, or all that are left for null; fewer only at the end. */
  read(size: number | null, options: ReadWholeOptions): Promise<Buffer> {
    return this.#inTurn(async () => {
      const ahead = this.#here();
      const most = size ?? Number.POSITIVE_INFINITY;
      const data = await (ahead === null ? this.#read(this.position, size, options) : this.#taken(ahead, most, options));
      this.position += data.length;
      return data;
    });
  }

  /** As read(2) into `target`: it may be fewer bytes than there is room for. */
  readInto(target: Uint8Array, call: CallOptions): Promise<number> {
    return this.#inTurn(async () => {
      const ahead = this.#here();
      let count: number;
      if (ahead === null) {
        count = await readInto(this.#file, this.position, target, call);
      } else {
        const data = await this.#taken(ahead, target.length, call);
        target.set(data);
        count = data.length;
      }
      this.position += count;
      return count;
    });
  }

  /** The next line with its newline, or at most `most` bytes of it; empty at the end. */
  line(most: number, call: CallOptions): Promise<Buffer> {
    return this.#inTurn(async () => {
      const guessed = this.#here() !== null && this.#guessed;
      const line = await this.#lineHere(most, call);
      if (!guessed || line.length === most || line.at(-1) === NEWLINE) return line;
      // It ends where what was read ahead ends, and the line may go on there.
      this.dropAhead();
      return Buffer.concat([line, await this.#lineHere(most - line.length, call)]);
    });
  }

  /** Begins to read ahead. */
  prefetch(expected: number, mostBytes: number | undefined): void {
    this.dropAhead();
    this.#ahead = new ReadAhead(this.#file, { start: this.position, expected, ...(mostBytes !== undefined && { mostBytes }) });
    this.#guessed = true;
  }

  /** What has been read ahead may not be what the file holds any more. */
  dropAhead(): void {
    this.#ahead?.stop();
    this.#ahead = null;
    this.#guessed = false;
  }

  /** What has been read ahead from the position on. */
  #here(): ReadAhead | null {
    if (this.#ahead !== null && !this.#ahead.skipTo(this.position)) this.dropAhead();
    return this.#ahead;
  }

  async #lineHere(most: number, call: CallOptions): Promise<Buffer> {
    const range = { start: this.position, expected: Number.POSITIVE_INFINITY, mostBytes: LINES_AHEAD };
    this.#ahead = this.#here() ?? new ReadAhead(this.#file, range);
    const line = await nextLine(this.#ahead, this.#file.path, most, call);
    this.position += line.length;
    // The file may have grown when somebody asks again.
    if (line.length === 0) this.dropAhead();
    return line;
  }

  #read(position: number, size: number | null, options: ReadWholeOptions): Promise<Buffer> {
    return size === null ? readWhole(this.#file, position, options) : readSome(this.#file, position, size, options);
  }

  async #taken(ahead: ReadAhead, size: number, options: ReadWholeOptions): Promise<Buffer> {
    const { maxBytes, ...call } = options;
    const collector = new Collector({ operation: 'read', path: this.#file.path }, Number.isFinite(size) ? size : 0, maxBytes);
    while (collector.bytes < size) {
      const there = await ahead.peek(call);
      if (there === null) {
        this.dropAhead();
        // The size that was read ahead to may have been a guess.
        const left = size - collector.bytes;
        collector.add(await this.#read(this.position + collector.bytes, Number.isFinite(left) ? left : null, options));
        break;
      }
      const count = Math.min(there.length, size - collector.bytes);
      collector.add(there.subarray(0, count));
      ahead.take(count);
    }
    return collector.finish();
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(read);
    this.#turn = result.catch(() => {});
    return result;
  }
}
