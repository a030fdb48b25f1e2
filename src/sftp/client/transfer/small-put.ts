// A small file of a folder to the server: read as a whole, then OPEN, and all the rest in one flight. Thousands of them are a matter
// of how much is done for each here, so this is one object per file that waits for its own answers, without a promise for each.
//
// It knows the usual course only. Whatever else happens, the file is left to `put-file.ts`, which begins again and reports.

import fs, { constants } from 'node:fs';
import { framedHandleRequest, isOk, putWriteHeader, sizeIn, writeHeaderBytes } from '../../protocol/data.ts';
import { Close, Fsetstat, Fstat, FXF_CREAT, FXF_TRUNC, FXF_WRITE, Handle, Open } from '../../protocol/messages.ts';
import { attributesOf } from '../changes.ts';
import type { SFTPSession, Waiter } from '../session.ts';
import { HEADER_ROOM_BYTES } from '../upload.ts';
import type { TransferCall } from './call.ts';
import type { Frames } from './frames.ts';
import { forNode } from './local-path.ts';
import { creationMode } from './local-target.ts';
import { preserved } from './remote-target.ts';
import type { FileJob } from './trees.ts';

/** Bytes. */
const SMALL = 16_383;
const FLAGS = FXF_WRITE | FXF_CREAT | FXF_TRUNC;
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/** Whether a file is one for {@link putSmall}. */
export function isSmallPut(call: TransferCall, session: SFTPSession, { attributes }: FileJob): boolean {
  const { resume, fsync } = call.options;
  if (resume || fsync || call.verifies === 'hash') return false;
  return attributes.size < Math.min(SMALL, session.limits.maxWriteLength);
}

/** Resolves with false where something was out of the ordinary. @throws `signal.reason` */
export function putSmall(call: TransferCall, session: SFTPSession, job: FileJob): Promise<boolean> {
  return new Promise((resolve, reject) => {
    new SmallPut(call, session, job, resolve, reject).begin();
  });
}

class SmallPut implements Waiter {
  readonly #call: TransferCall;
  readonly #session: SFTPSession;
  readonly #job: FileJob;
  readonly #resolve: (done: boolean) => void;
  readonly #reject: (error: unknown) => void;
  readonly #forget: () => void;
  readonly #frames: Frames;
  #frame: Buffer | null = null;
  #bytes = 0;
  /** The file here is open. */
  #reading = true;
  #opened = false;
  /** Answers that are still to come. */
  #left = 0;
  #good = true;
  sentAt?: number;

  constructor(
    call: TransferCall,
    session: SFTPSession,
    job: FileJob,
    resolve: (done: boolean) => void,
    reject: (error: unknown) => void,
  ) {
    this.#call = call;
    this.#session = session;
    this.#job = job;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#frames = call.frames.for(SMALL, session.limits.maxWriteLength);
    this.#forget = call.onStop(() => {
      if (!this.#reading) this.#settle(false);
    });
  }

  begin(): void {
    const { from, followed, folder } = this.#job;
    const flags = followed ? READ_ONLY : READ_ONLY | NO_FOLLOW;
    const frame = this.#frames.take();
    this.#frame = frame;
    const { pace } = this.#call;
    // What a link leads to may be anywhere.
    if (!followed && pace.isQuick(folder.from)) {
      this.#haveRead(pace.step(() => readNow(forNode(from), flags, frame)));
      return;
    }
    fs.open(forNode(from), flags, (error, fd) => {
      if (error !== null) this.#haveRead(-1);
      else this.#read(fd, frame);
    });
  }

  #read(fd: number, frame: Buffer): void {
    fs.read(fd, frame, HEADER_ROOM_BYTES, frame.length - HEADER_ROOM_BYTES, 0, (error, bytes) => {
      fs.close(fd, (failure) => this.#haveRead(error === null && failure === null ? bytes : -1));
    });
  }

  #haveRead(bytes: number): void {
    this.#reading = false;
    this.#bytes = bytes;
    if (bytes === this.#job.attributes.size && !this.#call.signal.aborted) this.#open();
    else this.#settle(false);
  }

  #open(): void {
    const { to, attributes } = this.#job;
    try {
      const mode = attributesOf({ stMode: creationMode(attributes.stMode) });
      this.#session.send((id) => Open.encode({ id, path: to, flags: FLAGS, attributes: mode }), this);
    } catch {
      this.#settle(false);
    }
  }

  reply(packet: Uint8Array): void {
    if (this.#opened) {
      this.#answer(isOk(packet));
      return;
    }
    try {
      this.#handle(packet);
    } catch {
      this.#settle(false);
    }
  }

  fail(): void {
    this.#settle(false);
  }

  #handle(packet: Uint8Array): void {
    if (packet[0] !== Handle.number) {
      this.#settle(false);
      return;
    }
    const handle = new Uint8Array(Handle.decode(packet).handle);
    if (this.#call.signal.aborted || handle.length > 256) {
      this.#session.release(handle);
      this.#settle(false);
      return;
    }
    this.#opened = true;
    this.#send(handle, this.#frame as Buffer);
  }

  /** All of it: a server handles the requests for one file in the order in which they come. */
  #send(handle: Uint8Array, frame: Buffer): void {
    const session = this.#session;
    if (this.#bytes > 0) {
      const start = HEADER_ROOM_BYTES - writeHeaderBytes(handle.length);
      const framed = frame.subarray(start, HEADER_ROOM_BYTES + this.#bytes);
      putWriteHeader(framed, this.#allot(this), handle, 0, this.#bytes);
      session.post(framed);
    }
    const changes = preserved(this.#call, this.#job.attributes);
    if (changes !== null) {
      const attributes = attributesOf(changes);
      this.#left++;
      session.send((id) => Fsetstat.encode({ id, handle, attributes }), this);
    }
    if (this.#call.verifies !== false) {
      const size = { reply: (packet: Uint8Array) => this.#answer(sizeIn(packet) === this.#bytes), fail: () => this.fail() };
      session.post(framedHandleRequest(Fstat.number, this.#allot(size), handle));
    }
    session.post(framedHandleRequest(Close.number, this.#allot(this), handle));
  }

  #allot(waiter: Waiter): number {
    this.#left++;
    return this.#session.allot(waiter);
  }

  #answer(good: boolean): void {
    this.#good &&= good;
    if (--this.#left > 0) return;
    this.#settle(this.#good);
  }

  #settle(done: boolean): void {
    const { tally, signal } = this.#call;
    this.#forget();
    // It has been copied on its way out, unless somebody has left before.
    if (done && this.#frame !== null) this.#frames.giveBack(this.#frame);
    this.#frame = null;
    if (signal.aborted) {
      this.#reject(signal.reason);
      return;
    }
    if (done) {
      const { count } = this.#job;
      tally.resize(count, this.#bytes);
      this.#call.count(count, this.#bytes);
      this.#call.finished(count);
    }
    this.#resolve(done);
  }
}

/** The number of bytes, -1 where that did not work. */
function readNow(path: string | Buffer, flags: number, frame: Buffer): number {
  try {
    const fd = fs.openSync(path, flags);
    try {
      return fs.readSync(fd, frame, HEADER_ROOM_BYTES, frame.length - HEADER_ROOM_BYTES, 0);
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return -1;
  }
}
