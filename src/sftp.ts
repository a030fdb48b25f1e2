// The entry `amiko/sftp`: file transfer over SSH.

export type { ByteChannel } from './sftp/byte-channel.ts';
export type { CheckFileOptions, CheckFileResult } from './sftp/client/check-file.ts';
export type { Chunk, FileContent } from './sftp/client/chunks.ts';
export type { SessionOpener, SFTPChannelOptions } from './sftp/client/connecting.ts';
export type { ReadBufferOptions, WriteBufferOptions } from './sftp/client/file-arguments.ts';
export { SFTPDir, SFTPDirent } from './sftp/client/folders.ts';
export type { GlobOptions } from './sftp/client/glob.ts';
export type { ListOptions } from './sftp/client/listing.ts';
export type { UsersGroups } from './sftp/client/names-by-id.ts';
export type { OpenFlags } from './sftp/client/open-flags.ts';
export { type ReadStreamOptions, SFTPReadStream } from './sftp/client/read-stream.ts';
export type { MkdirOptions, NameOptions } from './sftp/client/remote-paths.ts';
export type { RmOptions } from './sftp/client/remove-tree.ts';
export type { SessionLimits } from './sftp/client/session-limits.ts';
export type { OpenFileOptions, ReaddirOptions, SFTPClientOptions, WalkEntry } from './sftp/client/sftp-client.ts';
export { SFTPClient } from './sftp/client/sftp-client.ts';
export { type FileWriteOptions, SFTPFile } from './sftp/client/sftp-file.ts';
export type { SFTPStatFs } from './sftp/client/space.ts';
export type {
  LocalPath,
  TransferCallback,
  TransferOptions,
  TransferProgress,
  TransferResult,
} from './sftp/client/transfer/options.ts';
export type { TransferSink } from './sftp/client/transfer/sinks.ts';
export type { TransferSource } from './sftp/client/transfer/sources.ts';
export type { Mode, Time } from './sftp/client/values.ts';
export type { WalkOptions } from './sftp/client/walk.ts';
export type { WatchEvent, WatchOptions } from './sftp/client/watch.ts';
export type { ReadFileOptions, WriteFileOptions } from './sftp/client/whole-files.ts';
export { SFTPWriteStream, type WriteStreamOptions } from './sftp/client/write-stream.ts';
export { SFTPAttributes, type StatLike } from './sftp/protocol/attributes.ts';
export { ST_NOSUID, ST_RDONLY, type Statvfs } from './sftp/protocol/extensions.ts';
export { decodeName, encodeName, type Path } from './sftp/protocol/names.ts';
export {
  SFTP_BAD_MESSAGE,
  SFTP_CONNECTION_LOST,
  SFTP_EOF,
  SFTP_FAILURE,
  SFTP_NO_CONNECTION,
  SFTP_NO_SUCH_FILE,
  SFTP_OK,
  SFTP_OP_UNSUPPORTED,
  SFTP_PERMISSION_DENIED,
  type SFTPStatus,
} from './sftp/protocol/status.ts';
export { FolderFileSystem, type FolderOptions } from './sftp/server/folder.ts';
export { SFTPHandle } from './sftp/server/handle.ts';
export { type Eventually, type Listing, SFTPServerInterface } from './sftp/server/interface.ts';
export { MemoryFileSystem, type MemoryOptions } from './sftp/server/memory.ts';
export {
  type MemoryContents,
  MemoryFiles,
  type MemoryFilesOptions,
  memoryFiles,
} from './sftp/server/memory-files.ts';
export { SFTPServer, type SFTPServerInterfaceClass, type SFTPServerOptions } from './sftp/server/sftp-server.ts';
