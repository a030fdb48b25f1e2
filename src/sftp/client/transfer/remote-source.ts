// A remote file to read: looked at, opened, then poured into whatever takes it. It is looked at first, as OpenSSH's sftp does: to
// open a pipe waits for whoever writes to it, and OpenSSH's server, which does one thing at a time, would answer nothing more.

import type { SSHError } from '../../../errors.ts';
import type { SFTPAttributes } from '../../protocol/attributes.ts';
import { FXF_READ } from '../../protocol/messages.ts';
import { Download } from '../download.ts';
import { mustBeFile, openHandle } from '../handles.ts';
import { fstat, stat } from '../questions.ts';
import type { SFTPSession } from '../session.ts';
import type { TransferCall } from './call.ts';

/** Lets the bytes go; `kept` where somebody still looks at them, so that their buffer is not used again. */
export type Release = (error?: unknown, kept?: boolean) => void;

/** Takes the next bytes of a file, a view. `done` is to be called for each, in any order; after the first time it does nothing. */
export type Taker = (data: Uint8Array, position: number, done: Release) => void;

export class RemoteSource {
  readonly session: SFTPSession;
  readonly path: string;
  readonly handle: Uint8Array;
  /** Null where the server does not say. */
  readonly attributes: SFTPAttributes | null;
  #closed = false;

  /**
   * With `known` attributes, from a listing, it is opened and no more.
   * @throws SFTPError, EISDIR for a folder, ENOTSUP for a pipe or a device
   */
  static async open(call: TransferCall, session: SFTPSession, path: string, known?: SFTPAttributes): Promise<RemoteSource> {
    // The answer to `limits`, which has been asked for long ago, says how much can be read at once.
    await call.until(session.knowLimits());
    // Where it can't be looked at, opening it says why.
    const seen = known ?? (await stat(session, path, call.call).catch(() => null));
    call.signal.throwIfAborted();
    mustBeFile(seen, { operation: 'get', path });
    const handle = await call.untilOpen(session, openHandle(session, path, FXF_READ, undefined));
    try {
      const attributes = seen ?? (await fstat(session, handle, path, call.call).catch(() => null));
      call.signal.throwIfAborted();
      mustBeFile(attributes, { operation: 'get', path });
      return new RemoteSource(session, path, handle, attributes);
    } catch (error) {
      session.release(handle);
      throw error;
    }
  }

  private constructor(session: SFTPSession, path: string, handle: Uint8Array, attributes: SFTPAttributes | null) {
    this.session = session;
    this.path = path;
    this.handle = handle;
    this.attributes = attributes;
  }

  /** Bytes; undefined where the server does not say. */
  get size(): number | undefined {
    return this.attributes?.stSize;
  }

  /** Nobody has to wait for it: what was read has been read. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.session.release(this.handle);
  }

  /**
   * Reads from `start` to the end, and resolves with where that is when `take` is done with everything.
   * @throws SFTPError, the session's error, `signal.reason`, what `take` fails with
   */
  pour(call: TransferCall, start: number, take: Taker): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      const { signal } = call;
      let taken = 0;
      let released = 0;
      let end: number | null = null;
      let settled = false;
      const settle = (finish: () => void) => {
        if (settled) return;
        settled = true;
        forget();
        download.stop();
        finish();
      };
      const fail = (error: unknown) => settle(() => reject(error));
      const abort = () => fail(signal.reason);
      const forget = call.onStop(abort);
      const look = () => {
        if (end !== null && released === taken) settle(() => resolve(end as number));
      };
      const sink = {
        data: (data: Uint8Array, position: number, packet: Uint8Array) => {
          taken += data.length;
          let gone = false;
          const done: Release = (error, kept) => {
            if (error !== undefined) fail(error);
            if (gone) return;
            gone = true;
            released += data.length;
            if (!settled) download.release(data.length, kept ? undefined : packet);
            look();
          };
          // This is called by the session, which must not suffer from what goes wrong here.
          try {
            take(data, position, done);
          } catch (error) {
            fail(error);
          }
        },
        end: (position: number) => {
          end = position;
          look();
        },
        fail: (error: SSHError) => fail(error),
      };
      const what = { operation: 'read', path: this.path };
      const expected = this.attributes?.stSize ?? 0;
      const download = new Download(this.session, this.handle, what, sink, { start, expected, ...depth(call, this.session) });
      if (signal.aborted) {
        abort();
        return;
      }
      try {
        download.start();
      } catch (error) {
        fail(error);
      }
    });
  }
}

/** The seed's options as a number of bytes. */
function depth(call: TransferCall, session: SFTPSession): { mostBytes?: number } {
  const { prefetch, maxConcurrentPrefetchRequests } = call.options;
  const most = prefetch === false ? 1 : (maxConcurrentPrefetchRequests ?? 0);
  return most > 0 ? { mostBytes: most * session.limits.maxReadLength } : {};
}
