// Reading and writing an open file: the seed's SFTPFile, which has a position, and fs/promises' FileHandle, where callers may bring
// their own. Both go through the same two pipelines, so a large read or write is as fast as a transfer.

import type { ReadableStream } from 'node:stream/web';
import { concat, decodeText } from '../../bytes/bytes.ts';
import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { FXF_APPEND, FXF_READ, FXF_WRITE, Write } from '../protocol/messages.ts';
import { guardSFTPFile } from './argument-kinds.ts';
import { bytesOf, type Chunk, type FileContent } from './chunks.ts';
import { Cursor } from './cursor.ts';
import {
  type Position,
  positionOf,
  type ReadBufferOptions,
  readSpan,
  type WriteBufferOptions,
  writeSpan,
} from './file-arguments.ts';
import type { Opened } from './handles.ts';
import { closeHandle } from './handles.ts';
import { OpenFile } from './open-file.ts';
import { PipelinedWrites } from './pipelined-writes.ts';
import { type Range, readRanges } from './read-ranges.ts';
import { type ReadStreamOptions, SFTPReadStream, type StreamFile } from './read-stream.ts';
import { type ReadWholeOptions, readInto } from './reading.ts';
import type { SFTPSession } from './session.ts';
import type { SideSessions } from './side-sessions.ts';
import { sizeOf } from './values.ts';
import { webReadable } from './web-streams.ts';
import { openForWriting, type ReadFileOptions } from './whole-files.ts';
import { SFTPWriteStream, type WriteStreamOptions } from './write-stream.ts';
import { writeContent } from './writing.ts';

export interface FileWriteOptions extends CallOptions {
  /** Of text; default `utf8`. */
  readonly encoding?: BufferEncoding | null;
}

/**
 * An open file. Calls that name no position use the file's own, which they move; several reads of that kind wait for each other,
 * everything else may be under way at once.
 *
 * @example
 * await using file = await sftp.open('settings.ini', 'r+');
 * for await (const line of file) console.log(line.trimEnd());
 * await file.truncate(0);
 * await file.write('empty = true\n', 0);
 */
export class SFTPFile extends OpenFile implements AsyncIterable<string> {
  static {
    guardSFTPFile(SFTPFile.prototype);
  }

  readonly #flags: number;
  readonly #sides: SideSessions | null;
  readonly #cursor: Cursor;
  #pipelined: PipelinedWrites | null = null;
  #isPipelined = false;

  /** @internal `sides` is null where further sessions can't be used; `position` is the end for a file that is appended to. */
  constructor(session: SFTPSession, handle: Uint8Array, path: string, flags: number, sides: SideSessions | null, position = 0) {
    super(session, handle, path);
    this.#flags = flags;
    this.#sides = sides;
    this.#cursor = new Cursor(this, position);
  }

  // ---- position -----------------------------------------------------------------------------------------------------

  /** Moves the position: from the beginning (`whence` 0), from where it is (1) or from the end (2). Resolves with where it is now. */
  async seek(offset: number, whence: 0 | 1 | 2 = 0, options?: CallOptions): Promise<number> {
    const from = whence === 0 ? 0 : whence === 1 ? this.#cursor.position : ((await this.stat(options)).stSize ?? 0);
    this.#cursor.position = sizeOf(from + offset);
    return this.#cursor.position;
  }

  /** The position. */
  tell(): number {
    return this.#cursor.position;
  }

  /** As the seed: always true. */
  seekable(): boolean {
    return true;
  }

  /** Whether it was opened for reading. */
  readable(): boolean {
    return (this.#flags & FXF_READ) !== 0;
  }

  /** Whether it was opened for writing. */
  writable(): boolean {
    return (this.#flags & FXF_WRITE) !== 0;
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  /** From the position on: so many bytes, or all; fewer only at the end of the file. @throws SFTPError */
  read(size?: number | null, options?: ReadWholeOptions): Promise<Buffer>;
  /** As FileHandle.read: into a buffer, at `position` or the file's own. */
  read<T extends ArrayBufferView>(
    buffer: T,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
    options?: CallOptions,
  ): Promise<{ bytesRead: number; buffer: T }>;
  read<T extends ArrayBufferView>(buffer: T, options: ReadBufferOptions<T>): Promise<{ bytesRead: number; buffer: T }>;
  read<T extends ArrayBufferView = Uint8Array>(options: ReadBufferOptions<T>): Promise<{ bytesRead: number; buffer: T }>;
  async read(
    first?: number | null | ArrayBufferView | ReadBufferOptions<ArrayBufferView>,
    ...rest: readonly unknown[]
  ): Promise<unknown> {
    this.#mustBe(FXF_READ, 'reading');
    if (typeof first !== 'object' || first === null) {
      return this.#cursor.read(first ?? null, this.call(rest[0] as ReadWholeOptions | undefined));
    }
    const { buffer, bytes, position, call } = readSpan(first, rest);
    const bounded = this.call(call);
    const reading = position === null ? this.#cursor.readInto(bytes, bounded) : readInto(this, position, bytes, bounded);
    return { bytesRead: await reading, buffer };
  }

  /** As the seed: fills `buffer` from the position on, and resolves with the number of bytes, fewer only at the end. */
  async readinto(buffer: ArrayBufferView, options?: CallOptions): Promise<number> {
    const data = await this.read(buffer.byteLength, options);
    new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).set(data);
    return data.length;
  }

  /**
   * Begins to read ahead from the position on, so that the reads to come find their bytes here. What may be under way is bounded:
   * `maxConcurrentRequests` requests, by default what the distance needs. Reading elsewhere ends it.
   */
  async prefetch(fileSize?: number | null, maxConcurrentRequests?: number | null, options?: CallOptions): Promise<void> {
    this.#mustBe(FXF_READ, 'reading');
    const expected = fileSize ?? (await this.stat(options)).stSize ?? 0;
    this.#pipelined?.flush();
    const mostBytes = maxConcurrentRequests ? maxConcurrentRequests * this.session.limits.maxReadLength : undefined;
    this.#cursor.prefetch(expected, mostBytes);
  }

  /** Reads several parts, `[offset, length]` each, many at once, and gives them out in this order. The position stays. */
  readv(ranges: Iterable<Range>, maxConcurrentRequests?: number | null, options?: CallOptions): AsyncGenerator<Buffer, void> {
    this.#mustBe(FXF_READ, 'reading');
    return readRanges(this, ranges, maxConcurrentRequests ?? undefined, this.call(options));
  }

  /** The next line with its newline; '' at the end. At most `size` bytes. What is not UTF-8 becomes U+FFFD: `read` has the bytes. */
  async readline(size?: number | null, options?: CallOptions): Promise<string> {
    this.#mustBe(FXF_READ, 'reading');
    const call = this.call(options);
    return decodeText(await this.#cursor.line(size ?? Number.POSITIVE_INFINITY, call));
  }

  /** All lines that are left, or as many as have `sizeHint` characters together. */
  async readlines(sizeHint?: number | null, options?: CallOptions): Promise<string[]> {
    const lines: string[] = [];
    let characters = 0;
    for (let line = await this.readline(null, options); line !== ''; line = await this.readline(null, options)) {
      lines.push(line);
      characters += line.length;
      if (sizeHint && characters >= sizeHint) break;
    }
    return lines;
  }

  /** The lines that are left, one after the other. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
    for (let line = await this.readline(); line !== ''; line = await this.readline()) yield line;
  }

  /** As the seed: the file itself, which gives out its lines. */
  xreadlines(): AsyncIterable<string> {
    return this;
  }

  /** All from the position on. @throws SFTPError EFBIG above `maxBytes` */
  readFile(options?: ReadFileOptions & { encoding?: null }): Promise<Buffer>;
  readFile(options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  async readFile(options?: BufferEncoding | ReadFileOptions): Promise<Buffer | string> {
    const { encoding, ...whole }: ReadFileOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const data = await this.read(null, whole);
    return encoding ? data.toString(encoding) : data;
  }

  // ---- writing ------------------------------------------------------------------------------------------------------

  /**
   * Writes at `position` or the file's own; at the end where it was opened so. Resolves when the server has acknowledged every
   * byte, unless {@link setPipelined} says otherwise.
   * @throws SFTPError
   */
  write<T extends ArrayBufferView>(
    data: T,
    offset?: number | null,
    length?: number | null,
    position?: number | bigint | null,
    options?: CallOptions,
  ): Promise<{ bytesWritten: number; buffer: T }>;
  write<T extends ArrayBufferView>(data: T, options: WriteBufferOptions): Promise<{ bytesWritten: number; buffer: T }>;
  write(
    data: string,
    position?: number | bigint | null,
    encoding?: BufferEncoding | null,
    options?: CallOptions,
  ): Promise<{ bytesWritten: number; buffer: string }>;
  async write(data: string | ArrayBufferView, ...rest: readonly unknown[]): Promise<unknown> {
    const { buffer, bytes, position, call } = writeSpan(data, rest);
    await this.#write(bytes, position, call);
    return { bytesWritten: bytes.length, buffer };
  }

  /** As FileHandle.writev: one behind the other, at `position` or the file's own. */
  async writev<T extends readonly ArrayBufferView[]>(
    buffers: T,
    position?: Position,
    options?: CallOptions,
  ): Promise<{ bytesWritten: number; buffers: T }> {
    const bytes = concat(...buffers.map((each) => bytesOf(each)));
    await this.#write(bytes, positionOf(position), options);
    return { bytesWritten: bytes.length, buffers };
  }

  /** Cuts the file to so many bytes, or fills it up with zeros. */
  override async truncate(size = 0, options?: CallOptions): Promise<void> {
    this.#cursor.dropAhead();
    await super.truncate(size, options);
  }

  /** Writes pieces one after the other, without newlines of its own. */
  async writelines(lines: Iterable<Chunk> | AsyncIterable<Chunk>, options?: CallOptions): Promise<void> {
    for await (const line of lines) await this.#write(bytesOf(line), null, options);
  }

  /** Writes all of it from the position on: text, bytes, or what gives out either. */
  async writeFile(data: FileContent, options?: BufferEncoding | FileWriteOptions): Promise<void> {
    const { encoding, ...call }: FileWriteOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    this.#mustBe(FXF_WRITE, 'writing');
    const bounded = this.call(call);
    this.#cursor.dropAhead();
    const file = { session: this.session, handle: this.handle, path: this.path, sides: this.#sides };
    this.#cursor.position += await writeContent(file, data, this.#cursor.position, { encoding, ...bounded });
  }

  /** As FileHandle has it: {@link writeFile}. */
  async appendFile(data: FileContent, options?: BufferEncoding | FileWriteOptions): Promise<void> {
    await this.writeFile(data, options);
  }

  /**
   * Pipelined, a write resolves as soon as there is room for the next. What the server refuses then shows in a later write, in
   * {@link flush} or in `close`: none of the bytes count as written before one of these has resolved.
   */
  setPipelined(pipelined = true): void {
    this.#isPipelined = pipelined;
  }

  /** Resolves when all pipelined writes have been acknowledged. @throws SFTPError, the first refusal */
  async flush(options?: CallOptions): Promise<void> {
    await this.#pipelined?.finish(this.call(options));
  }

  // ---- streams ------------------------------------------------------------------------------------------------------

  /** From the position on where no `start` is given. Closes the file at its end unless `autoClose` is false. */
  createReadStream(options: ReadStreamOptions = {}): SFTPReadStream {
    this.#pipelined?.flush();
    return new SFTPReadStream(this.#asStream(this), { start: this.#cursor.position, ...options });
  }

  /** From the position on where no `start` is given; closes the file at its end unless `autoClose` is false. */
  createWriteStream(options: Omit<WriteStreamOptions, 'flags' | 'mode'> = {}): SFTPWriteStream {
    const { session, handle, path } = this;
    return new SFTPWriteStream(
      this.#asStream({ session, handle, path, sides: this.#sides, position: this.#cursor.position }),
      options,
    );
  }

  /** As FileHandle has it: the file stays open. */
  readableWebStream(options: ReadStreamOptions = {}): ReadableStream<Uint8Array> {
    return webReadable(this.createReadStream({ autoClose: false, ...options }));
  }

  protected override get mayOwe(): boolean {
    return this.#pipelined !== null;
  }

  protected override async finish(options?: CallOptions): Promise<void> {
    this.#cursor.dropAhead();
    if (!this.writable()) {
      // Nothing can be lost any more.
      this.session.release(this.handle);
      return;
    }
    const written = this.#pipelined?.finish(options);
    written?.catch(() => {});
    await closeHandle(this.session, this.handle, this.path, options);
    await written;
  }

  protected override call(options: CallOptions | undefined): CallOptions {
    this.#pipelined?.flush();
    return super.call(options);
  }

  async #write(bytes: Uint8Array, position: number | null, options: CallOptions | undefined): Promise<void> {
    this.#mustBe(FXF_WRITE, 'writing');
    const call = super.call(options);
    const { session, handle, path } = this;
    const offset = position ?? this.#cursor.position;
    // At once: the next write may be called before this one has been answered.
    if (position === null || this.#flags & FXF_APPEND) this.#cursor.position = offset + bytes.length;
    this.#cursor.dropAhead();
    if (this.#isPipelined) {
      // What is read must find what was written before: only one session keeps their order.
      this.#pipelined ??= new PipelinedWrites({ session, handle, path, sides: this.readable() ? null : this.#sides });
      await this.#pipelined.write(bytes, offset, call);
      return;
    }
    this.#pipelined?.flush();
    if (bytes.length > session.limits.maxWriteLength) {
      await writeContent({ session, handle, path, sides: this.#sides }, bytes, offset, call);
    } else if (bytes.length > 0) {
      const what = { operation: 'write', path };
      await session.perform(what, (id) => Write.encode({ id, handle, offset, data: bytes }), call);
    }
  }

  #asStream<T extends Opened>(file: T): StreamFile<T> {
    return { path: this.path, open: async () => file, close: () => this.close() };
  }

  #mustBe(way: number, what: string): void {
    if ((this.#flags & way) === 0) throw new SFTPError('EBADF', `not open for ${what}`, { operation: 'file', path: this.path });
  }
}

/** Opens a file; one that is appended to begins at its end. @throws SFTPError */
export async function openFile(
  session: SFTPSession,
  path: string,
  flags: number,
  mode: number | undefined,
  sides: SideSessions,
  call: CallOptions,
): Promise<SFTPFile> {
  const { handle, sides: usable, position } = await openForWriting(session, sides, path, flags, mode, call);
  return new SFTPFile(session, handle, path, flags, usable, position);
}
