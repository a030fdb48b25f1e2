// The few calls of node:fs that transfers make, as promises. File descriptors and not FileHandles: those cost several times as much
// per file, and closing one that was lost track of is a warning, not an error.

import fs from 'node:fs';
import { promisify } from 'node:util';

export const open = promisify(fs.open);
export const close = promisify(fs.close);
export const fstat = promisify(fs.fstat);
export const lstat = promisify(fs.lstat) as (path: fs.PathLike) => Promise<fs.Stats>;
export const stat = promisify(fs.stat) as (path: fs.PathLike) => Promise<fs.Stats>;
export const ftruncate = promisify(fs.ftruncate) as (fd: number, size: number) => Promise<void>;
export const fchmod = promisify(fs.fchmod);
export const futimes = promisify(fs.futimes);
export const fsync = promisify(fs.fsync);
export const mkdir = promisify(fs.mkdir) as (path: fs.PathLike, mode: number) => Promise<void>;
export const symlink = promisify(fs.symlink) as (target: fs.PathLike, path: fs.PathLike) => Promise<void>;
export const unlink = promisify(fs.unlink);
export const readlink = promisify(fs.readlink) as (path: fs.PathLike, encoding: 'buffer') => Promise<Buffer>;
export const realpath = promisify(fs.realpath.native) as unknown as (path: fs.PathLike, encoding: 'buffer') => Promise<Buffer>;

/** The code of an error of node:fs. */
export function errno(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
