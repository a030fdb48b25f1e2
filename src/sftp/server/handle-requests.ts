// Requests that open files and folders, and those about what is open (draft-ietf-secsh-filexfer-02 sections 6.3, 6.4, 6.7). READ's
// data goes from the hook into the very buffer that is sent, WRITE's from the packet into the hook.

import { constants } from 'node:fs';
import type { ValuesOf } from '../../wire/fields.ts';
import { DATA_HEADER_BYTES, putDataHeader, writeOf } from '../protocol/data.ts';
import {
  type Close,
  type Fsetstat,
  type Fstat,
  FXF_APPEND,
  FXF_CREAT,
  FXF_EXCL,
  FXF_READ,
  FXF_TRUNC,
  FXF_WRITE,
  type Open,
  type Opendir,
  type Read,
  type Readdir,
} from '../protocol/messages.ts';
import { SFTP_EOF, SFTP_FAILURE } from '../protocol/status.ts';
import { SFTPHandle } from './handle.ts';
import { closeOpen } from './handle-table.ts';
import { NAMES_BYTES, OpenListing } from './listing.ts';
import { CHANGES, READS, RESTRUCTURES } from './order.ts';
import { Refusal } from './outcome.ts';
import { checkedPath, MAX_DATA_BYTES, type Plan, type Serving, touching } from './plan.ts';
import { readFileInto } from './reading.ts';
import { attributesReply, handleReply, okReply, refusalReply, statusReply } from './replies.ts';

type Request<M extends { readonly fields: object }> = ValuesOf<M['fields']>;

export function planOpen(serving: Serving, request: Request<typeof Open>): Plan {
  const { id, attributes } = request;
  const path = checkedPath(request.path);
  const flags = openFlags(request.flags);
  const writable = (request.flags & FXF_WRITE) !== 0;
  const readable = (request.flags & FXF_READ) !== 0 || !writable;
  const effect = flags & constants.O_CREAT ? RESTRUCTURES : flags & constants.O_TRUNC ? CHANGES : READS;
  const { handles, fileSystem } = serving;
  const serve = async () => {
    const place = handles.reserve();
    try {
      const file = await fileSystem.open(path, flags, attributes);
      if (typeof file === 'number') return refusalReply(id, file);
      if (!(file instanceof SFTPHandle)) throw new TypeError('a hook opened something that is no SFTPHandle');
      if (serving.over) {
        await file.close();
        throw new Refusal(SFTP_FAILURE);
      }
      return handleReply(id, place.file(path, file, { readable, writable }));
    } finally {
      place.release();
    }
  };
  return { touches: touching(effect, path), serve };
}

export function planOpendir(serving: Serving, request: Request<typeof Opendir>): Plan {
  const { id } = request;
  const path = checkedPath(request.path);
  const { handles, fileSystem } = serving;
  const serve = async () => {
    const place = handles.reserve();
    try {
      const entries = await fileSystem.listFolder(path);
      if (typeof entries === 'number') return refusalReply(id, entries);
      const listing = new OpenListing(entries);
      if (serving.over) {
        await listing.close();
        throw new Refusal(SFTP_FAILURE);
      }
      return handleReply(id, place.folder(path, listing));
    } finally {
      place.release();
    }
  };
  return { touches: touching(READS, path), serve };
}

/** The handle is the client's no more from now on, whatever closing says. */
export function planClose({ handles }: Serving, { id, handle }: Request<typeof Close>): Plan {
  const open = handles.take(handle);
  const serve = async () => {
    await closeOpen(open);
    return okReply(id);
  };
  return { touches: open.closing, always: true, serve };
}

export function planRead({ handles, replies }: Serving, request: Request<typeof Read>): Plan {
  const { id, offset } = request;
  const { file, reading, reads } = handles.readable(request.handle);
  const header = 4 + DATA_HEADER_BYTES;
  const wanted = Math.min(request.length, MAX_DATA_BYTES);
  const serve = async () => {
    const framed = replies.borrow(header + wanted);
    let count = 0;
    try {
      // Nothing was asked for, nothing is the answer: it is no end of the file.
      if (wanted > 0) count = await readFileInto(file, framed.subarray(header, header + wanted), offset);
    } catch (error) {
      replies.back(framed);
      throw error;
    }
    if (count === 0 && wanted > 0) {
      replies.back(framed);
      return statusReply(id, SFTP_EOF);
    }
    putDataHeader(framed, id, count);
    return framed.subarray(0, header + count);
  };
  return { touches: reading, bytes: header + wanted, answer: reads.enter(), serve };
}

export function planWrite({ handles, recycle }: Serving, packet: Uint8Array): Plan {
  const { id, handle, offset, data } = writeOf(packet);
  const { file, writing } = handles.writable(handle);
  const serve = async () => {
    const status = await file.write(offset, data);
    recycle(packet);
    return statusReply(id, status);
  };
  return { touches: writing, serve };
}

export function planFstat({ handles }: Serving, { id, handle }: Request<typeof Fstat>): Plan {
  const { file, reading } = handles.file(handle);
  return { touches: reading, serve: async () => attributesReply(id, await file.stat()) };
}

/** A file that was opened for reading is not changed by its handle either: whoever refuses to open it for more has refused this. */
export function planFsetstat({ handles }: Serving, { id, handle, attributes }: Request<typeof Fsetstat>): Plan {
  const { file, writing } = handles.writable(handle);
  return { touches: writing, serve: async () => statusReply(id, await file.chattr(attributes)) };
}

export function planReaddir({ handles }: Serving, { id, handle }: Request<typeof Readdir>): Plan {
  const { listing, moving } = handles.folder(handle);
  return { touches: moving, bytes: NAMES_BYTES, serve: () => listing.next(id) };
}

/** OPEN's flags as open(2) has them. */
function openFlags(flags: number): number {
  const writes = (flags & FXF_WRITE) !== 0;
  let open = writes ? (flags & FXF_READ ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  if (flags & FXF_CREAT) open |= constants.O_CREAT;
  if (flags & FXF_EXCL) open |= constants.O_EXCL;
  // On Linux O_TRUNC empties a file that is opened for reading as well, past a hook that looks for writers only.
  if (writes && flags & FXF_TRUNC) open |= constants.O_TRUNC;
  if (writes && flags & FXF_APPEND) open |= constants.O_APPEND;
  return open;
}
