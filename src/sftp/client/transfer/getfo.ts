// A remote file into a stream or something else that takes bytes.

import { BlockHash } from './block-hash.ts';
import type { TransferCall } from './call.ts';
import { cutShort } from './failure.ts';
import type { RemoteEnd } from './options.ts';
import { RemoteSource } from './remote-source.ts';
import { type Sink, sinkOf, type TransferSink } from './sinks.ts';
import { different, remoteFingerprint } from './verify.ts';

/** Resolves with the number of bytes when the sink has taken all of them. @throws SFTPError, the sink's error, `signal.reason` */
export async function receiveInto(call: TransferCall, from: RemoteEnd, path: string, to: TransferSink): Promise<number> {
  const sink = sinkOf(to, call.options.end);
  // Whatever is under way, a sink that fails ends it.
  sink.failed.catch((error: unknown) => call.stop(error));
  const name = { operation: 'get', path, dest: 'stream' } as const;
  try {
    const source = await RemoteSource.open(call, from.session, path);
    try {
      const { size } = source;
      const count = call.tally.found(path, size ?? 0);
      const hash = call.verifies === 'hash' ? new BlockHash('sha256') : null;
      const pieces = new Pieces(sink, (data) => {
        hash?.update(data);
        call.count(count, data.length);
      });
      const end = await source.pour(call, 0, (data, _position, done) => pieces.push(data, done));
      if (call.verifies !== false && size !== undefined && end < size) throw cutShort(name, end, size);
      if (hash !== null) {
        const there = await remoteFingerprint(call, source, end, 'sha256');
        if (!there.digest.equals(hash.digest())) throw different(name, there.algorithm);
      }
      await call.until(sink.finish());
      call.finished(count);
      return end;
    } finally {
      source.close();
    }
  } catch (error) {
    sink.abort(call.signal.aborted ? call.signal.reason : error);
    throw error;
  }
}

/** Gives a sink one piece after the other. What it gets is a copy: buffers of packets are used again, and a sink may keep it. */
class Pieces {
  readonly #sink: Sink;
  readonly #passed: (data: Uint8Array) => void;
  #waiting: { readonly data: Uint8Array; readonly done: (error?: unknown) => void }[] = [];
  #busy = false;

  constructor(sink: Sink, passed: (data: Uint8Array) => void) {
    this.#sink = sink;
    this.#passed = passed;
  }

  push(data: Uint8Array, done: (error?: unknown) => void): void {
    this.#waiting.push({ data, done });
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { data, done } = next;
      try {
        await this.#sink.write(Buffer.from(data));
        this.#passed(data);
        done();
      } catch (error) {
        this.#waiting = [];
        done(error);
      }
    }
    this.#busy = false;
  }
}
