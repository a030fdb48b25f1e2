// A remote file as a Node Writable, with the events and fields of fs.WriteStream. A write's callback comes as soon as there is room
// for more, or nothing would ever be under way; 'finish' comes when the server has acknowledged every byte and closed the file.

import { addAbortSignal, Writable } from 'node:stream';
import { GatheredWrites } from './gathered-writes.ts';
import type { Lanes } from './lanes.ts';
import type { StreamFile } from './read-stream.ts';
import type { Upload } from './upload.ts';
import { type Mode, sizeOf } from './values.ts';
import { uploadTo, type WritableFile } from './writing.ts';

export interface WriteStreamOptions {
  /** Default `'w'`. `'r+'` with `start` overwrites a part of what is there. */
  readonly flags?: string | number;
  /** Permissions of a file that is made. */
  readonly mode?: Mode;
  /** Where the first byte goes; default 0, or the end with `'a'`, or an open file's position. */
  readonly start?: number;
  /** Of text that is written; default `utf8`. */
  readonly encoding?: BufferEncoding;
  /** Bytes that wait for room before the stream says so; default 1 MiB. */
  readonly highWaterMark?: number;
  /** Close the file at the end. Default true. */
  readonly autoClose?: boolean;
  readonly emitClose?: boolean;
  /** Destroys the stream. */
  readonly signal?: AbortSignal;
}

/** A file and where writing to it begins. */
export interface WriteStart extends WritableFile {
  readonly position: number;
}

/** Bytes that the source may bring while there is no room: it should be at work when there is. */
const HIGH_WATER_MARK = 1_048_576;

/**
 * A remote file that is written as a stream. A write's callback says that the buffer is free again and that there is room for more,
 * not that the server has the bytes: that is what 'finish' says.
 *
 * @example
 * await pipeline(createReadStream('backup.tar'), createGzip(), sftp.createWriteStream('backup.tar.gz'));
 */
export class SFTPWriteStream extends Writable {
  readonly path: string;
  /** Whether the file is not open yet. */
  pending = true;
  readonly #source: StreamFile<WriteStart>;
  readonly #start: number | undefined;
  readonly #autoClose: boolean;
  readonly #abort = new AbortController();
  #file: WriteStart | null = null;
  #upload: Upload | null = null;
  #lanes: Lanes | null = null;
  #gathered: GatheredWrites | null = null;
  #position = 0;

  /** @internal */
  constructor(source: StreamFile<WriteStart>, options: Omit<WriteStreamOptions, 'flags' | 'mode'> = {}) {
    const { start, highWaterMark = HIGH_WATER_MARK, autoClose = true, encoding, emitClose, signal } = options;
    if (start !== undefined) sizeOf(start);
    super({
      decodeStrings: true,
      autoDestroy: autoClose,
      highWaterMark,
      ...(encoding !== undefined && { defaultEncoding: encoding }),
      ...(emitClose !== undefined && { emitClose }),
    });
    this.path = source.path;
    this.#source = source;
    this.#autoClose = autoClose;
    this.#start = start;
    // Not by Node's constructor, which would destroy what is not made yet where it is aborted already.
    if (signal !== undefined) addAbortSignal(signal, this);
  }

  /** Bytes that the server has acknowledged. */
  get bytesWritten(): number {
    return this.#upload?.acknowledged ?? 0;
  }

  override _construct(done: (error?: Error | null) => void): void {
    if (this.destroyed) this.#abort.abort();
    this.#source.open({ signal: this.#abort.signal }).then(
      (file) => {
        this.#file = file;
        this.#position = this.#start ?? file.position;
        const { upload, lanes } = uploadTo(file);
        this.#upload = upload;
        this.#lanes = lanes;
        // A refusal must not wait for the next write.
        this.#gathered = new GatheredWrites(upload, () => {
          if (upload.error !== null) this.destroy(upload.error);
        });
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

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#put(chunk);
    this.#whenRoomy(done);
  }

  override _writev(chunks: readonly { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    for (const { chunk } of chunks) this.#put(chunk);
    this.#whenRoomy(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#gathered?.flush();
    const upload = this.#upload as Upload;
    const file = this.#file as WriteStart;
    // In the same flight as the last bytes: a server handles a file's requests in their order.
    const closed = this.#autoClose ? this.#close(file, false) : Promise.resolve();
    closed.catch(() => {});
    upload
      .finish()
      .then(() => closed)
      .then(() => this.#lanes?.finish())
      .then(
        () => done(),
        (error: Error) => done(error),
      );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#gathered?.stop();
    this.#lanes?.close();
    if (this.#file !== null && this.#autoClose) this.#close(this.#file, true).catch(() => {});
    done(error);
  }

  #put(chunk: Uint8Array): void {
    this.#gathered?.write(chunk, this.#position);
    this.#position += chunk.length;
  }

  #whenRoomy(done: (error?: Error | null) => void): void {
    const upload = this.#upload as Upload;
    if (upload.error !== null) done(upload.error);
    else if (upload.roomy) done();
    else void upload.room().then(() => done(upload.error));
  }

  #close(file: WriteStart, failed: boolean): Promise<void> {
    this.#file = null;
    return this.#source.close(file, failed);
  }
}
