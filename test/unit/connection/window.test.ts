// A receive window that finds its size, on a clock of ours: what arrives, what is read and the round trip decide, nothing else.
import { describe, expect, it } from 'vitest';
import { ReceiveWindow, WindowBudget } from '../../../src/connection/window.ts';
import { limits } from '../../../src/packet/limits.ts';

const MiB = 1_048_576;
const PACKET = 32_768;

interface Flow {
  /** Milliseconds. */
  readonly roundTrip: number;
  readonly milliseconds: number;
  /** What the way and the peer can do at most, bytes per millisecond. */
  readonly rate?: number;
  /** How much of what is unread the user takes at this time. Default all. */
  reads?(unread: number, now: number): number;
  readonly window?: ReceiveWindow;
}

interface Outcome {
  readonly window: ReceiveWindow;
  readonly bytes: number;
  /** Credit messages. */
  readonly credits: number;
  /** The limit whenever it changed, with the time. */
  readonly limits: readonly (readonly [milliseconds: number, bytes: number])[];
}

/** A peer that sends all it may, in steps of a tenth of a millisecond; what it may send is a round trip old. */
function flow({ roundTrip, milliseconds, rate = 1_000_000, reads = (unread) => unread, window = tunable() }: Flow): Outcome {
  const STEP = 0.1;
  const underWay: { at: number; credit: number }[] = [{ at: 0, credit: window.limit }];
  const seen: [number, number][] = [[0, window.limit]];
  let credit = 0;
  let unread = 0;
  let bytes = 0;
  let credits = 0;
  let allowance = 0;
  const grant = (more: number, now: number) => {
    if (more === 0) return;
    credits++;
    underWay.push({ at: now + roundTrip, credit: more });
    if (window.limit !== seen.at(-1)?.[1]) seen.push([now, window.limit]);
  };
  for (let step = 0; step * STEP < milliseconds; step++) {
    const now = step * STEP;
    while (underWay[0] && underWay[0].at <= now) credit += underWay.shift()?.credit as number;
    allowance = Math.min(allowance + rate * STEP, 20 * PACKET);
    while (credit > 0 && allowance >= Math.min(PACKET, credit)) {
      const size = Math.min(PACKET, credit);
      allowance -= size;
      credit -= size;
      window.receive(size);
      unread += size;
      bytes += size;
      const taken = Math.min(unread, reads(unread, now));
      unread -= taken;
      if (taken > 0) grant(window.consume(taken), now);
      grant(window.tune(now, roundTrip), now);
    }
    // Also while nothing comes.
    const taken = Math.min(unread, reads(unread, now));
    unread -= taken;
    if (taken > 0) grant(window.consume(taken), now);
  }
  return { window, bytes, credits, limits: seen };
}

const tunable = (initial = 2 * MiB, maximum = 64 * MiB, budget = new WindowBudget()) =>
  new ReceiveWindow(initial, maximum, budget);

describe('a window', { timeout: 30_000 }, () => {
  it.each([50, 200])('of a fast reader grows over %i ms until it is what the maximum allows', (roundTrip) => {
    const { window, limits: seen, bytes } = flow({ roundTrip, milliseconds: 12 * roundTrip });
    expect(window.limit).toBe(64 * MiB);
    // It doubles with each round trip: five of them to 64 MiB, and then some for the steps.
    expect(seen.at(-1)?.[0]).toBeLessThan(8 * roundTrip);
    const fixed = flow({ roundTrip, milliseconds: 12 * roundTrip, window: new ReceiveWindow(2 * MiB) });
    expect(fixed.window.limit).toBe(2 * MiB);
    expect(bytes).toBeGreaterThan(8 * fixed.bytes);
  });

  it('stops growing where it no longer holds the peer back', () => {
    // 100 MB/s over 50 ms is 5 MB under way.
    const rate = 100_000;
    const { window, bytes } = flow({ roundTrip: 50, milliseconds: 3_000, rate });
    expect(window.limit).toBeGreaterThan(5e6);
    expect(window.limit).toBeLessThan(2.1 * 5e6);
    expect(bytes).toBeGreaterThan(0.9 * 3_000 * rate);
  });

  it.each([
    [0.1, 1_000_000],
    [0.5, 500_000],
    [2, 200_000],
    [20, 40_000],
  ])('stays where it is over %f ms at %i bytes/ms', (roundTrip, rate) => {
    const { window, bytes } = flow({ roundTrip, milliseconds: 500, rate });
    expect(window.limit).toBe(2 * MiB);
    expect(bytes).toBeGreaterThan(0.9 * 500 * rate);
  });

  it('stays where it is next door, however much comes in one piece', () => {
    const window = tunable();
    let bytes = 0;
    for (let now = 0; now < 100; now += 4) {
      for (let i = 0; i < 64; i++) {
        window.receive(PACKET);
        window.consume(PACKET);
        window.tune(now, 0.1);
        bytes += PACKET;
      }
    }
    expect([bytes, window.limit]).toEqual([50 * MiB, 2 * MiB]);
  });

  it('stays where it is for a slow reader', () => {
    // 10 MB/s, a bit at a time.
    let last = 0;
    const reads = (_unread: number, now: number) => {
      const bytes = Math.floor((now - last) * 10_000);
      if (bytes > 0) last = now;
      return bytes;
    };
    const { window, bytes } = flow({ roundTrip: 50, milliseconds: 5_000, reads });
    expect(window.limit).toBe(2 * MiB);
    expect(bytes).toBeGreaterThan(45e6);
  });

  it.each([
    ['a peer that is held back', 1_000_000],
    ['a peer that trickles', 5_000],
  ])('stays where it is for a reader that takes everything at once, seldom: %s', (_name, rate) => {
    let next = 400;
    const reads = (unread: number, now: number) => {
      if (now < next) return 0;
      next += 400;
      return unread;
    };
    const { window, bytes } = flow({ roundTrip: 50, milliseconds: 4_000, reads, rate });
    expect(window.limit).toBe(2 * MiB);
    expect(bytes).toBeGreaterThan(8 * MiB);
  });

  it('stays where it is while the round trip is not known', () => {
    const window = tunable();
    for (let now = 0; now < 10_000; now += 1) {
      window.receive(PACKET);
      window.consume(PACKET);
      expect(window.tune(now, Number.POSITIVE_INFINITY)).toBe(0);
    }
    expect([window.limit, window.busy]).toEqual([2 * MiB, true]);
  });

  it('stays where it is for data that nobody reads', () => {
    const window = tunable();
    for (let now = 0; now < 1_000; now += 1) {
      for (let i = 0; i < 32; i++) {
        window.receive(PACKET);
        window.credit(PACKET);
        expect(window.tune(now, 50)).toBe(0);
      }
    }
    expect(window.limit).toBe(2 * MiB);
  });

  it('stays where it is on a clock that runs backwards', () => {
    const window = tunable();
    for (let now = 1e6; now > 0; now -= 100) {
      window.receive(PACKET);
      window.consume(PACKET);
      window.tune(now, 50);
    }
    expect(window.limit).toBe(2 * MiB);
  });

  it('costs a few messages', () => {
    const { credits, bytes } = flow({ roundTrip: 50, milliseconds: 1_000 });
    expect(bytes).toBeGreaterThan(400 * MiB);
    expect(credits).toBeLessThan(150);
  });

  it('grants what it has grown by at once, with what it owed, and no more than the limit in all', () => {
    const window = tunable();
    let credit = 2 * MiB;
    let packets = 0;
    for (let grown = 0; grown === 0 && packets < 64; packets++) {
      window.receive(PACKET);
      credit += window.consume(PACKET) - PACKET;
      grown = window.tune(0, 50);
      credit += grown;
    }
    // Two and a half MiB are wanted as soon as five eighths of one have come at once.
    expect([packets, window.limit, credit]).toEqual([20, 2.5 * MiB, 2.5 * MiB]);
  });

  it.each([
    [2 * MiB, 2 * MiB],
    [2 * MiB, 1 * MiB],
    [2 * MiB, 0],
  ])('of %i bytes that may grow to %i is fixed', (initial, maximum) => {
    const window = tunable(initial, maximum);
    expect(window.mayGrow).toBe(false);
    expect(flow({ roundTrip: 50, milliseconds: 1_000, window }).window.limit).toBe(2 * MiB);
  });

  it('never passes its maximum, nor 2^32 - 1', () => {
    expect(flow({ roundTrip: 50, milliseconds: 1_000, window: tunable(2 * MiB, 5_000_000) }).window.limit).toBe(5_000_000);
    const window = tunable(0xffff_0000, 2 ** 40, new WindowBudget(2 ** 40));
    let credit = window.limit;
    for (let now = 0; now < 50; now++) {
      window.receive(0x3000_0000);
      credit -= 0x3000_0000;
      credit += window.consume(0x3000_0000);
      credit += window.tune(now, 50);
      expect(credit).toBeLessThanOrEqual(0xffff_ffff);
    }
    expect(window.limit).toBeLessThanOrEqual(0xffff_ffff);
  });
});

describe('the budget', { timeout: 30_000 }, () => {
  it('is shared: what one has, others have not, until it is over', () => {
    const budget = new WindowBudget();
    const run = (window: ReceiveWindow) => flow({ roundTrip: 50, milliseconds: 1_000, window }).window;
    const first = run(tunable(2 * MiB, 64 * MiB, budget));
    expect(first.limit).toBe(64 * MiB);
    const second = run(tunable(2 * MiB, 64 * MiB, budget));
    expect(second.limit).toBe(4 * MiB);
    const third = run(tunable(2 * MiB, 64 * MiB, budget));
    expect(third.limit).toBe(2 * MiB);
    first.release();
    expect(run(third).limit).toBe(64 * MiB);
    second.release();
    third.release();
    expect(budget.take(Number.MAX_SAFE_INTEGER)).toBe(limits.windowGrowthBytes);
  });

  it('never gives more than it has', () => {
    const budget = new WindowBudget(100);
    expect([budget.take(60), budget.take(60), budget.take(60)]).toEqual([60, 40, 0]);
    budget.giveBack(30);
    expect(budget.take(60)).toBe(30);
  });
});
