// A small file of a folder to a local file: OPEN, then READ and CLOSE in one flight, then the file here. One object per file, as in
// `small-put.ts`; whatever is out of the ordinary is left to `get-file.ts`, which begins again and reports.

import fs, { constants } from 'node:fs';
import { dataOf, framedHandleRequest, framedRead, isEnd } from '../../protocol/data.ts';
import { Close, Data, FXF_READ, Handle, Open } from '../../protocol/messages.ts';
import { attributesOf } from '../changes.ts';
import type { SFTPSession, Waiter } from '../session.ts';
import type { TransferCall } from './call.ts';
import { forNode } from './local-path.ts';
import { creationMode, preserveLocal } from './local-target.ts';
import type { FileJob } from './trees.ts';

/** Bytes. */
const SMALL = 65_536;
const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
const FLAGS = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK;
const NOTHING = attributesOf({});
const NOBODY: Waiter = { reply: () => {}, fail: () => {} };

/** Whether a file is one for {@link getSmall}. */
export function isSmallGet(call: TransferCall, session: SFTPSession, { attributes }: FileJob): boolean {
  const { resume, fsync, sparse } = call.options;
  if (resume || fsync || sparse || call.verifies === 'hash' || attributes.stSize === undefined) return false;
  return attributes.stSize < Math.min(SMALL, session.limits.maxReadLength);
}

/** Resolves with false where something was out of the ordinary. @throws `signal.reason` */
export function getSmall(call: TransferCall, session: SFTPSession, job: FileJob): Promise<boolean> {
  return new Promise((resolve, reject) => {
    new SmallGet(call, session, job, resolve, reject).begin();
  });
}

class SmallGet implements Waiter {
  readonly #call: TransferCall;
  readonly #session: SFTPSession;
  readonly #job: FileJob;
  readonly #resolve: (done: boolean) => void;
  readonly #reject: (error: unknown) => void;
  readonly #forget: () => void;
  readonly #size: number;
  #opened = false;
  /** The file here is open. */
  #writing = false;
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
    this.#size = job.attributes.size;
    this.#forget = call.onStop(() => {
      if (!this.#writing) this.#settle(false);
    });
  }

  begin(): void {
    // Nobody calls back for what was stopped before.
    if (this.#call.signal.aborted) {
      this.#settle(false);
      return;
    }
    try {
      const { from } = this.#job;
      this.#session.send((id) => Open.encode({ id, path: from, flags: FXF_READ, attributes: NOTHING }), this);
    } catch {
      this.#settle(false);
    }
  }

  reply(packet: Uint8Array): void {
    try {
      if (this.#opened) this.#data(packet);
      else this.#handle(packet);
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
    const session = this.#session;
    const { handle } = Handle.decode(packet);
    if (this.#call.signal.aborted) {
      session.release(handle);
      this.#settle(false);
      return;
    }
    this.#opened = true;
    // One byte more than there is: an answer without it says that there is no more.
    session.post(framedRead(session.allot(this), handle, 0, this.#size + 1));
    session.post(framedHandleRequest(Close.number, session.allot(NOBODY), handle));
  }

  #data(packet: Uint8Array): void {
    const size = this.#size;
    if (this.#call.signal.aborted) {
      this.#settle(false);
    } else if (packet[0] === Data.number) {
      const data = dataOf(packet);
      if (data.length === size) this.#open(data, packet);
      else this.#settle(false);
    } else if (size === 0 && isEnd(packet)) {
      this.#open(new Uint8Array(0), packet);
    } else {
      this.#settle(false);
    }
  }

  #open(data: Uint8Array, packet: Uint8Array): void {
    const { to, attributes, folder } = this.#job;
    const { pace, options } = this.#call;
    const mode = creationMode(attributes.stMode);
    this.#writing = true;
    if (!options.preserve && pace.isQuick(folder.to)) {
      const good = pace.step(() => writeNow(forNode(to), mode, data));
      this.#session.recycle(packet);
      this.#written(good);
      return;
    }
    fs.open(forNode(to), FLAGS, mode, (error, fd) => {
      if (error === null) this.#write(fd, data, packet);
      else this.#written(false);
    });
  }

  #write(fd: number, data: Uint8Array, packet: Uint8Array): void {
    fs.write(fd, data, 0, data.length, 0, (error, count) => {
      this.#session.recycle(packet);
      const good = error === null && count === data.length;
      if (good && this.#call.options.preserve) {
        preserveLocal(fd, this.#job.attributes).then(
          () => this.#close(fd, true),
          () => this.#close(fd, false),
        );
      } else {
        this.#close(fd, good);
      }
    });
  }

  #close(fd: number, good: boolean): void {
    fs.close(fd, (error) => this.#written(good && error === null));
  }

  #written(done: boolean): void {
    this.#writing = false;
    this.#settle(done);
  }

  #settle(done: boolean): void {
    const { signal } = this.#call;
    this.#forget();
    if (signal.aborted) {
      this.#reject(signal.reason);
      return;
    }
    if (done) {
      this.#call.count(this.#job.count, this.#size);
      this.#call.finished(this.#job.count);
    }
    this.#resolve(done);
  }
}

/** Whether that worked. */
function writeNow(path: string | Buffer, mode: number, data: Uint8Array): boolean {
  try {
    const fd = fs.openSync(path, FLAGS, mode);
    try {
      return fs.writeSync(fd, data, 0, data.length, 0) === data.length;
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return false;
  }
}
