// What is known of a file (draft-ietf-secsh-filexfer-02 section 5): each part may be absent. One class serves both sides, and
// reads as the seed's SFTPAttributes (st...) and as Node's fs.Stats (size, mtime, isDirectory(), ...).

import { UsageError } from '../../errors.ts';
import type { Field } from '../../wire/fields.ts';
import { DecodeError } from '../../wire/reader.ts';
import { encodeName } from './names.ts';

const SIZE = 0x1;
const UIDGID = 0x2;
const PERMISSIONS = 0x4;
const ACMODTIME = 0x8;
const EXTENDED = 0x8000_0000;

/** The kinds of files in `mode`, as POSIX has them. */
const S_IFMT = 0o170000;
export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;
export const S_IFDIR = 0o040000;
export const S_IFBLK = 0o060000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFSOCK = 0o140000;

/** What `SFTPAttributes.fromStat` takes: fs.Stats, or a part of it. Times in milliseconds. */
export interface StatLike {
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
  readonly atimeMs?: number;
  readonly mtimeMs?: number;
}

/**
 * Attributes of a file. The `st...` fields are what the protocol carries, undefined where the other side did not say; the
 * others read like `fs.Stats`.
 *
 * @example
 * const { size, mtime } = await sftp.stat('backup.tar');
 * console.log(`${size} bytes, last changed ${mtime.toISOString()}`);
 */
export class SFTPAttributes {
  /** Bytes. */
  stSize: number | undefined;
  stUid: number | undefined;
  stGid: number | undefined;
  /** Kind and permissions, as POSIX has them. */
  stMode: number | undefined;
  /** Seconds since 1970; 32 bits on the wire. */
  stAtime: number | undefined;
  /** Seconds since 1970. */
  stMtime: number | undefined;
  /** Extensions that the other side sent, by name. */
  attr = new Map<string, Uint8Array>();
  /** The name without its folder, in listings. */
  filename: string | undefined;
  /** The server's own line for people, such as `ls -l` prints, in listings. */
  longname: string | undefined;

  static fromStat(stat: StatLike, filename?: string): SFTPAttributes {
    const attributes = new SFTPAttributes();
    attributes.stSize = stat.size;
    attributes.stUid = stat.uid;
    attributes.stGid = stat.gid;
    attributes.stMode = stat.mode;
    attributes.stAtime = stat.atimeMs === undefined ? undefined : toSeconds(stat.atimeMs);
    attributes.stMtime = stat.mtimeMs === undefined ? undefined : toSeconds(stat.mtimeMs);
    attributes.filename = filename;
    return attributes;
  }

  /** Bytes; 0 where the server did not say ({@link stSize}). */
  get size(): number {
    return this.stSize ?? 0;
  }

  get mode(): number {
    return this.stMode ?? 0;
  }

  get uid(): number {
    return this.stUid ?? 0;
  }

  get gid(): number {
    return this.stGid ?? 0;
  }

  /** Milliseconds since 1970. */
  get atimeMs(): number {
    return (this.stAtime ?? 0) * 1000;
  }

  get mtimeMs(): number {
    return (this.stMtime ?? 0) * 1000;
  }

  get atime(): Date {
    return new Date(this.atimeMs);
  }

  get mtime(): Date {
    return new Date(this.mtimeMs);
  }

  isFile(): boolean {
    return this.#is(S_IFREG);
  }

  isDirectory(): boolean {
    return this.#is(S_IFDIR);
  }

  isSymbolicLink(): boolean {
    return this.#is(S_IFLNK);
  }

  isFIFO(): boolean {
    return this.#is(S_IFIFO);
  }

  isSocket(): boolean {
    return this.#is(S_IFSOCK);
  }

  isBlockDevice(): boolean {
    return this.#is(S_IFBLK);
  }

  isCharacterDevice(): boolean {
    return this.#is(S_IFCHR);
  }

  /** The bytes of the name. */
  asBytes(): Uint8Array {
    return encodeName(this.filename ?? '');
  }

  /** A line as `ls -l` prints it, in UTC. */
  toString(): string {
    const { stSize, stUid, stGid } = this;
    const owner = `${String(stUid ?? 0).padEnd(8)} ${String(stGid ?? 0).padEnd(8)}`;
    return `${modeText(this.stMode)}   1 ${owner} ${String(stSize ?? 0).padStart(8)} ${listDate(this.stMtime)} ${this.filename ?? '?'}`;
  }

  #is(kind: number): boolean {
    return (this.mode & S_IFMT) === kind;
  }
}

/** Whether the server says what kind of file it is. */
export function isKindKnown({ stMode }: SFTPAttributes): boolean {
  return stMode !== undefined && (stMode & S_IFMT) !== 0;
}

/** ATTRS as a field of messages. */
export const attributes: Field<SFTPAttributes> = {
  read(reader) {
    const read = new SFTPAttributes();
    // Flags that version 3 does not define are ignored: nothing is known about what would follow them.
    const flags = reader.u32();
    if (flags & SIZE) {
      const size = reader.u64();
      if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError(`a file of ${size} bytes`);
      read.stSize = Number(size);
    }
    if (flags & UIDGID) {
      read.stUid = reader.u32();
      read.stGid = reader.u32();
    }
    if (flags & PERMISSIONS) read.stMode = reader.u32();
    if (flags & ACMODTIME) {
      read.stAtime = reader.u32();
      read.stMtime = reader.u32();
    }
    if (flags & EXTENDED) {
      // Each takes 8 bytes at least, so a count that lies ends with the message.
      for (let count = reader.u32(); count > 0; count--) read.attr.set(reader.text(), new Uint8Array(reader.string()));
    }
    return read;
  },
  write(writer, value) {
    const { stSize, stUid, stGid, stMode, stAtime, stMtime, attr } = value;
    // On the wire it would become another number, which ends the other side's session.
    if (stSize !== undefined && !(Number.isSafeInteger(stSize) && stSize >= 0)) throw new UsageError(`not a size: ${stSize}`);
    const owned = stUid !== undefined && stGid !== undefined;
    const timed = stAtime !== undefined || stMtime !== undefined;
    writer.u32(
      (stSize === undefined ? 0 : SIZE) +
        (owned ? UIDGID : 0) +
        (stMode === undefined ? 0 : PERMISSIONS) +
        (timed ? ACMODTIME : 0) +
        (attr.size === 0 ? 0 : EXTENDED),
    );
    if (stSize !== undefined) writer.u64(BigInt(stSize));
    if (owned) writer.u32(stUid).u32(stGid);
    if (stMode !== undefined) writer.u32(stMode);
    if (timed) writer.u32(clampTime(stAtime ?? stMtime)).u32(clampTime(stMtime ?? stAtime));
    if (attr.size === 0) return;
    writer.u32(attr.size);
    for (const [name, data] of attr) writer.string(name).string(data);
  },
};

/** `drwxr-xr-x` and its like. */
export function modeText(mode: number | undefined): string {
  if (mode === undefined) return '?---------';
  const kinds = new Map([
    [S_IFDIR, 'd'],
    [S_IFLNK, 'l'],
    [S_IFREG, '-'],
    [S_IFCHR, 'c'],
    [S_IFBLK, 'b'],
    [S_IFIFO, 'p'],
    [S_IFSOCK, 's'],
  ]);
  const bits = (shift: number, special: number, letter: string) => {
    const three = (mode >> shift) & 7;
    const run = (three & 1) !== 0;
    const last = mode & special ? (run ? letter : letter.toUpperCase()) : run ? 'x' : '-';
    return `${three & 4 ? 'r' : '-'}${three & 2 ? 'w' : '-'}${last}`;
  };
  const kind = (mode & S_IFMT) === 0 ? '?' : (kinds.get(mode & S_IFMT) ?? '?');
  return kind + bits(6, 0o4000, 's') + bits(3, 0o2000, 's') + bits(0, 0o1000, 't');
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Always with the year and in UTC: what a listing says must not depend on where and when it is made. */
function listDate(seconds: number | undefined): string {
  if (seconds === undefined) return '(unknown date)';
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** Times are unsigned 32 bits: before 1970 and after 2106 there is nothing. */
function clampTime(seconds: number | undefined): number {
  return Math.min(Math.max(0, Math.floor(seconds ?? 0)), 0xffff_ffff);
}

function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
