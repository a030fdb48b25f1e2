// Writes a file with many requests under way: the one way in which this library writes more than a few bytes. What is written
// counts as written only when the server has said so, for each request. The first refusal ends it: nothing more is sent, and
// `finish` rejects once the server has answered what was already under way.
//
// A server that grants a small window per channel (OpenSSH: 2 MiB, for ever) limits what one channel carries over a distance. Such
// a transfer takes further lanes: more sessions on the same connection with the same file open, each with a window of its own.

import type { SSHError } from '../../errors.ts';
import { putWriteHeader, writeHeaderBytes } from '../protocol/data.ts';
import { Flight, INITIAL_BYTES } from './flight.ts';
import type { Operation, SFTPSession } from './session.ts';

/** What became of a piece: null where the server has written it. */
export type Written = (error: SSHError | null) => void;

/** The same file, open on one session. */
export interface Lane {
  readonly session: SFTPSession;
  readonly handle: Uint8Array;
}

export interface UploadOptions {
  /** Bytes that may be under way on each lane; default up to 64 MiB, where the distance needs it. */
  readonly mostBytes?: number;
  /** Bytes of one request; default what the server takes. */
  readonly requestBytes?: number;
  /** Called once, when the window of the one channel is what holds the transfer back: the time to call {@link Upload.addLane}. */
  readonly onNarrow?: () => void;
}

/** Bytes in front of the data that {@link Upload.sendFramed} needs room for: the header for the longest handle. */
export const HEADER_ROOM_BYTES = writeHeaderBytes(256);
/** Below this round trip another channel would bring nothing, milliseconds. */
export const FAR_MS = 5;
/** What is queued for less than that may leave at any moment, bytes. */
const QUEUED_BYTES = 65_536;

/**
 * Over a distance no more waits for the window of a lane, bytes, beyond what is under way anyhow: it would be the last to leave. Twice
 * of what one credit lets go.
 */
const MOST_QUEUED_BYTES = 524_288;

interface LaneState extends Lane {
  readonly flight: Flight;
}

export class Upload {
  readonly #what: Operation;
  readonly #lanes: LaneState[];
  readonly #options: UploadOptions;
  readonly requestBytes: number;
  #error: SSHError | null = null;
  #acknowledged = 0;
  #requests = 0;
  #narrow = false;
  #waiters: (() => void)[] = [];

  constructor(lane: Lane, what: Operation, options: UploadOptions = {}) {
    this.#what = what;
    this.#options = options;
    this.#lanes = [{ ...lane, flight: new Flight(lane.session, options.mostBytes) }];
    this.requestBytes = Math.min(options.requestBytes ?? Number.POSITIVE_INFINITY, lane.session.limits.maxWriteLength);
  }

  /** Bytes that the server has acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The first refusal. */
  get error(): SSHError | null {
    return this.#error;
  }

  get roomy(): boolean {
    return this.#lanes.some(isRoomy);
  }

  /** From now on requests go over this one as well. */
  addLane(lane: Lane): void {
    this.#lanes.push({ ...lane, flight: new Flight(lane.session, this.#options.mostBytes) });
    this.#wake();
  }

  /** Resolves when more can be sent, or nothing more should be because of an {@link error}. */
  async room(): Promise<void> {
    while (!this.roomy && this.#error === null) await this.#change();
  }

  /**
   * Sends `data`, in as many requests as it takes. It must not change until `done`, which is called in any case: with null where
   * the server has all of it.
   */
  send(data: Uint8Array, position: number, done?: Written): void {
    let left = Math.ceil(data.length / this.requestBytes);
    if (left === 0) done?.(null);
    let failed: SSHError | null = null;
    const one = (error: SSHError | null) => {
      failed ??= error;
      if (--left === 0) done?.(failed);
    };
    for (let at = 0; at < data.length; at += this.requestBytes) {
      const piece = data.subarray(at, at + this.requestBytes);
      this.#request(piece.length, one, (lane, id) => {
        const header = new Uint8Array(writeHeaderBytes(lane.handle.length));
        putWriteHeader(header, id, lane.handle, position + at, piece.length);
        lane.session.post(header);
        lane.session.post(piece);
      });
    }
  }

  /**
   * As {@link send}, of at most {@link requestBytes} that stand in `buffer` from {@link HEADER_ROOM_BYTES} on: the header goes in
   * front of them and nothing is copied.
   */
  sendFramed(buffer: Uint8Array, count: number, position: number, done: Written): void {
    this.#request(count, done, (lane, id) => {
      const start = HEADER_ROOM_BYTES - writeHeaderBytes(lane.handle.length);
      const framed = buffer.subarray(start, HEADER_ROOM_BYTES + count);
      putWriteHeader(framed, id, lane.handle, position, count);
      lane.session.post(framed);
    });
  }

  /** Resolves when every request has been acknowledged. @throws the first refusal, when all have been answered */
  async finish(): Promise<void> {
    while (this.#requests > 0) await this.#change();
    if (this.#error !== null) throw this.#error;
  }

  #request(count: number, done: Written, post: (lane: LaneState, id: number) => void): void {
    if (this.#error !== null) {
      done(this.#error);
      return;
    }
    const lane = this.#next();
    const settled = (error: SSHError | null) => {
      this.#requests--;
      lane.flight.end(count);
      if (error === null) this.#acknowledged += count;
      else this.#error ??= error;
      done(error);
      this.#wake();
    };
    lane.flight.begin(count);
    this.#requests++;
    try {
      const id = lane.session.allot({
        reply: (packet) => {
          let error: SSHError | null;
          try {
            error = lane.session.statusError(packet, this.#what);
          } catch (unexpected) {
            error = lane.session.unexpected(unexpected, this.#what);
          }
          this.#lookAt(lane, lane.flight.answered(count));
          settled(error);
        },
        fail: settled,
      });
      post(lane, id);
    } catch (error) {
      settled(error as SSHError);
    }
  }

  /** Where it leaves soonest: what waits for the window of one lane could leave at once on another. */
  #next(): LaneState {
    let best = this.#lanes[0] as LaneState;
    for (const lane of this.#lanes) if (isSooner(lane, best)) best = lane;
    return best;
  }

  /** The server takes as much as its window lets us send, at once, and there is more that can't leave: the window is too small. */
  #lookAt({ session }: LaneState, wanted: number): void {
    if (this.#narrow || session.roundTripMs < FAR_MS) return;
    if (wanted < INITIAL_BYTES || session.channel.queuedBytes < QUEUED_BYTES) return;
    this.#narrow = true;
    this.#options.onNarrow?.();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

/** Whether more should go over it now: what waits for a far server's window could leave at once on another, or on this one later. */
function isRoomy({ flight, session }: LaneState): boolean {
  if (!flight.roomy) return false;
  return session.roundTripMs < FAR_MS || flight.underWay < INITIAL_BYTES || session.channel.queuedBytes < MOST_QUEUED_BYTES;
}

function isSooner(lane: LaneState, other: LaneState): boolean {
  if (isRoomy(lane) !== isRoomy(other)) return isRoomy(lane);
  const [queued, otherQueued] = [lane.session.channel.queuedBytes, other.session.channel.queuedBytes];
  if (queued !== otherQueued) return queued < otherQueued;
  return lane.flight.target - lane.flight.underWay > other.flight.target - other.flight.underWay;
}
