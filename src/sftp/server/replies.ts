// The answers of a server, each with its length before it, ready to be posted.

import { writeU32 } from '../../bytes/bytes.ts';
import { Writer } from '../../wire/writer.ts';
import { attributes as attributesField, type SFTPAttributes } from '../protocol/attributes.ts';
import { Attrs, ExtendedReply, Handle, Name, Status, VERSION, Version } from '../protocol/messages.ts';
import { encodeName } from '../protocol/names.ts';
import { SFTP_OK, type SFTPStatus } from '../protocol/status.ts';
import { longname } from './longname.ts';
import { type Outcome, outcomeInsteadOf, outcomeOfError, outcomeOfStatus } from './outcome.ts';

function begin(type: number, id: number): Writer {
  return new Writer().u32(0).u8(type).u32(id);
}

function end(writer: Writer): Uint8Array {
  const framed = writer.finish();
  writeU32(framed, 0, framed.length - 4);
  return framed;
}

export function versionReply(extensions: ReadonlyMap<string, string>): Uint8Array {
  const writer = new Writer().u32(0).u8(Version.number).u32(VERSION);
  for (const [name, data] of extensions) writer.string(name).string(data);
  return end(writer);
}

function outcomeReply(id: number, { status, text }: Outcome): Uint8Array {
  return end(begin(Status.number, id).u32(status).string(text).string(''));
}

/** STATUS for what a hook has returned. */
export function statusReply(id: number, status: SFTPStatus): Uint8Array {
  return outcomeReply(id, outcomeOfStatus(status));
}

export function okReply(id: number): Uint8Array {
  return statusReply(id, SFTP_OK);
}

/** STATUS for what was thrown. */
export function errorReply(id: number, error: unknown): Uint8Array {
  return outcomeReply(id, outcomeOfError(error));
}

/** STATUS for one that a hook has returned where something else was due. */
export function refusalReply(id: number, status: SFTPStatus): Uint8Array {
  return outcomeReply(id, outcomeInsteadOf(status));
}

/** What `reply` makes of a result, or STATUS where the hook has returned one instead. */
export function replyWith<T extends object | string>(
  id: number,
  result: T | SFTPStatus,
  reply: (result: T) => Uint8Array,
): Uint8Array {
  return typeof result === 'number' ? refusalReply(id, result) : reply(result);
}

export function handleReply(id: number, handle: Uint8Array): Uint8Array {
  return end(begin(Handle.number, id).string(handle));
}

export function attributesReply(id: number, result: SFTPAttributes | SFTPStatus): Uint8Array {
  return replyWith(id, result, (attributes) => {
    const writer = begin(Attrs.number, id);
    attributesField.write(writer, attributes);
    return end(writer);
  });
}

/** NAME with one name and nothing known about it, as REALPATH and READLINK are answered. */
export function pathReply(id: number, result: string | SFTPStatus): Uint8Array {
  return replyWith(id, result, (path) => {
    const bytes = encodeName(path);
    return end(begin(Name.number, id).u32(1).string(bytes).string(bytes).u32(0));
  });
}

export function extendedReply(id: number, data: Uint8Array): Uint8Array {
  return end(begin(ExtendedReply.number, id).raw(data));
}

/** NAME with the entries of a folder, one after the other. */
export class ListingReply {
  readonly #writer: Writer;
  #count = 0;

  constructor(id: number) {
    this.#writer = begin(Name.number, id).u32(0);
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#writer.length;
  }

  /** @throws UsageError for a name that stands for no bytes, RangeError for a size that is none */
  add(entry: SFTPAttributes, now: number): void {
    const name = encodeName(entry.filename ?? '');
    const line = entry.longname === undefined ? longname(entry, name, now) : encodeName(entry.longname);
    // On the side: of an entry that turns out to be none, nothing must stay.
    const writer = new Writer().string(name).string(line);
    attributesField.write(writer, entry);
    this.#writer.raw(writer.finish());
    this.#count++;
  }

  finish(): Uint8Array {
    const framed = end(this.#writer);
    writeU32(framed, 9, this.#count);
    return framed;
  }
}
