// The messages of SFTP version 3 (draft-ietf-secsh-filexfer-02), one row each in the draft's order and words: a byte for the type,
// the request's number, the fields. The frame around them (a length before each) is framing.ts's. READ's answer and WRITE carry
// the bulk of all bytes, so both ends read and write those two by hand (`data.ts`).

import { bytes, type Field, rest, text, u32 } from '../../wire/fields.ts';
import { message } from '../../wire/message.ts';
import { DecodeError } from '../../wire/reader.ts';
import { attributes, type SFTPAttributes } from './attributes.ts';
import { path } from './names.ts';

/** The version that both sides speak: OpenSSH's, and with it nearly everybody's. */
export const VERSION = 3;

/** Flags of OPEN (section 6.3). */
export const FXF_READ = 0x01;
export const FXF_WRITE = 0x02;
export const FXF_APPEND = 0x04;
export const FXF_CREAT = 0x08;
export const FXF_TRUNC = 0x10;
export const FXF_EXCL = 0x20;

const id = u32;
const handle = bytes;
const u64: Field<number> = {
  read(reader) {
    const value = reader.u64();
    // Offsets and lengths that no file has; Number could not hold them exactly.
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError(`an offset of ${value}`);
    return Number(value);
  },
  write: (writer, value) => void writer.u64(BigInt(value)),
};

/** Pairs of a name and its data, up to the end (section 4). */
const extensionPairs: Field<ReadonlyMap<string, Uint8Array>> = {
  read(reader) {
    const pairs = new Map<string, Uint8Array>();
    while (reader.remaining > 0) pairs.set(reader.text(), reader.string());
    return pairs;
  },
  write(writer, pairs) {
    for (const [name, data] of pairs) writer.string(name).string(data);
  },
};

/** One name in a NAME. */
const names: Field<readonly SFTPAttributes[]> = {
  read(reader) {
    const list: SFTPAttributes[] = [];
    // Each takes 8 bytes at least, so a count that lies ends with the message.
    for (let count = reader.u32(); count > 0; count--) {
      const filename = path.read(reader);
      const longname = reader.text();
      const entry = attributes.read(reader);
      entry.filename = filename;
      entry.longname = longname;
      list.push(entry);
    }
    return list;
  },
  write(writer, list) {
    writer.u32(list.length);
    for (const entry of list) {
      path.write(writer, entry.filename ?? '');
      writer.string(entry.longname ?? entry.toString());
      attributes.write(writer, entry);
    }
  },
};

/** Text that servers older than the draft leave out. */
const optionalText: Field<string> = {
  read: (reader) => (reader.remaining === 0 ? '' : reader.text()),
  write: (writer, value) => void writer.string(value),
};

export const Init = message('SSH_FXP_INIT', 1, { version: u32, extensions: extensionPairs });
export const Version = message('SSH_FXP_VERSION', 2, { version: u32, extensions: extensionPairs });
export const Open = message('SSH_FXP_OPEN', 3, { id, path, flags: u32, attributes });
export const Close = message('SSH_FXP_CLOSE', 4, { id, handle });
export const Read = message('SSH_FXP_READ', 5, { id, handle, offset: u64, length: u32 });
export const Write = message('SSH_FXP_WRITE', 6, { id, handle, offset: u64, data: bytes });
export const Lstat = message('SSH_FXP_LSTAT', 7, { id, path });
export const Fstat = message('SSH_FXP_FSTAT', 8, { id, handle });
export const Setstat = message('SSH_FXP_SETSTAT', 9, { id, path, attributes });
export const Fsetstat = message('SSH_FXP_FSETSTAT', 10, { id, handle, attributes });
export const Opendir = message('SSH_FXP_OPENDIR', 11, { id, path });
export const Readdir = message('SSH_FXP_READDIR', 12, { id, handle });
export const Remove = message('SSH_FXP_REMOVE', 13, { id, path });
export const Mkdir = message('SSH_FXP_MKDIR', 14, { id, path, attributes });
export const Rmdir = message('SSH_FXP_RMDIR', 15, { id, path });
export const Realpath = message('SSH_FXP_REALPATH', 16, { id, path });
export const Stat = message('SSH_FXP_STAT', 17, { id, path });
export const Rename = message('SSH_FXP_RENAME', 18, { id, from: path, to: path });
export const Readlink = message('SSH_FXP_READLINK', 19, { id, path });
/** The draft has the link first; OpenSSH has the target first, and everybody follows (OpenSSH PROTOCOL section 4.1). */
export const Symlink = message('SSH_FXP_SYMLINK', 20, { id, target: path, link: path });
export const Status = message('SSH_FXP_STATUS', 101, { id, status: u32, message: optionalText, language: optionalText });
export const Handle = message('SSH_FXP_HANDLE', 102, { id, handle });
export const Data = message('SSH_FXP_DATA', 103, { id, data: bytes });
export const Name = message('SSH_FXP_NAME', 104, { id, names });
export const Attrs = message('SSH_FXP_ATTRS', 105, { id, attributes });
export const Extended = message('SSH_FXP_EXTENDED', 200, { id, request: text, data: rest });
export const ExtendedReply = message('SSH_FXP_EXTENDED_REPLY', 201, { id, data: rest });

/** All rows, for the tests and for whoever decodes by number. */
export const messages = [
  Init,
  Version,
  Open,
  Close,
  Read,
  Write,
  Lstat,
  Fstat,
  Setstat,
  Fsetstat,
  Opendir,
  Readdir,
  Remove,
  Mkdir,
  Rmdir,
  Realpath,
  Stat,
  Rename,
  Readlink,
  Symlink,
  Status,
  Handle,
  Data,
  Name,
  Attrs,
  Extended,
  ExtendedReply,
] as const;

export { u64 as offset };
