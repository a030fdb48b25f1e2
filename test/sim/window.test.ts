// Whole engines with a long way between them, on a clock that the test moves: windows that find their size, in both roles, by the
// round trips that the connection has measured itself.
import { describe, expect, it } from 'vitest';
import type { OpenParameters } from '../../src/connection/connection.ts';
import { EnginePair, type Peer, type RecordedChannel, WINDOW } from '../support/engine-pair.ts';

const MiB = 1_048_576;
const tunable: OpenParameters = { ...WINDOW, maxWindowBytes: 64 * MiB };
/** Pieces in which bytes arrive. */
const SEGMENT = 65_536;

interface Way {
  /** Milliseconds in one direction. */
  readonly delay: number;
  /** Bytes per millisecond; default more than anybody can send. */
  readonly rate?: number;
}

/** An {@link EnginePair} whose bytes take their time. `now` is the time of the last thing that happened. */
class DistantPair {
  readonly pair: EnginePair;
  now = 1_000;
  readonly #way: Way;
  readonly #underWay: { at: number; run: () => void }[] = [];
  readonly #free = { client: 0, server: 0 };

  /** Logs in at once; what is said after that takes its time. */
  constructor(way: Way, parameters: OpenParameters = tunable) {
    this.#way = way;
    this.pair = new EnginePair({ server: { onOpen: (open, peer) => void peer.accept(open, parameters) } }).login();
  }

  /** Calls `run` at this time, in the order of times. */
  at(at: number, run: () => void): void {
    let index = this.#underWay.length;
    while (index > 0 && (this.#underWay[index - 1]?.at as number) > at) index--;
    this.#underWay.splice(index, 0, { at, run });
  }

  /** Lets things happen until `done`, or until nothing is left to happen. */
  run(done: () => boolean = () => false): this {
    for (;;) {
      for (const peer of this.pair.peers) this.#flush(peer);
      if (done()) return this;
      const next = this.#underWay.shift();
      if (next === undefined) return this;
      this.now = Math.max(this.now, next.at);
      next.run();
      for (const { error } of this.pair.peers) if (error !== null) throw error;
    }
  }

  #flush(peer: Peer): void {
    const other = this.pair.other(peer);
    const { delay, rate = Number.POSITIVE_INFINITY } = this.#way;
    for (;;) {
      peer.now = this.now;
      const bytes = peer.output();
      if (bytes.length === 0) return;
      for (let offset = 0; offset < bytes.length; offset += SEGMENT) {
        const segment = bytes.subarray(offset, offset + SEGMENT);
        const sent = Math.max(this.now, this.#free[peer.role]) + segment.length / rate;
        this.#free[peer.role] = sent;
        this.at(sent + delay, () => {
          other.now = this.now;
          other.receive(segment);
        });
      }
    }
  }
}

interface Transfer {
  /** Who sends. */
  readonly from?: 'client' | 'server';
  readonly bytes: number;
  readonly parameters?: OpenParameters;
  /** What the reader does with what it gets; default takes it at once. */
  reader?(channel: RecordedChannel, distance: DistantPair): void;
}

/** Sends so many bytes over a channel and says how long it took and how large the window became. */
function transfer(way: Way, { from = 'server', bytes, parameters = tunable, reader }: Transfer) {
  const distance = new DistantPair(way, parameters);
  const { pair } = distance;
  const ours = pair.client.open('session', parameters);
  distance.run(() => ours.settled.length > 0);
  const theirs = pair.server.channels[0] as RecordedChannel;
  const [sender, receiver] = from === 'server' ? [theirs, ours] : [ours, theirs];
  reader?.(receiver, distance);
  const since = distance.now;
  sender.machine?.write(new Uint8Array(bytes), 0);
  distance.run(() => receiver.bytes === bytes);
  expect(receiver.bytes).toBe(bytes);
  return { milliseconds: distance.now - since, windowBytes: receiver.machine?.windowBytes as number, distance, ours, theirs };
}

/** Takes so many bytes per millisecond. */
function slowly(rate: number): NonNullable<Transfer['reader']> {
  return (channel, distance) => {
    channel.consumeAtOnce = false;
    let free = 0;
    channel.onReceived = ({ length }) => {
      free = Math.max(free, distance.now) + length / rate;
      distance.at(free, () => channel.machine?.consume(length));
    };
  };
}

describe.each(['server', 'client'] as const)('a download from a %s', { timeout: 30_000 }, (from) => {
  it.each([25, 100])('with %i ms each way is as fast as the window that it gets', (delay) => {
    const bytes = 48 * MiB;
    const fixed = transfer({ delay }, { from, bytes, parameters: WINDOW });
    // A window per round trip.
    expect(fixed.windowBytes).toBe(2 * MiB);
    expect(fixed.milliseconds).toBeGreaterThan(23 * 2 * delay);
    const tuned = transfer({ delay }, { from, bytes });
    expect(tuned.windowBytes).toBeGreaterThan(8 * MiB);
    expect(tuned.windowBytes).toBeLessThanOrEqual(64 * MiB);
    expect(tuned.milliseconds).toBeLessThan(fixed.milliseconds / 3);
  });

  it('over a way of 40 MB/s and 50 ms gets what fits it, and no more', () => {
    const rate = 40_000;
    const { windowBytes, milliseconds } = transfer({ delay: 25, rate }, { from, bytes: 24 * MiB });
    expect(windowBytes).toBeGreaterThan(50 * rate);
    expect(windowBytes).toBeLessThan(3 * 50 * rate);
    expect((24 * MiB) / milliseconds).toBeGreaterThan(0.85 * rate);
  });

  it('next door leaves the window as it is', () => {
    const { windowBytes } = transfer({ delay: 0.05, rate: 1_000_000 }, { from, bytes: 24 * MiB });
    // The answer to a server's question waits behind the data: at most a window of it, which counts twice.
    expect(windowBytes).toBeLessThanOrEqual(from === 'server' ? 2 * MiB : 2 * (2 + 0.2) * MiB);
  });

  it('to a slow reader leaves the window as it is, and never holds more than that', () => {
    const rate = 10_000;
    const { windowBytes, milliseconds } = transfer({ delay: 25 }, { from, bytes: 16 * MiB, reader: slowly(rate) });
    expect(windowBytes).toBe(2 * MiB);
    expect(milliseconds).toBeGreaterThan((14 * MiB) / rate);
  });
});

describe('the round trip', { timeout: 30_000 }, () => {
  it('is known to a client from its first question, however long it was silent before', () => {
    const distance = new DistantPair({ delay: 25, rate: 10_000 });
    // The engine has heard nothing for a minute: what it takes for the time is as old.
    distance.now = 61_000;
    const channel = distance.pair.client.open('session', tunable);
    distance.run();
    distance.pair.server.channels[0]?.machine?.write(new Uint8Array(16 * MiB), 0);
    distance.run(() => channel.bytes === 16 * MiB);
    // With a round trip of a minute, 600 MB would seem to be under way.
    expect(channel.machine?.windowBytes).toBe(2 * MiB);
  });

  it('is asked for by a server, once, when a client sends a lot, and not by a client', () => {
    const questions = ({ distance }: ReturnType<typeof transfer>, role: Peer['role']) =>
      distance.run().pair[role].globals.map(({ request, wantReply }) => [request, wantReply]);
    const upload = transfer({ delay: 25 }, { from: 'client', bytes: 8 * MiB });
    expect(questions(upload, 'client')).toEqual([['keepalive@openssh.com', true]]);
    expect(questions(upload, 'server')).toEqual([]);
    const small = transfer({ delay: 25 }, { from: 'client', bytes: 100_000 });
    expect(questions(small, 'client')).toEqual([]);
    const fixed = transfer({ delay: 25 }, { from: 'client', bytes: 8 * MiB, parameters: WINDOW });
    expect(questions(fixed, 'client')).toEqual([]);
    const download = transfer({ delay: 25 }, { bytes: 8 * MiB });
    expect(questions(download, 'client')).toEqual([]);
    expect(questions(download, 'server')).toEqual([]);
  });

  it('is measured with pings too', () => {
    const distance = new DistantPair({ delay: 25 });
    const { client, server } = distance.pair;
    server.engine.ping(new Uint8Array(0), { reply: () => {}, abandon: () => {} });
    const channel = client.open('session', tunable);
    distance.run();
    channel.machine?.write(new Uint8Array(16 * MiB), 0);
    distance.run();
    expect(server.channels[0]?.machine?.windowBytes).toBeGreaterThan(4 * MiB);
    expect(client.globals).toEqual([]);
  });
});
