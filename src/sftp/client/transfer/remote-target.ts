// A remote file that is being written. All that follows the last byte (attributes, fsync, the check of its size, CLOSE) leaves right
// behind it: a server handles the requests for one file in the order in which they come (draft-ietf-secsh-filexfer-02 section 6.1),
// so that a small file takes two round trips. With several lanes there is no such order, and the acknowledgements come first.
//
// Where it fails the file stays with its beginning, for `resume`: what may lie behind a gap is cut off as long as anybody can.

import type { SFTPAttributes } from '../../protocol/attributes.ts';
import { fsync } from '../../protocol/extensions.ts';
import { FXF_CREAT, FXF_TRUNC, FXF_WRITE } from '../../protocol/messages.ts';
import { type Changes, fsetstat, setstat } from '../changes.ts';
import { performExtended } from '../extended.ts';
import { INITIAL_BYTES } from '../flight.ts';
import { closeHandle, openHandle } from '../handles.ts';
import { Lanes } from '../lanes.ts';
import { fstat, stat } from '../questions.ts';
import type { SFTPSession } from '../session.ts';
import { Upload, type Written } from '../upload.ts';
import type { TransferCall } from './call.ts';
import { Extent } from './extent.ts';
import { fileError, type TransferName, transferError } from './failure.ts';
import type { RemoteEnd } from './options.ts';

/** Bytes that may be under way over several lanes, from the first that is not acknowledged: no gap is longer. */
export const SPAN_BYTES = 33_554_432;
/** Requests of an upload over several lanes hold so much at least: so long is a gap, at least. */
export const LEAST_REQUEST_BYTES = 32_768;
/** From this round trip on nobody waits until the first window turns out too narrow, milliseconds. */
const VERY_FAR_MS = 20;
/** Bytes that make another lane worth the round trips that it takes to open. */
const LANE_BYTES = 4_194_304;

export interface RemoteTargetPlan {
  /** Where writing begins; 0 makes the file empty first. */
  readonly start: number;
  /** Bytes that it is going to have, where that is known. */
  readonly size: number;
  /** Permissions for a new file; undefined leaves them to the server. */
  readonly mode: number | undefined;
}

export class RemoteTarget {
  readonly session: SFTPSession;
  readonly path: string;
  readonly upload: Upload;
  readonly #handle: Uint8Array;
  readonly #lanes: Lanes | null;
  readonly #extent: Extent;
  readonly #size: number;
  /** The byte after the last that was sent. */
  #position: number;
  #closing = false;
  /** Called when there is room again. */
  onRoom: (() => void) | null = null;

  static async open(call: TransferCall, end: RemoteEnd, path: string, plan: RemoteTargetPlan): Promise<RemoteTarget> {
    const { session } = end;
    const flags = FXF_WRITE | FXF_CREAT | (plan.start === 0 ? FXF_TRUNC : 0);
    // Whoever writes it may have to open it once more.
    const mode = plan.mode === undefined ? undefined : plan.mode | 0o600;
    const lanes = end.sides === undefined ? null : new Lanes(end.sides, path);
    const more = session.roundTripMs < VERY_FAR_MS ? 0 : lanesFor(session, plan.size - plan.start - INITIAL_BYTES);
    if (more > 0) lanes?.prepare(more);
    let handle: Uint8Array | null = null;
    try {
      handle = await call.untilOpen(session, openHandle(session, path, flags, mode));
      // The answer to `limits`, which has been asked for before, says how much can be written at once.
      await call.until(session.knowLimits());
      const target = new RemoteTarget(session, path, handle, lanes, plan);
      if (more > 0) void target.#widen();
      return target;
    } catch (error) {
      if (handle !== null) session.release(handle);
      lanes?.close();
      throw error;
    }
  }

  private constructor(session: SFTPSession, path: string, handle: Uint8Array, lanes: Lanes | null, plan: RemoteTargetPlan) {
    const { start, size } = plan;
    this.session = session;
    this.path = path;
    this.#handle = handle;
    this.#size = size;
    this.#position = start;
    this.#extent = new Extent(start);
    this.#lanes = lanes;
    this.upload = new Upload({ session, handle }, { operation: 'write', path }, { onNarrow: () => void this.#widen() });
  }

  /** Whether more should be sent now. If not, {@link onRoom} is called when it should. */
  get roomy(): boolean {
    if (!this.upload.roomy) return false;
    return this.#lanes === null || this.#lanes.count === 0 || this.#position - this.#extent.safe < SPAN_BYTES;
  }

  /** Resolves when there may be room again, and when something was refused. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.onRoom = resolve;
    });
  }

  /** Bytes at the beginning of the file that the server has for certain. */
  get safe(): number {
    return this.#extent.safe;
  }

  /** The next bytes, from a frame (`frames.ts`). */
  sendFrame(frame: Buffer, count: number, done: Written): void {
    this.upload.sendFramed(frame, count, this.#position, this.#sent(count, done));
  }

  /** The next bytes. They must not change until `done`. */
  send(data: Uint8Array, done: Written): void {
    this.upload.send(data, this.#position, this.#sent(data.length, done));
  }

  /**
   * Everything has been sent. Resolves with what the server says of the file when it has everything, null where it was not asked.
   * @throws SFTPError: what it did not take; ERR_SSH_SFTP_MISMATCH where it has another size
   */
  async finish(call: TransferCall, changes: Changes | null, name: TransferName): Promise<SFTPAttributes | null> {
    const { session, path } = this;
    // Between several channels there is no order: what follows has to wait.
    const lanes = this.#lanes;
    if (lanes !== null && lanes.count > 0) await call.until(this.upload.finish());
    const closedLanes = lanes === null ? null : lanes.finish(call.call);
    this.#closing = true;
    const written = call.until(this.upload.finish());
    const changed = changes === null ? null : call.until(fsetstat(session, this.#handle, path, changes));
    const synced = call.options.fsync && session.supports(fsync.name) ? this.#sync(call) : null;
    const asked = call.verifies === false ? null : call.until(fstat(session, this.#handle, path)).catch(() => null);
    const closed = call.until(closeHandle(session, this.#handle, path));
    // The first refusal says most; none of the others may be left without a listener.
    const steps = [written, changed, synced, asked, closedLanes, closed];
    for (const step of steps) step?.catch(() => {});
    for (const step of steps) await step;
    if (asked === null) return null;
    // Not every server can tell of a file that is being written.
    const attributes = (await asked) ?? (await stat(session, path, call.call));
    const { stSize, stMode } = attributes;
    const regular = stMode === undefined || attributes.isFile();
    if (regular && stSize !== undefined && stSize !== this.#position) {
      throw fileError('ERR_SSH_SFTP_MISMATCH', `the server has ${stSize} bytes of ${this.#position}`, name);
    }
    return attributes;
  }

  /** After a failure. Returns the error that says what is left. */
  async abandon(call: TransferCall, error: unknown, name: TransferName): Promise<unknown> {
    const { session, path } = this;
    if (!session.isClosed && !call.signal.aborted) {
      // What is still under way may close a gap, or be behind one.
      await call.until(this.upload.finish()).catch(() => {});
      if (this.safe < this.#position) await this.#cut(call).catch(() => {});
    }
    if (!session.isClosed && !this.#closing) session.release(this.#handle);
    this.#closing = true;
    this.#lanes?.close();
    return call.signal.aborted ? error : transferError(error, name, { side: 'remote', path, bytes: this.safe });
  }

  #cut(call: TransferCall): Promise<void> {
    const cut = { stSize: this.safe };
    if (this.#closing) return setstat(this.session, this.path, cut, call.call);
    return fsetstat(this.session, this.#handle, this.path, cut, call.call);
  }

  #sent(count: number, done: Written): Written {
    this.#position += count;
    const there = this.#extent.sent(this.#position);
    return (error) => {
      if (error === null) there();
      done(error);
      this.onRoom?.();
    };
  }

  #sync(call: TransferCall): Promise<void> {
    const what = { operation: 'fsync', path: this.path };
    return performExtended(this.session, what, fsync, { handle: this.#handle }, call.call);
  }

  async #widen(): Promise<void> {
    const most = lanesFor(this.session, this.#size - this.#position);
    if (most > 0) await this.#lanes?.widen(this.upload, most, () => this.onRoom?.());
  }
}

/** How many more lanes are worth their while where so many bytes are to be sent. */
function lanesFor({ limits }: SFTPSession, left: number): number {
  return limits.maxWriteLength < LEAST_REQUEST_BYTES ? 0 : Math.max(0, Math.floor(left / LANE_BYTES));
}

/** What is put to a remote file at the end, so that it is like its source; null for nothing. */
export function preserved(call: TransferCall, attributes: SFTPAttributes): Changes | null {
  if (!call.options.preserve) return null;
  const { stMode, stAtime, stMtime } = attributes;
  return { stMode: stMode === undefined ? undefined : stMode & 0o777, stAtime, stMtime };
}
