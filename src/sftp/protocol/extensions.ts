// Requests beyond the draft: OpenSSH's (its PROTOCOL file, section 4) and check-file (draft-ietf-secsh-filexfer-extensions-00
// section 3). Each row is the request's name, what VERSION announces for it, and the payloads of EXTENDED and EXTENDED_REPLY.

import { bytes, type Field, type Fields, text, u32, type ValuesOf } from '../../wire/fields.ts';
import { Reader } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { attributes } from './attributes.ts';
import { offset } from './messages.ts';
import { path } from './names.ts';

export interface Payload<F> {
  encode(values: ValuesOf<F>): Uint8Array;
  /** @throws DecodeError for anything else than exactly these fields. */
  decode(data: Uint8Array): ValuesOf<F>;
}

export interface Extension<N extends string, Q, R> {
  readonly name: N;
  /** What VERSION says beside the name. */
  readonly version: string;
  readonly request: Payload<Q>;
  /** Null where STATUS is the answer; NAME where that is. */
  readonly reply: R;
}

function payload<F extends { [K in keyof F]: Field<never> | Field<unknown> }>(fields: F): Payload<F> {
  const entries = Object.entries(fields as unknown as Fields);
  return {
    encode(values) {
      const writer = new Writer();
      for (const [key, field] of entries) field.write(writer, (values as Record<string, unknown>)[key]);
      return writer.finish();
    },
    decode(data) {
      const reader = new Reader(data);
      const values: Record<string, unknown> = {};
      for (const [key, field] of entries) values[key] = field.read(reader);
      reader.end();
      return values as ValuesOf<F>;
    },
  };
}

function extension<const N extends string, Q extends { [K in keyof Q]: Field<never> | Field<unknown> }, R>(
  name: N,
  version: string,
  request: Q,
  reply: R,
): Extension<N, Q, R> {
  return { name, version, request: payload(request), reply };
}

const u64: Field<bigint> = { read: (reader) => reader.u64(), write: (writer, value) => void writer.u64(value) };

/** Numbers in a `string`, one after the other: users-groups-by-id@openssh.com. */
const numbers: Field<readonly number[]> = {
  read(reader) {
    const inner = new Reader(reader.string());
    const list: number[] = [];
    while (inner.remaining > 0) list.push(inner.u32());
    return list;
  },
  write(writer, list) {
    const inner = new Writer();
    for (const value of list) inner.u32(value);
    writer.string(inner.finish());
  },
};

/** Strings in a `string`. */
const texts: Field<readonly string[]> = {
  read(reader) {
    const inner = new Reader(reader.string());
    const list: string[] = [];
    while (inner.remaining > 0) list.push(inner.text());
    return list;
  },
  write(writer, list) {
    const inner = new Writer();
    for (const value of list) inner.string(value);
    writer.string(inner.finish());
  },
};

/** All that is left: the hashes of check-file, one block after the other. */
const remaining: Field<Uint8Array> = { read: (reader) => reader.rest(), write: (writer, value) => void writer.raw(value) };

/** What statvfs(3) knows; blocks are counted in `f_frsize`. */
const filesystem = {
  bsize: u64,
  frsize: u64,
  blocks: u64,
  bfree: u64,
  bavail: u64,
  files: u64,
  ffree: u64,
  favail: u64,
  fsid: u64,
  flag: u64,
  namemax: u64,
};

/** Bits of `flag` in statvfs. */
export const ST_RDONLY = 0x1;
export const ST_NOSUID = 0x2;

export const posixRename = extension('posix-rename@openssh.com', '1', { from: path, to: path }, null);
export const statvfs = extension('statvfs@openssh.com', '2', { path }, payload(filesystem));
export const fstatvfs = extension('fstatvfs@openssh.com', '2', { handle: bytes }, payload(filesystem));
export const hardlink = extension('hardlink@openssh.com', '1', { from: path, to: path }, null);
export const fsync = extension('fsync@openssh.com', '1', { handle: bytes }, null);
export const lsetstat = extension('lsetstat@openssh.com', '1', { path, attributes }, null);
export const limits = extension(
  'limits@openssh.com',
  '1',
  {},
  payload({ maxPacketLength: u64, maxReadLength: u64, maxWriteLength: u64, maxOpenHandles: u64 }),
);
/** The answer is a NAME. */
export const expandPath = extension('expand-path@openssh.com', '1', { path }, null);
/** Length 0 is up to the end of the file. */
export const copyData = extension(
  'copy-data',
  '1',
  { readHandle: bytes, readOffset: offset, length: offset, writeHandle: bytes, writeOffset: offset },
  null,
);
/** The answer is a NAME. */
export const homeDirectory = extension('home-directory', '1', { username: text }, null);
export const usersGroupsById = extension(
  'users-groups-by-id@openssh.com',
  '1',
  { uids: numbers, gids: numbers },
  payload({ usernames: texts, groupnames: texts }),
);
const checkFields = { algorithms: text, offset, length: offset, blockSize: u32 };
const checkReply = payload({ extension: text, algorithm: text, hashes: remaining });
export const checkFileHandle = extension('check-file-handle', '1', { handle: bytes, ...checkFields }, checkReply);
export const checkFileName = extension('check-file-name', '1', { path, ...checkFields }, checkReply);

/** How both check-file requests are announced: by this name, and the algorithms as its data. */
export const CHECK_FILE = 'check-file';

export type Statvfs = ValuesOf<typeof filesystem>;
