// How many bytes are under way over ways of all lengths and rates: against a server of a few lines on a virtual clock.

import { afterEach, describe, expect, it, vi } from 'vitest';
import { Flight } from '../../../src/sftp/client/flight.ts';
import type { SFTPSession } from '../../../src/sftp/client/session.ts';

const MIB = 1_048_576;
const REQUEST = 261_120;

afterEach(() => {
  vi.restoreAllMocks();
});

interface Way {
  readonly roundTripMs: number;
  /** MB/s, where the way is narrowest; a function of the time in milliseconds. */
  readonly rate: (now: number) => number;
  /** MB/s of whoever takes the data; default as fast as it comes. */
  readonly sink?: number;
  readonly bytes: number;
}

/** Transfers so many bytes; resolves with the time that takes, and the depth at its end and at most, bytes. */
function transfer({ roundTripMs, rate, sink = Number.POSITIVE_INFINITY, bytes }: Way) {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const session = { roundTripMs: Number.POSITIVE_INFINITY, tookMs: 0, tuning: {} };
  const flight = new Flight(session as unknown as SFTPSession);
  // What the session itself has learned when it began.
  session.roundTripMs = roundTripMs;
  const answers: { sentAt: number; at: number }[] = [];
  const releases: number[] = [];
  let [asked, serverFree, sinkFree, peak] = [0, 0, 0, 0];
  const fill = () => {
    for (; flight.roomy && asked < bytes; asked += REQUEST) {
      flight.begin(REQUEST);
      serverFree = Math.max(serverFree, now + roundTripMs / 2) + REQUEST / rate(now) / 1_000;
      answers.push({ sentAt: now, at: serverFree + roundTripMs / 2 });
    }
    peak = Math.max(peak, flight.underWay);
  };
  fill();
  while (answers.length + releases.length > 0) {
    if ((releases[0] ?? Number.POSITIVE_INFINITY) < (answers[0]?.at ?? Number.POSITIVE_INFINITY)) {
      now = releases.shift() as number;
      flight.end(REQUEST);
    } else {
      const answer = answers.shift() as (typeof answers)[number];
      now = answer.at;
      session.tookMs = now - answer.sentAt;
      session.roundTripMs = Math.min(session.roundTripMs, session.tookMs);
      flight.answered(REQUEST);
      sinkFree = Math.max(sinkFree, now) + REQUEST / sink / 1_000;
      if (sink === Number.POSITIVE_INFINITY) flight.end(REQUEST);
      else releases.push(sinkFree);
    }
    fill();
  }
  return { milliseconds: now, target: flight.target, peak, underWay: flight.underWay };
}

describe('Flight', () => {
  it.each([
    [0.1, 1_000],
    [0.2, 100],
    [1, 10],
    [1, 1_000],
    [10, 100],
  ])('stays as it is where %d ms and %d MB/s need no more', (roundTripMs, rate) => {
    const { target, peak, underWay } = transfer({ roundTripMs, rate: () => rate, bytes: 256 * MIB });
    expect(target).toBe(2 * MIB);
    expect(peak).toBeLessThan(2 * MIB + REQUEST);
    expect(underWay).toBe(0);
  });

  it.each([
    [20, 300],
    [50, 100],
    [50, 300],
    [200, 100],
  ])('comes to what %d ms and %d MB/s need, and to not much more', (roundTripMs, rate) => {
    const bytes = 1_024 * MIB;
    const { milliseconds, target } = transfer({ roundTripMs, rate: () => rate, bytes });
    const needed = rate * 1_000 * roundTripMs;
    expect(target).toBeGreaterThan(needed);
    expect(target).toBeLessThan(2.2 * needed);
    // It doubles in each round trip: within eight it is there.
    expect(milliseconds).toBeLessThan(bytes / rate / 1_000 + 8 * roundTripMs);
  });

  it('is never more than 64 MiB', () => {
    const { peak, milliseconds } = transfer({ roundTripMs: 200, rate: () => 2_000, bytes: 2_048 * MIB });
    expect(peak).toBeLessThan(64 * MIB + REQUEST);
    expect((2_048 * MIB) / milliseconds / 1_000).toBeGreaterThan(250);
  });

  it('goes back when the way becomes narrow, and comes again', () => {
    const rate = (now: number) => (now > 2_000 && now < 20_000 ? 10 : 300);
    const narrow = transfer({ roundTripMs: 50, rate, bytes: 700 * MIB });
    expect(narrow.target).toBeLessThan(16 * MIB);
    const again = transfer({ roundTripMs: 50, rate, bytes: 2_048 * MIB });
    expect(again.target).toBeGreaterThan(14 * MIB);
  });

  it('does not fill the memory where the taker is slow', () => {
    const { target, milliseconds } = transfer({ roundTripMs: 50, rate: () => 1_000, sink: 50, bytes: 512 * MIB });
    expect(target).toBeLessThan(16 * MIB);
    expect((512 * MIB) / milliseconds / 1_000).toBeGreaterThan(49);
  });
});
