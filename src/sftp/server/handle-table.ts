// The open files and folders of a session, by the handles that the client has for them. A handle is 8 bytes, a counter and chance:
// one that was closed, guessed or made up leads nowhere ("the server MUST perform adequate checks on the handle", the draft's
// section 6), and no handle is used twice.

import { randomBytes } from 'node:crypto';
import { readU32, writeU32 } from '../../bytes/bytes.ts';
import { SFTP_FAILURE, SFTP_PERMISSION_DENIED } from '../protocol/status.ts';
import { AnswerLine } from './answer-line.ts';
import type { SFTPHandle } from './handle.ts';
import type { OpenListing } from './listing.ts';
import { CHANGES, type Effect, handleKey, pathKey, READS, type Touch } from './order.ts';
import { Refusal } from './outcome.ts';

const HANDLE_BYTES = 8;

/** What requests on it touch: the handle itself and what it leads to. */
interface Touches {
  /** Looks at both. */
  readonly reading: readonly Touch[];
  /** Changes the handle's own state and looks at the file. */
  readonly moving: readonly Touch[];
  /** Changes the file. */
  readonly writing: readonly Touch[];
  /** Ends the handle, and with it what is written through it. */
  readonly closing: readonly Touch[];
}

export interface OpenFile extends Touches {
  /** As the client wrote it. */
  readonly path: string;
  readonly file: SFTPHandle;
  /** What the client asked for when it opened the file: it gets no more, whatever the hook's object can do. */
  readonly readable: boolean;
  readonly writable: boolean;
  readonly reads: AnswerLine;
}

export interface OpenFolder extends Touches {
  readonly listing: OpenListing;
}

/** Room for one more handle: filled once, or given back. */
export interface Place {
  file(path: string, file: SFTPHandle, access: { readable: boolean; writable: boolean }): Uint8Array;
  folder(path: string, listing: OpenListing): Uint8Array;
  /** Without effect where it has been filled. */
  release(): void;
}

export class HandleTable {
  readonly #limit: number;
  readonly #open = new Map<number, { chance: number; open: OpenFile | OpenFolder }>();
  #reserved = 0;
  #serial = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Before a hook is asked to open something. @throws Refusal at the limit */
  reserve(): Place {
    if (this.#open.size + this.#reserved >= this.#limit) throw new Refusal(SFTP_FAILURE, 'Too many open files');
    this.#reserved++;
    let taken = true;
    const release = () => {
      if (taken) this.#reserved--;
      taken = false;
    };
    const fill = (make: (serial: number) => OpenFile | OpenFolder) => {
      release();
      return this.#add(make);
    };
    return {
      file: (path, file, { readable, writable }) =>
        fill((serial) => ({ ...touches(path, serial, writable), path, file, readable, writable, reads: new AnswerLine() })),
      folder: (path, listing) => fill((serial) => ({ ...touches(path, serial, false), listing })),
      release,
    };
  }

  /** @throws Refusal */
  file(handle: Uint8Array): OpenFile {
    const open = this.#find(handle);
    if (!('file' in open)) throw invalid();
    return open;
  }

  /** A file that the client has opened for reading. @throws Refusal */
  readable(handle: Uint8Array): OpenFile {
    const open = this.file(handle);
    if (!open.readable) throw new Refusal(SFTP_PERMISSION_DENIED);
    return open;
  }

  /** A file that the client has opened for writing. @throws Refusal */
  writable(handle: Uint8Array): OpenFile {
    const open = this.file(handle);
    if (!open.writable) throw new Refusal(SFTP_PERMISSION_DENIED);
    return open;
  }

  /** @throws Refusal */
  folder(handle: Uint8Array): OpenFolder {
    const open = this.#find(handle);
    if (!('listing' in open)) throw invalid();
    return open;
  }

  /** Takes it out of the table: from now on nobody finds it. @throws Refusal */
  take(handle: Uint8Array): OpenFile | OpenFolder {
    const open = this.#find(handle);
    this.#open.delete(readU32(handle, 0));
    return open;
  }

  takeAll(): (OpenFile | OpenFolder)[] {
    const all = [...this.#open.values()].map(({ open }) => open);
    this.#open.clear();
    return all;
  }

  #add(make: (serial: number) => OpenFile | OpenFolder): Uint8Array {
    // Nobody opens 2^32 files in one session while one of the first is still open.
    const serial = this.#serial;
    this.#serial = (serial + 1) >>> 0;
    const handle = new Uint8Array(HANDLE_BYTES);
    handle.set(randomBytes(HANDLE_BYTES - 4), 4);
    writeU32(handle, 0, serial);
    this.#open.set(serial, { chance: readU32(handle, 4), open: make(serial) });
    return handle;
  }

  #find(handle: Uint8Array): OpenFile | OpenFolder {
    const found = handle.length === HANDLE_BYTES ? this.#open.get(readU32(handle, 0)) : undefined;
    if (found === undefined || found.chance !== readU32(handle, 4)) throw invalid();
    return found.open;
  }
}

export async function closeOpen(open: OpenFile | OpenFolder): Promise<void> {
  if ('file' in open) await open.file.close();
  else await open.listing.close();
}

function touches(path: string, serial: number, writable: boolean): Touches {
  const [handle, file] = [handleKey(serial), pathKey(path)];
  const both = (own: Effect, its: Effect): Touch[] => [
    { key: handle, effect: own },
    { key: file, effect: its },
  ];
  const [moving, writing] = [both(CHANGES, READS), both(CHANGES, CHANGES)];
  return { reading: both(READS, READS), moving, writing, closing: writable ? writing : moving };
}

function invalid(): Refusal {
  return new Refusal(SFTP_FAILURE, 'Invalid handle');
}
