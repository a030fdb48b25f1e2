// The public SFTP client: the seed's SFTPClient and the shape of node:fs/promises over one session. Each method resolves its paths
// and hands on to the file of its idea; nothing of the protocol is decided here.

import type { ReadableStream, WritableStream } from 'node:stream/web';
import { type SSHError, UsageError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { ByteChannel } from '../byte-channel.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { FXF_READ } from '../protocol/messages.ts';
import type { Path } from '../protocol/names.ts';
import { guardSFTPClient } from './argument-kinds.ts';
import { type CheckFileOptions, type CheckFileResult, checkFile } from './check-file.ts';
import type { FileContent } from './chunks.ts';
import { hasLinkFirst, openAnother, openSubsystem, type SessionOpener, type SFTPChannelOptions } from './connecting.ts';
import { copyFile } from './copy-file.ts';
import type { SessionTuning } from './flight.ts';
import { SFTPDir, SFTPDirent } from './folders.ts';
import { type GlobOptions, globPaths } from './glob.ts';
import { closeWritten, openHandle } from './handles.ts';
import { entriesOf, FolderReader, type ListOptions, listFolder } from './listing.ts';
import { type OpenFlags, openFlags } from './open-flags.ts';
import { inEncoding, isPlain, join, type NameEncoding, nameOf } from './paths.ts';
import { type ReadStreamOptions, SFTPReadStream } from './read-stream.ts';
import { RemotePaths } from './remote-paths.ts';
import { SFTPSession } from './session.ts';
import type { SessionLimits } from './session-limits.ts';
import { openFile, type SFTPFile } from './sftp-file.ts';
import { SideSessions } from './side-sessions.ts';
import { waitUntil, within } from './time-limit.ts';
import type { LocalPath, TransferOptions, TransferResult } from './transfer/options.ts';
import type { TransferSink } from './transfer/sinks.ts';
import type { TransferSource } from './transfer/sources.ts';
import { copyBetween, get, getfo, put, putfo } from './transfer/transfer.ts';
import { type Mode, modeOf } from './values.ts';
import { type WalkOptions, walkTree } from './walk.ts';
import { type WatchEvent, type WatchOptions, watchPath } from './watch.ts';
import { webReadable, webWritable } from './web-streams.ts';
import { openForWriting, type ReadFileOptions, readPath, type WriteFileOptions, writePath } from './whole-files.ts';
import { SFTPWriteStream, type WriteStreamOptions } from './write-stream.ts';

/** How long a server may take until SFTP is ready, milliseconds. */
const OPEN_TIMEOUT = 60_000;

export interface SFTPClientOptions extends CallOptions, SessionTuning {
  /** Opens another channel with SFTP on the same connection, for uploads that a single channel's window holds back. */
  readonly more?: () => Promise<ByteChannel>;
}

export interface OpenFileOptions extends CallOptions {
  /** Permissions of a file that is made; default what the server does, 0o666 without its umask. */
  readonly mode?: Mode;
}

export interface ReaddirOptions extends CallOptions {
  /** Entries with their kind and attributes, in place of names. */
  readonly withFileTypes?: boolean;
  /** All that is below, with paths counted from the folder. */
  readonly recursive?: boolean;
  /** What names come as; `'buffer'` gives their bytes. Entries have text (`attributes.asBytes()` is the bytes). */
  readonly encoding?: NameEncoding;
}

/** An entry of a tree: its attributes, and its path as the tree's was given. */
export type WalkEntry = SFTPAttributes & { readonly path: string };

/**
 * Files on a server. The names of the seed's SFTPClient and those of `node:fs/promises`; where both have one (`rename`, `open`) it
 * is the seed's, and takes fs's arguments. Any number of calls may be under way at once.
 *
 * Names come from the server: they never lead out of their folder, since a listing with a name such as `../x` is an error, but they
 * may hold anything else, control characters too.
 *
 * @example
 * await using sftp = await transport.openSftpClient();
 * await sftp.mkdir('releases/1.2', { recursive: true });
 * await sftp.put('dist/app.tar.gz', 'releases/1.2/app.tar.gz');
 * for (const entry of await sftp.readdir('releases', { withFileTypes: true })) console.log(entry.name, entry.attributes.size);
 */
export class SFTPClient extends RemotePaths implements AsyncDisposable {
  static {
    guardSFTPClient(SFTPClient.prototype);
  }

  /** @internal */
  readonly sides: SideSessions;

  /** Begins SFTP on a channel on which the subsystem runs. @throws ProtocolError, SSHTimeoutError (after 60 s by default), ... */
  static async open(channel: ByteChannel, options: SFTPClientOptions = {}): Promise<SFTPClient> {
    const { more, ...call } = options;
    return new SFTPClient(await SFTPSession.open(channel, { timeout: OPEN_TIMEOUT, ...call }), more);
  }

  /** Opens a channel on a `Transport` and begins SFTP on it. @throws ChannelRequestError where the server has no SFTP, ... */
  static fromTransport(transport: SessionOpener, options: SFTPChannelOptions = {}): Promise<SFTPClient> {
    const { windowSize, maxPacketSize, ...own } = options;
    const sizes = { ...(windowSize !== undefined && { windowSize }), ...(maxPacketSize !== undefined && { maxPacketSize }) };
    return within('opening an SFTP session', { timeout: OPEN_TIMEOUT, ...own }, async (call) => {
      const channel = await openSubsystem(transport, { ...sizes, ...call });
      const more = () => openAnother(transport, { ...sizes, timeout: OPEN_TIMEOUT });
      return SFTPClient.open(channel, { ...call, more, linkFirst: hasLinkFirst(transport) });
    });
  }

  /** @internal */
  constructor(session: SFTPSession, more?: () => Promise<ByteChannel>) {
    super(session);
    this.sides = new SideSessions(more === undefined ? null : async () => SFTPSession.beside(session, await more()));
  }

  /** Settles when the session is over: with the error that ended it, or undefined after {@link close}. Never rejects. */
  get closed(): Promise<SSHError | undefined> {
    return this.session.closed;
  }

  /** What the server announced beyond the protocol, by name. */
  get extensions(): ReadonlyMap<string, Uint8Array> {
    return this.session.extensions;
  }

  /** How much the server takes and gives at once. */
  limits(options?: CallOptions): Promise<SessionLimits> {
    return waitUntil('limits', options, this.session.knowLimits());
  }

  /** The channel that the session runs on. */
  getChannel(): ByteChannel {
    return this.session.channel;
  }

  /** Ends the session. Calls that still wait reject with ClosedError; what is open is closed by the server. May be called again. */
  close(): void {
    this.sides.close();
    this.session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  // ---- folders ------------------------------------------------------------------------------------------------------

  /** The names in a folder, '.' and '..' left out, in the server's order. @throws SFTPError, EBADMSG for a name that none can be */
  async listdir(path: Path = '.', options?: CallOptions): Promise<string[]> {
    return (await this.listdirAttr(path, options)).map((entry) => entry.filename as string);
  }

  /** The entries of a folder, however many the server sends: for one that may have no end there is {@link listdirIter}. */
  async listdirAttr(path: Path = '.', options?: CallOptions): Promise<SFTPAttributes[]> {
    const name = this.at(path);
    return within('readdir', options, (call) => entriesOf(this.session, name, call));
  }

  /** The entries as they come; no more is asked for than `readAheads` answers before they are taken. */
  async *listdirIter(path: Path = '.', options?: ListOptions): AsyncGenerator<SFTPAttributes, void> {
    yield* listFolder(this.session, this.at(path), options);
  }

  /** As fs. */
  readdir(
    path: Path,
    options?: BufferEncoding | (ReaddirOptions & { withFileTypes?: false; encoding?: BufferEncoding | null }),
  ): Promise<string[]>;
  readdir(path: Path, options: 'buffer' | (ReaddirOptions & { withFileTypes?: false; encoding: 'buffer' })): Promise<Buffer[]>;
  readdir(path: Path, options: ReaddirOptions & { withFileTypes: true; encoding?: BufferEncoding | null }): Promise<SFTPDirent[]>;
  async readdir(path: Path, options?: string | ReaddirOptions): Promise<(string | Buffer)[] | SFTPDirent[]> {
    const given: ReaddirOptions = typeof options === 'string' ? { encoding: options as 'buffer' } : (options ?? {});
    const { withFileTypes, recursive, encoding, ...own } = given;
    if (withFileTypes && !isPlain(encoding)) throw new UsageError(`entries have their names as text, not as ${encoding}`);
    const [name, shown] = [this.at(path), nameOf(path)];
    const found = await within('readdir', own, async (call) => {
      if (!recursive) return (await entriesOf(this.session, name, call)).map((each) => ({ path: each.filename as string, each }));
      const all: { path: string; each: SFTPAttributes }[] = [];
      for await (const { relative, attributes } of walkTree(this.session, name, call))
        all.push({ path: relative, each: attributes });
      return all;
    });
    if (withFileTypes) {
      return found.map(
        ({ path, each }) => new SFTPDirent(join(shown, path).slice(0, -(each.filename as string).length - 1), each),
      );
    }
    return found.map((entry) => inEncoding(entry.path, encoding));
  }

  /** A folder to be read entry by entry. */
  async opendir(path: Path, options?: ListOptions): Promise<SFTPDir> {
    return new SFTPDir(nameOf(path), await FolderReader.open(this.session, this.at(path), options));
  }

  /** All that is below a folder, parents before their children. Links are not followed. */
  async *walk(path: Path = '.', options?: WalkOptions): AsyncGenerator<WalkEntry, void> {
    const shown = nameOf(path);
    for await (const { relative, attributes } of walkTree(this.session, this.at(path), options)) {
      yield Object.assign(attributes, { path: join(shown, relative) });
    }
  }

  /**
   * The paths that a pattern names: `*`, `?`, `[a-z]`, `{one,two}`, `**` for any number of folders, a backslash before what is meant
   * literally. Folders that can't be read match nothing.
   */
  glob(pattern: string, options?: GlobOptions): AsyncGenerator<string, void> {
    return globPaths(this.session, nameOf(pattern), (path) => this.at(path), options);
  }

  /**
   * Looks at a file or folder again and again, and says what has changed: the protocol has no way to be told. Changes within one
   * second that leave the size alone are not seen.
   */
  watch(path: Path, options?: WatchOptions): AsyncGenerator<WatchEvent, void> {
    return watchPath(this.session, this.at(path), options);
  }

  // ---- files --------------------------------------------------------------------------------------------------------

  /** Opens a file. @throws SFTPError ENOENT, EEXIST, EISDIR, EACCES, ... */
  async open(path: Path, flags: OpenFlags = 'r', options?: Mode | OpenFileOptions, callOptions?: CallOptions): Promise<SFTPFile> {
    const { mode, ...own }: OpenFileOptions =
      typeof options === 'object' ? options : { ...(options !== undefined && { mode: options }) };
    const [name, how, permissions] = [this.at(path), openFlags(flags), modeOf(mode)];
    return within('open', { ...own, ...callOptions }, (call) => openFile(this.session, name, how, permissions, this.sides, call));
  }

  /** As {@link open}. */
  file(path: Path, flags?: OpenFlags, options?: Mode | OpenFileOptions): Promise<SFTPFile> {
    return this.open(path, flags, options);
  }

  /** All of a file. @throws SFTPError, EISDIR for a folder, EFBIG above `maxBytes` */
  readFile(path: Path, options?: (ReadFileOptions & { encoding?: null }) | null): Promise<Buffer>;
  readFile(path: Path, options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>;
  async readFile(path: Path, options?: BufferEncoding | ReadFileOptions | null): Promise<Buffer | string> {
    const given: ReadFileOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const { encoding, maxBytes, ...own } = given;
    const name = this.at(path);
    const limit = maxBytes === undefined ? {} : { maxBytes };
    const data = await within('readFile', own, (call) => readPath(this.session, name, { ...limit, ...call }));
    return encoding ? data.toString(encoding) : data;
  }

  /**
   * Writes a file: text, bytes, or whatever gives out either (arrays, generators, Node's and web streams). Resolves when the server
   * has acknowledged every byte and closed the file. What has been written so far stays where it fails.
   */
  async writeFile(path: Path, data: FileContent, options?: BufferEncoding | WriteFileOptions | null): Promise<void> {
    const given: WriteFileOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const { timeout, signal, ...how } = given;
    const name = this.at(path);
    const own = { ...(timeout !== undefined && { timeout }), ...(signal !== undefined && { signal }) };
    await within('writeFile', own, (call) => writePath(this.session, this.sides, name, data, { ...how, ...call }));
  }

  /** {@link writeFile} at the end of what is there. */
  async appendFile(path: Path, data: FileContent, options?: BufferEncoding | WriteFileOptions | null): Promise<void> {
    const given: WriteFileOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    await this.writeFile(path, data, { flag: 'a', ...given });
  }

  /**
   * Copies a file on the server, by the server itself where it can (copy-data), else through us. `mode` as for fs:
   * `constants.COPYFILE_EXCL` refuses a target that exists.
   */
  async copyFile(source: Path, target: Path, mode = 0, options?: CallOptions): Promise<void> {
    const [from, to] = [this.at(source), this.at(target)];
    await within('copyFile', options, (call) => copyFile(this.session, this.sides, from, to, mode, call));
  }

  /** Has the server compute hashes of a file, where it can; most can't. @throws SFTPError ENOTSUP */
  async checkFile(path: Path, options?: CheckFileOptions): Promise<CheckFileResult> {
    const name = this.at(path);
    return within('checkFile', options, (call) => checkFile(this.session, name, { ...options, ...call }));
  }

  // ---- streams ------------------------------------------------------------------------------------------------------

  /** As fs.createReadStream, with as many requests under way as the distance needs. */
  createReadStream(path: Path, options?: BufferEncoding | ReadStreamOptions): SFTPReadStream {
    const { session } = this;
    const name = this.at(path);
    const given: ReadStreamOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const open = async (call: CallOptions) => {
      return { session, handle: await openHandle(session, name, FXF_READ, undefined, call), path: name };
    };
    return new SFTPReadStream({ path: name, open, close: async ({ handle }) => session.release(handle) }, given);
  }

  /** As fs.createWriteStream; 'finish' comes when the server has acknowledged every byte. */
  createWriteStream(path: Path, options?: BufferEncoding | WriteStreamOptions): SFTPWriteStream {
    const { session, sides } = this;
    const name = this.at(path);
    const given: WriteStreamOptions = typeof options === 'string' ? { encoding: options } : (options ?? {});
    const { flags = 'w', mode, ...stream } = given;
    const [how, permissions] = [openFlags(flags), modeOf(mode)];
    const open = (call: CallOptions) => openForWriting(session, sides, name, how, permissions, call);
    return new SFTPWriteStream({ path: name, open, close: closeWritten }, stream);
  }

  /** A file as a web stream of bytes. */
  readable(path: Path, options?: ReadStreamOptions): ReadableStream<Uint8Array> {
    return webReadable(this.createReadStream(path, options));
  }

  /** A web stream of bytes or text into a file; its `close` resolves when the server has acknowledged every byte. */
  writable(path: Path, options?: WriteStreamOptions): WritableStream<Uint8Array | string> {
    return webWritable(this.createWriteStream(path, options));
  }

  // ---- transfers ----------------------------------------------------------------------------------------------------

  /**
   * Copies a remote file, or with `recursive` what is in a folder, to here.
   * @throws SFTPError, Node's errors for local files, TransferError where a file is left incomplete, `signal.reason`
   */
  async get(remotePath: Path, localPath: LocalPath, options?: TransferOptions): Promise<TransferResult> {
    return get(this, this.at(remotePath), localPath, options);
  }

  /** Copies a local file, or with `recursive` what is in a folder, to there. */
  async put(localPath: LocalPath, remotePath: Path, options?: TransferOptions): Promise<TransferResult> {
    return put(localPath, this, this.at(remotePath), options);
  }

  /** Reads a remote file into a stream, a file-like object or a buffer, and resolves with the number of bytes. */
  async getfo(remotePath: Path, sink: TransferSink, options?: TransferOptions): Promise<number> {
    return getfo(this, this.at(remotePath), sink, options);
  }

  /** Writes what a stream, a file-like object, an iterable, a buffer or text holds. Resolves with what the server says of the file. */
  async putfo(source: TransferSource, remotePath: Path, options?: TransferOptions): Promise<SFTPAttributes> {
    return putfo(source, this, this.at(remotePath), options);
  }

  /** Copies a file, or with `recursive` what is in a folder, on the server, as {@link copyFile} does. */
  async cp(source: Path, target: Path, options?: TransferOptions): Promise<TransferResult> {
    return copyBetween(this, this.at(source), this, this.at(target), options);
  }

  /** Copies a file, or with `recursive` what is in a folder, to another server, through this machine. */
  async copyTo(path: Path, other: SFTPClient, otherPath: Path, options?: TransferOptions): Promise<TransferResult> {
    return copyBetween(this, this.at(path), other, other.at(otherPath), options);
  }
}
