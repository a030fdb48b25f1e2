// The files that are transferred: in memory where the system has a place for that, so that no disk is measured. Every byte
// position has its own random content: a block that was lost, repeated or swapped changes the SHA-256.
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { BLOCK } from './data.mjs';

/** Bytes of each file of a folder. */
export const SMALL_FILE = 4096;

/** A directory that is memory and has room for a file of this size, a copy of it and the smaller ones, or null. */
export function memoryPlace(bytes) {
  if (!existsSync('/dev/shm')) return null;
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize > 3 * bytes ? '/dev/shm' : null;
}

/** Where the files of this run are, and the copies that transfers make. */
export const filePlace = ({ directory, memoryDirectory }) => memoryDirectory ?? directory;

/** A file of so many bytes: its path and its hash. Made when first asked for, kept for the whole run. */
export function sourceFile(context, size) {
  let file = context.sources.get(size);
  if (file === undefined) {
    const path = join(filePlace(context), `source-${size}`);
    writeFile(path, size, randomStream());
    file = { path, size, sha256: hashFile(path) };
    context.sources.set(size, file);
  }
  return file;
}

/** A folder of `count` small files: its path and its hash. */
export function sourceFolder(context, count) {
  const path = join(filePlace(context), `folder-${count}`);
  if (!existsSync(path)) {
    const stream = randomStream();
    mkdirSync(path);
    for (let i = 0; i < count; i++) writeFile(join(path, `file-${String(i).padStart(5, '0')}`), SMALL_FILE, stream);
  }
  return { path, count, size: count * SMALL_FILE, sha256: hashFolder(path) };
}

export function hashFile(path) {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(BLOCK);
  const fd = openSync(path, 'r');
  for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) hash.update(buffer.subarray(0, read));
  closeSync(fd);
  return hash.digest('hex');
}

/** Of the names and the contents, in order: a file too many, too few or in the place of another shows. */
export function hashFolder(path) {
  const hash = createHash('sha256');
  for (const name of readdirSync(path).sort()) hash.update(`${name}\0`).update(readFileSync(join(path, name)));
  return hash.digest('hex');
}

/** Random bytes at the speed of a cipher. */
function randomStream() {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(BLOCK);
  return (size) => cipher.update(zeros.subarray(0, size));
}

/**
 * Writes so many bytes and removes them, so that the pages of the copy to come were in use a moment ago. On a virtual machine the
 * first touch of a page that was free for long costs more than the transfer itself, and whoever comes first would pay it.
 */
export function touchPages(context, size) {
  const path = join(filePlace(context), 'touched');
  const zeros = Buffer.alloc(BLOCK);
  writeFile(path, size, (count) => zeros.subarray(0, count));
  rmSync(path);
}

/** `next` gives so many bytes. */
function writeFile(path, size, next) {
  const fd = openSync(path, 'w', 0o644);
  for (let written = 0; written < size; written += BLOCK) writeWhole(fd, next(Math.min(BLOCK, size - written)));
  closeSync(fd);
}

/** A single write may end early, on a full file system for one. */
function writeWhole(fd, data) {
  for (let done = 0; done < data.length; ) done += writeSync(fd, data, done);
}
