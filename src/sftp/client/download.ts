// Reads a file with many requests under way: the one way in which this library reads more than a few bytes of a remote file. The
// data is handed over in the file's order, synchronously; whoever takes it says when it has let go of it, and that is all the
// backpressure there is. A short answer is no error: what is missing is asked for again (OpenSSH answers with less than asked for,
// whatever it promised, and so do servers behind odd file systems).

import type { SSHError } from '../../errors.ts';
import { DecodeError } from '../../wire/reader.ts';
import { dataOf, framedRead } from '../protocol/data.ts';
import { Data } from '../protocol/messages.ts';
import { Flight } from './flight.ts';
import type { Operation, SFTPSession } from './session.ts';

export interface DownloadSink {
  /** The next bytes of the file. `packet` is what to give {@link Download.release} along with their number. */
  data(bytes: Uint8Array, position: number, packet: Uint8Array): void;
  /** All has been handed over; `position` is where the file ended, or where reading was to end. */
  end(position: number): void;
  fail(error: SSHError): void;
}

export interface DownloadOptions {
  /** First byte; default 0. */
  readonly start?: number;
  /** The byte after the last; default the end of the file, wherever that is when it is reached. */
  readonly end?: number;
  /**
   * The size that the file is believed to have, bytes: up to there requests are made ahead, behind it one at a time, until the
   * server says that this is the end: the file may have grown (OpenSSH's sftp does the same). Default: nothing is known.
   */
  readonly expected?: number;
  /** Bytes that may be under way; default up to 64 MiB, where the distance needs it. */
  readonly mostBytes?: number;
  /** Bytes of one request; default what the server takes. */
  readonly requestBytes?: number;
}

/** One request, and what came of it. A chain in the order of the file. */
interface Slot {
  readonly position: number;
  readonly length: number;
  /** The answer: its packet and data, or an empty one for the end of the file. Null while it is under way. */
  packet: Uint8Array | null;
  data: Uint8Array | null;
  next: Slot | null;
}

const NOTHING = new Uint8Array(0);

export class Download {
  readonly #session: SFTPSession;
  readonly #handle: Uint8Array;
  readonly #what: Operation;
  readonly #sink: DownloadSink;
  readonly #flight: Flight;
  readonly #requestBytes: number;
  readonly #end: number;
  #expected: number;
  /** The oldest slot that has not been handed over, and the newest. */
  #head: Slot | null = null;
  #tail: Slot | null = null;
  /** Where the next request begins. */
  #position: number;
  /** Where the file ended, once known. */
  #eof = Number.POSITIVE_INFINITY;
  #probing = false;
  #over = false;
  #filling = false;

  constructor(session: SFTPSession, handle: Uint8Array, what: Operation, sink: DownloadSink, options: DownloadOptions = {}) {
    const { start = 0, end = Number.POSITIVE_INFINITY, expected = 0, mostBytes, requestBytes } = options;
    this.#session = session;
    this.#handle = handle;
    this.#what = what;
    this.#sink = sink;
    this.#flight = new Flight(session, mostBytes);
    this.#requestBytes = Math.min(requestBytes ?? Number.POSITIVE_INFINITY, session.limits.maxReadLength);
    this.#end = end;
    this.#expected = Math.min(expected, end);
    this.#position = start;
  }

  /** Makes the first requests. Also called by itself as answers come in. */
  start(): void {
    this.#fill();
    this.#deliver();
  }

  /** So many bytes of what was handed over are not needed any more; `packet` may be used for something else. */
  release(bytes: number, packet?: Uint8Array): void {
    if (packet !== undefined) this.#session.recycle(packet);
    this.#flight.end(bytes);
    this.#fill();
  }

  /** No more is wanted. Answers that still come are dropped; the sink hears nothing more. */
  stop(): void {
    this.#over = true;
    this.#head = null;
    this.#tail = null;
  }

  #fill(): void {
    // A request that fails at once ends up here again.
    if (this.#filling) return;
    this.#filling = true;
    while (!this.#over && this.#flight.roomy && this.#position < Math.min(this.#end, this.#eof)) {
      const behind = this.#position >= this.#expected;
      if (behind && this.#probing) break;
      this.#probing = behind;
      const most = behind ? this.#end : this.#expected;
      const length = Math.min(this.#requestBytes, most - this.#position);
      const slot: Slot = { position: this.#position, length, packet: null, data: null, next: null };
      if (this.#tail === null) this.#head = slot;
      else this.#tail.next = slot;
      this.#tail = slot;
      this.#position += length;
      this.#request(slot, behind);
    }
    this.#filling = false;
  }

  #request(slot: Slot, probe: boolean): void {
    this.#flight.begin(slot.length);
    try {
      const id = this.#session.allot({
        reply: (packet) => this.#answer(slot, probe, packet),
        fail: (error) => this.#fail(error),
      });
      this.#session.post(framedRead(id, this.#handle, slot.position, slot.length));
    } catch (error) {
      this.#fail(error as SSHError);
    }
  }

  #answer(slot: Slot, probe: boolean, packet: Uint8Array): void {
    if (this.#over) {
      this.#session.recycle(packet);
      return;
    }
    let data: Uint8Array;
    try {
      data = packet[0] === Data.number ? dataOf(packet) : this.#atEnd(packet);
    } catch (error) {
      this.#fail(this.#session.unexpected(error, this.#what));
      return;
    }
    // More than was asked for would overrun whoever has room for so much.
    if (data.length > slot.length) data = data.subarray(0, slot.length);
    slot.packet = packet;
    slot.data = data;
    this.#flight.answered(data.length);
    this.#flight.end(slot.length - data.length);
    // An empty answer is an end too: to ask again would ask for ever.
    if (data.length === 0) this.#eof = Math.min(this.#eof, slot.position);
    else if (data.length < slot.length && !probe) this.#askRest(slot);
    if (probe) {
      this.#probing = false;
      this.#position = slot.position + data.length;
    }
    this.#deliver();
    this.#fill();
    // The end may have been found by a request that was not the last.
    this.#deliver();
  }

  /** Where STATUS says end of file. @throws the error that it says otherwise */
  #atEnd(packet: Uint8Array): Uint8Array {
    const error = this.#session.statusError(packet, this.#what);
    if (error === null) throw new DecodeError('success in the place of data');
    if (error.code !== 'ERR_SSH_SFTP_EOF') throw error;
    return NOTHING;
  }

  #askRest(slot: Slot): void {
    const position = slot.position + (slot.data as Uint8Array).length;
    const rest: Slot = { position, length: slot.position + slot.length - position, packet: null, data: null, next: slot.next };
    slot.next = rest;
    if (this.#tail === slot) this.#tail = rest;
    this.#request(rest, false);
  }

  #deliver(): void {
    while (!this.#over && this.#head !== null && this.#head.data !== null) {
      const { position, data, packet } = this.#head;
      this.#head = this.#head.next;
      if (this.#head === null) this.#tail = null;
      // What lies behind the end that was found: the file shrank while it was read.
      if (data.length > 0 && position < this.#eof) this.#sink.data(data, position, packet as Uint8Array);
      else if (data.length > 0) this.#flight.end(data.length);
    }
    if (this.#over || this.#head !== null) return;
    if (this.#position < Math.min(this.#end, this.#eof)) return;
    this.#over = true;
    this.#sink.end(Math.min(this.#position, this.#eof));
  }

  #fail(error: SSHError): void {
    if (this.#over) return;
    this.stop();
    this.#sink.fail(error);
  }
}
