// A remote file as a Node Readable, with the events and fields of fs.ReadStream. Requests follow what the consumer takes: bytes that
// it has not taken count as under way, so a stream that is not read asks for no more.

import { addAbortSignal, Readable } from 'node:stream';
import { type SSHError, UsageError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import { Download } from './download.ts';
import type { Opened } from './handles.ts';
import { firstLook } from './reading.ts';
import { sizeOf } from './values.ts';

export interface ReadStreamOptions {
  /** First byte; default 0, of an open file its position. */
  readonly start?: number;
  /** Last byte, itself included, as for fs. */
  readonly end?: number;
  readonly encoding?: BufferEncoding;
  /** Bytes that wait for the consumer before the stream says so; default 64 KiB. What is under way beyond that adapts. */
  readonly highWaterMark?: number;
  /** Close the file at the end. Default true. */
  readonly autoClose?: boolean;
  readonly emitClose?: boolean;
  /** Destroys the stream. */
  readonly signal?: AbortSignal;
}

/** Where a stream's file comes from, and what closes it. */
export interface StreamFile<T extends Opened> {
  readonly path: string;
  open(call: CallOptions): Promise<T>;
  /** `failed`: nobody waits for how this ends. */
  close(file: T, failed: boolean): Promise<void>;
}

/**
 * A remote file that is read as a stream. Emits `open` with what the server calls the file, and `ready`, as fs.ReadStream does.
 *
 * @example
 * await pipeline(sftp.createReadStream('access.log.gz'), createGunzip(), process.stdout);
 */
export class SFTPReadStream extends Readable {
  readonly path: string;
  /** Bytes that have been read so far. */
  bytesRead = 0;
  /** Whether the file is not open yet. */
  pending = true;
  readonly #source: StreamFile<Opened>;
  readonly #start: number;
  /** The byte after the last. */
  readonly #end: number;
  readonly #autoClose: boolean;
  readonly #abort = new AbortController();
  #file: Opened | null = null;
  #download: Download | null = null;
  #starting = false;
  /** Given to the consumer, and not yet known to be taken. */
  #held = 0;

  /** @internal */
  constructor(source: StreamFile<Opened>, options: ReadStreamOptions = {}) {
    const {
      start = 0,
      end = Number.POSITIVE_INFINITY,
      highWaterMark = 65_536,
      autoClose = true,
      encoding,
      emitClose,
      signal,
    } = options;
    if (end !== Number.POSITIVE_INFINITY) sizeOf(end);
    if (sizeOf(start) > end) throw new UsageError(`a stream from byte ${start} to byte ${end}`);
    super({
      highWaterMark,
      autoDestroy: autoClose,
      ...(encoding !== undefined && { encoding }),
      ...(emitClose !== undefined && { emitClose }),
    });
    this.path = source.path;
    this.#source = source;
    this.#start = start;
    this.#end = end + 1;
    this.#autoClose = autoClose;
    // Not by Node's constructor, which would destroy what is not made yet where it is aborted already.
    if (signal !== undefined) addAbortSignal(signal, this);
  }

  override _construct(done: (error?: Error | null) => void): void {
    if (this.destroyed) this.#abort.abort();
    this.#source.open({ signal: this.#abort.signal }).then(
      (file) => {
        this.#file = file;
        this.pending = false;
        done();
        this.emit('open', file.handle);
        this.emit('ready');
      },
      // Given up by ourselves, it is no failure of its own: what destroyed the stream says why.
      (error: Error) => done(this.#abort.signal.aborted ? null : error),
    );
  }

  /** Node waits for the opening before it destroys: a server that does not answer must not keep it. */
  override destroy(error?: Error): this {
    this.#abort.abort();
    return super.destroy(error);
  }

  override _read(): void {
    if (this.#download !== null) {
      const held = this.#held;
      this.#held = 0;
      if (held > 0) this.#download.release(held);
      return;
    }
    if (this.#starting) return;
    this.#starting = true;
    this.#begin(this.#file as Opened).catch((error: Error) => this.destroy(error));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#download?.stop();
    const file = this.#file;
    this.#file = null;
    if (file === null || !this.#autoClose) {
      done(error);
      return;
    }
    // How the file is closed after reading is of no interest.
    this.#source.close(file, error !== null).then(
      () => done(error),
      () => done(error),
    );
  }

  async #begin(file: Opened): Promise<void> {
    const { data, size, complete } = await firstLook(file, this.#start, this.#end - this.#start, { signal: this.#abort.signal });
    if (this.destroyed) return;
    const start = this.#start + data.length;
    if (!complete) this.#download = this.#from(file, start, size);
    if (data.length > 0) this.#give(data);
    if (complete) this.push(null);
    else this.#download?.start();
  }

  #from({ session, handle, path }: Opened, start: number, expected: number): Download {
    const sink = {
      data: (bytes: Uint8Array, _position: number, packet: Uint8Array) => this.#give(bytes, packet),
      end: () => void this.push(null),
      fail: (error: SSHError) => void this.destroy(error),
    };
    return new Download(session, handle, { operation: 'read', path }, sink, { start, end: this.#end, expected });
  }

  /** `packet` where the bytes are the download's: they count as under way until they are taken. */
  #give(bytes: Uint8Array, packet?: Uint8Array): void {
    this.bytesRead += bytes.length;
    let chunk = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
    // Whoever keeps the chunk must not keep a buffer of many times its size with it.
    const small = bytes.length < bytes.buffer.byteLength / 2;
    if (small) chunk = Buffer.from(chunk);
    const more = this.push(chunk);
    if (packet === undefined) return;
    if (more) this.#download?.release(bytes.length, small ? packet : undefined);
    else this.#held += bytes.length;
  }
}
