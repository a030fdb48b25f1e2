// What the arguments of SFTPClient may be, for callers without types: those who come from ssh2 give callbacks and the options of
// fastGet, those who come from fs its names. Values that have a reader of their own (modes, times, flags, contents) are judged there.

import { guard, rejects, throws } from '../../io/check-arguments.ts';
import {
  anything,
  atLeastOne,
  CALL,
  callback,
  count,
  either,
  flag,
  having,
  isBytes,
  isOptions,
  iterable,
  type Kind,
  kind,
  listOf,
  needed,
  none,
  oneOf,
  options,
  positive,
  type TableOf,
  text,
  textOrBytes,
} from '../../io/kinds.ts';
import type { CheckFileOptions } from './check-file.ts';
import type { GlobOptions } from './glob.ts';
import type { ListOptions } from './listing.ts';
import type { ReadStreamOptions } from './read-stream.ts';
import type { MkdirOptions, NameOptions } from './remote-paths.ts';
import type { RmOptions } from './remove-tree.ts';
import type { OpenFileOptions, ReaddirOptions, SFTPClient } from './sftp-client.ts';
import type { FileWriteOptions, SFTPFile } from './sftp-file.ts';
import type { TransferOptions } from './transfer/options.ts';
import type { WalkOptions } from './walk.ts';
import type { WatchOptions } from './watch.ts';
import type { ReadFileOptions, WriteFileOptions } from './whole-files.ts';
import type { WriteStreamOptions } from './write-stream.ts';

const call = options(CALL);
const path = needed(textOrBytes);
const optionalPath = textOrBytes;
const mode = kind('a number or octal digits', (value) => typeof value === 'number' || typeof value === 'string');
const openFlags = kind("flags ('r', 'w', 'a', 'x', '+', or numbers of fs.constants)", mode.fits);
const time = needed(kind('seconds since 1970 or a Date', (value) => mode.fits(value) || value instanceof Date));
const number = kind('a number', (value) => typeof value === 'number');
const encoding = kind('an encoding', (value) => value === null || (typeof value === 'string' && Buffer.isEncoding(value)));
const names = kind("an encoding, or 'buffer'", (value) => value === 'buffer' || encoding.fits(value));
const LOCAL =
  "a local path: a string, a file: URL or a Uint8Array (for streams and contents there are 'getfo', 'putfo' and 'writeFile')";
const localPath = needed(kind(LOCAL, (value) => typeof value === 'string' || isBytes(value) || value instanceof URL));
const sftpClient = needed(having('an SFTPClient', 'at', 'getChannel'));

/** An encoding in the place of the options, as with fs. */
function orEncoding(these: Kind, words = encoding): Kind {
  return either(words, these);
}

const READ_FILE: TableOf<ReadFileOptions> = { ...CALL, encoding, maxBytes: count };
const WRITE_FILE: TableOf<WriteFileOptions> = { ...CALL, encoding, mode, flag: openFlags };
const READDIR: TableOf<ReaddirOptions> = { ...CALL, withFileTypes: flag, recursive: flag, encoding: names };
const NAME: TableOf<NameOptions> = { ...CALL, encoding: names };
const MKDIR: TableOf<MkdirOptions> = { ...CALL, mode, recursive: flag };
const OPEN: TableOf<OpenFileOptions> = { ...CALL, mode };
const RM: TableOf<RmOptions> = { ...CALL, recursive: flag, force: flag };
const LIST: TableOf<ListOptions> = { ...CALL, readAheads: atLeastOne };
const WALK: TableOf<WalkOptions> = { ...CALL, onError: callback };
const GLOB: TableOf<GlobOptions> = { ...CALL, dot: flag };
const WATCH: TableOf<WatchOptions> = { interval: positive, recursive: flag, signal: CALL.signal };
const CHECK_FILE: TableOf<CheckFileOptions> = {
  ...CALL,
  algorithms: listOf(text, 'an array of names'),
  start: count,
  length: count,
  blockSize: count,
};
const STREAM = { start: count, encoding, highWaterMark: count, autoClose: flag, emitClose: flag, signal: CALL.signal };
const READ_STREAM: TableOf<ReadStreamOptions> = { ...STREAM, end: number };
const WRITE_STREAM: TableOf<WriteStreamOptions> = { ...STREAM, flags: openFlags, mode };
const TRANSFER: TableOf<TransferOptions> = {
  ...CALL,
  recursive: flag,
  preserve: flag,
  filter: callback,
  links: oneOf('copy', 'follow', 'skip'),
  resume: flag,
  concurrency: atLeastOne,
  verify: oneOf('size', 'hash', false),
  fsync: flag,
  sparse: flag,
  onProgress: callback,
  onError: callback,
  callback: kind('a function', (value) => value === null || typeof value === 'function'),
  confirm: flag,
  prefetch: flag,
  maxConcurrentPrefetchRequests: kind('a whole number from 1', (value) => value === null || atLeastOne.fits(value)),
  fileSize: count,
  end: flag,
};

const transfer = options(TRANSFER, {
  step: "it is 'onProgress': ({ transferred, total }) => { ... }",
  progress: "it is 'onProgress': ({ transferred, total }) => { ... }",
  chunkSize: 'sizes are found by themselves',
  mode: "it is chmod's, or 'preserve' takes the source's",
});
const readStream = orEncoding(
  // What fs has as its default is let pass: that is what happens.
  options({ ...READ_STREAM, flags: oneOf('r') }, { handle: 'open the file: its createReadStream', mode: 'nothing is made' }),
);
const writeStream = orEncoding(options(WRITE_STREAM, { flag: "it is 'flags'", handle: 'open the file: its createWriteStream' }));
const writeFile = orEncoding(options(WRITE_FILE, { flags: "it is 'flag'" }));
const openMode = either(mode, options(OPEN));

export function guardSFTPClient(prototype: SFTPClient): void {
  const question = { path, options: call };
  const nameQuestion = { path, options: orEncoding(options(NAME), names) };
  guard(
    prototype,
    {
      limits: { options: call },
      stat: question,
      lstat: question,
      access: { path, mode: number, options: call },
      exists: question,
      realpath: nameQuestion,
      normalize: question,
      readlink: nameQuestion,
      statvfs: question,
      statfs: question,
      expandPath: question,
      homeDirectory: { username: text, options: call },
      usersGroupsById: { uids: needed(iterable), gids: needed(iterable), options: call },
      chdir: { path: either(none, textOrBytes), options: call },
      mkdir: { path, options: either(mode, options(MKDIR)), callOptions: call },
      mkdtemp: { prefix: needed(text), options: call },
      rmdir: question,
      remove: question,
      unlink: question,
      rm: { path, options: options(RM) },
      rename: { oldPath: path, newPath: path, options: call },
      posixRename: { oldPath: path, newPath: path, options: call },
      symlink: { target: path, path, options: call },
      link: { existingPath: path, newPath: path, options: call },
      chmod: { path, mode: needed(mode), options: call },
      lchmod: { path, mode: needed(mode), options: call },
      chown: { path, uid: needed(number), gid: needed(number), options: call },
      lchown: { path, uid: needed(number), gid: needed(number), options: call },
      utime: { path, times: kind('[atime, mtime] or null', (value) => value === null || Array.isArray(value)), options: call },
      utimes: { path, atime: time, mtime: time, options: call },
      lutimes: { path, atime: time, mtime: time, options: call },
      truncate: { path, size: number, options: call },
      listdir: { path: optionalPath, options: call },
      listdirAttr: { path: optionalPath, options: call },
      readdir: { path, options: orEncoding(options(READDIR), names) },
      opendir: { path, options: options(LIST) },
      open: { path, flags: openFlags, options: openMode, callOptions: call },
      file: { path, flags: openFlags, options: openMode },
      readFile: { path, options: orEncoding(options(READ_FILE, { flag: "a file is read with 'r'" })) },
      writeFile: { path, data: anything, options: writeFile },
      appendFile: { path, data: anything, options: writeFile },
      copyFile: { source: path, target: path, mode: number, options: call },
      checkFile: { path, options: options(CHECK_FILE) },
      get: { remotePath: path, localPath, options: transfer },
      put: { localPath, remotePath: path, options: transfer },
      getfo: { remotePath: path, sink: anything, options: transfer },
      putfo: { source: anything, remotePath: path, options: transfer },
      cp: { source: path, target: path, options: transfer },
      copyTo: { path, other: sftpClient, otherPath: path, options: transfer },
    },
    rejects,
  );
  guard(
    prototype,
    {
      listdirIter: { path: optionalPath, options: options(LIST) },
      walk: { path: optionalPath, options: options(WALK) },
      glob: { pattern: needed(text), options: options(GLOB) },
      watch: { path, options: options(WATCH) },
      createReadStream: { path, options: readStream },
      createWriteStream: { path, options: writeStream },
      readable: { path, options: readStream },
      writable: { path, options: writeStream },
    },
    throws,
  );
}

/** Without what tells apart the many forms of read and write: positions are judged where they are used. */
export function guardSFTPFile(prototype: SFTPFile): void {
  // As in the seed a negative one is all there is.
  const size = kind('a number of bytes or null', (value) => value === null || Number.isInteger(value));
  const most = kind('a whole number from 1, or null', (value) => value === null || atLeastOne.fits(value));
  const buffer = kind('a Buffer or another view to fill', (value) => ArrayBuffer.isView(value));
  const data = kind('a string, a Buffer or another view', (value) => typeof value === 'string' || ArrayBuffer.isView(value));
  const write = orEncoding(options({ ...CALL, encoding } satisfies TableOf<FileWriteOptions>));
  guard(
    prototype,
    {
      seek: {
        offset: needed(number),
        whence: kind('0, 1 or 2', (value) => value === 0 || value === 1 || value === 2),
        options: call,
      },
      read: { size: either(size, buffer, kind('options with a buffer', isOptions)) },
      readinto: { buffer: needed(buffer), options: call },
      readline: { size, options: call },
      readlines: { sizeHint: size, options: call },
      prefetch: { fileSize: size, maxConcurrentRequests: most, options: call },
      readFile: { options: orEncoding(options(READ_FILE)) },
      write: { data: needed(data) },
      writev: { buffers: needed(iterable) },
      writelines: { lines: anything, options: call },
      writeFile: { data: anything, options: write },
      appendFile: { data: anything, options: write },
      truncate: { size: number, options: call },
      flush: { options: call },
      stat: { options: call },
      chmod: { mode: needed(mode), options: call },
      close: { options: call },
    },
    rejects,
  );
  guard(
    prototype,
    {
      readv: { ranges: needed(iterable), maxConcurrentRequests: most, options: call },
      createReadStream: { options: options({ ...READ_STREAM, flags: oneOf('r') }) },
      createWriteStream: { options: options(WRITE_STREAM) },
    },
    throws,
  );
}
