// What callers of transfers say and hear. Every transfer takes the same options; what makes no sense for one of them (`recursive`
// for a stream) it does not look at.

import type { CallOptions } from '../../../io/waiting.ts';
import type { SFTPAttributes } from '../../protocol/attributes.ts';
import type { SFTPSession } from '../session.ts';
import type { SideSessions } from '../side-sessions.ts';

/** A local file: a path, a `file:` URL, or the bytes of a name that is not UTF-8. */
export type LocalPath = string | URL | Uint8Array;

/** One end that speaks SFTP. An `SFTPClient` is one. */
export interface RemoteEnd {
  readonly session: SFTPSession;
  /** More sessions on the same connection, for uploads that the window of one channel holds back. */
  readonly sides?: SideSessions;
}

/** How far a transfer has come. */
export interface TransferProgress {
  /** The source file that has moved on. */
  readonly path: string;
  /** Bytes of this file that are at the target, with those that were there before where the transfer was resumed. */
  readonly transferred: number;
  /** Bytes of this file, as far as is known; 0 where nothing is. */
  readonly total: number;
  /** Whether the file is complete. */
  readonly done: boolean;
  /** Files that are complete. */
  readonly files: number;
  /** Files that have been found so far. */
  readonly filesTotal: number;
  /** Bytes of all files, as `transferred`. */
  readonly bytes: number;
  /** Bytes of all files that have been found so far. */
  readonly bytesTotal: number;
}

/** What a transfer has done. */
export interface TransferResult {
  /** Files that are complete at the target, with those that were so before (`resume`). */
  readonly files: number;
  /** Folders, the topmost one included. */
  readonly folders: number;
  /** Symbolic links that were made. */
  readonly links: number;
  /** What was left out: by `links`, by `onError`, and what is no file, folder or link. Not what `filter` left out. */
  readonly skipped: number;
  /** Bytes that were sent or received: not those that were at the target before. */
  readonly bytes: number;
  /** Of the target, where it is one remote file and the server was asked. */
  readonly attributes: SFTPAttributes | null;
}

/** The seed's: bytes so far, and bytes in all. */
export type TransferCallback = (transferred: number, total: number) => void;

/** `timeout` is for the whole transfer, milliseconds. Aborted, the transfer leaves the partial file, for `resume`. */
export interface TransferOptions extends CallOptions {
  /** Folders with all that is in them. What is in the source folder comes into the target folder, which may exist. */
  readonly recursive?: boolean;
  /** Modes (never set-user-id and its like) and times as at the source. Without it, modes are narrowed by the umask. */
  readonly preserve?: boolean;
  /** What is transferred, by its source path; false leaves out a file, or a folder with all that is in it. */
  readonly filter?: (path: string, attributes: SFTPAttributes) => boolean | Promise<boolean>;
  /**
   * Symbolic links inside of a folder: made as links at the target (default, last of all), followed as `scp -r` does, or left out
   * as `sftp` does. The source that is named itself is always followed.
   */
  readonly links?: 'copy' | 'follow' | 'skip';
  /**
   * Continues a target file that is shorter than the source, and takes one of the same size for complete (with `preserve`: of the
   * same time, too). One that does not begin as the source does is transferred from its start, a longer one is an error. Spots
   * of what is there are compared; with `verify: 'hash'` and a server that can hash, all of it.
   */
  readonly resume?: boolean;
  /** Files of a folder that are under way at once; default 64, over a distance 256. */
  readonly concurrency?: number;
  /**
   * What is compared in the end: the sizes (default), the contents too, or nothing. Contents by the server's own hash of its file
   * (check-file); where it has none the remote file is read, which doubles what is transferred.
   */
  readonly verify?: 'size' | 'hash' | false;
  /** The target is on the disk when the transfer is done: fsync here, fsync@openssh.com there where the server has it. */
  readonly fsync?: boolean;
  /** Blocks of zeros become holes in local files. */
  readonly sparse?: boolean;
  /** Called some ten times a second and for each file that is complete. */
  readonly onProgress?: (progress: TransferProgress) => void;
  /**
   * Decides for one file or folder of a folder that could not be transferred. Default 'throw', which ends the transfer. It is
   * told of what is no file, folder or link as well; that is left out by default.
   */
  readonly onError?: (error: unknown, path: string) => 'skip' | 'throw' | Promise<'skip' | 'throw'>;
  /** The seed's progress; called for every piece. */
  readonly callback?: TransferCallback | null;
  /** The seed's: false is `verify: false`. */
  readonly confirm?: boolean;
  /** The seed's: false has one request under way at a time. */
  readonly prefetch?: boolean;
  /** The seed's: requests under way at most; default as many as the way is long. */
  readonly maxConcurrentPrefetchRequests?: number | null;
  /** The seed's: bytes that a source stream is going to have, for progress. */
  readonly fileSize?: number;
  /** `getfo`: whether a stream is ended with the file. Default true for streams, but never for stdout and stderr. */
  readonly end?: boolean;
}
