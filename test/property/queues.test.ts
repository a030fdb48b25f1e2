// The queues of bytes against arrays, and the windows of a channel against a ledger: commands in any order.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../src/bytes/byte-queue.ts';
import { Outbox } from '../../src/bytes/outbox.ts';
import { ReceiveWindow, SendWindow, WindowBudget } from '../../src/connection/window.ts';
import { ProtocolError } from '../../src/errors.ts';
import { runs } from '../support/runs.ts';
import { Dice } from '../support/seeded-crypto.ts';

type Step = readonly [kind: number, size: number];
const steps = (sizes: fc.Arbitrary<number>) => fc.array(fc.tuple(fc.nat(5), sizes), { maxLength: 100 });

describe('a ByteQueue', () => {
  it('is what was pushed, in order, whatever buffers it came in', () => {
    fc.assert(
      fc.property(steps(fc.nat(70)), fc.nat(), (commands: Step[], seed) => {
        const dice = new Dice(seed);
        const queue = new ByteQueue();
        let model: number[] = [];
        // Pieces of one arena lie one behind the other, as reads into one buffer do; others stand alone, some are Buffers.
        const arena = dice.bytes(10_000);
        let used = 0;
        let borrowed: Uint8Array | null = null;
        for (const [kind, size] of commands) {
          if (kind <= 1) {
            const piece =
              kind === 0 && used + size <= arena.length ? arena.subarray(used, used + size) : Buffer.from(dice.bytes(size));
            if (kind === 0) used += size;
            queue.push(piece);
            model.push(...piece);
            // The one before is not looked at any more.
            borrowed?.fill(0xee);
            borrowed = piece;
          } else if (kind === 2) {
            const count = Math.min(size, model.length);
            expect([...queue.peek(count)]).toEqual(model.slice(0, count));
          } else if (kind === 3) {
            const count = Math.min(size, model.length);
            const out = queue.take(count);
            expect([...out]).toEqual(model.slice(0, count));
            model = model.slice(count);
          } else if (kind === 4) {
            const count = Math.min(size, model.length);
            queue.skip(count);
            model = model.slice(count);
          } else if (size === 0) {
            queue.clear();
            model = [];
          } else {
            queue.own();
            borrowed?.fill(0xee);
            borrowed = null;
          }
          expect(queue.length).toBe(model.length);
          for (const at of [0, model.length >> 1, model.length - 1])
            if (at >= 0 && at < model.length) expect(queue.at(at)).toBe(model[at]);
          for (const wrong of [() => queue.peek(model.length + 1), () => queue.skip(model.length + 1)])
            expect(wrong).toThrow(RangeError);
        }
      }),
      runs(500),
    );
  });

  it('gives plain arrays only: the slice of a Buffer would be no copy', () => {
    const queue = new ByteQueue();
    const buffer = Buffer.from([1, 2, 3, 4]);
    queue.push(buffer);
    const copy = queue.take(3).slice();
    buffer.fill(9);
    expect([...copy]).toEqual([1, 2, 3]);
  });
});

describe('an Outbox', () => {
  it('gives everything once, in order, and leaves what it has given alone', () => {
    fc.assert(
      fc.property(
        steps(fc.oneof(fc.nat(40), fc.nat(3_000), fc.constantFrom(2_047, 2_048, 16_383, 16_384, 16_385, 40_000))),
        fc.nat(),
        (commands, seed) => {
          const dice = new Dice(seed);
          const outbox = new Outbox();
          let model: number[] = [];
          let given: [Uint8Array[], Buffer][] = [];
          for (const [kind, size] of commands) {
            if (kind === 5) {
              const chunks = outbox.take();
              const bytes = Buffer.concat(chunks);
              expect(bytes.equals(Buffer.from(model))).toBe(true);
              for (const chunk of chunks) expect(chunk.length).toBeGreaterThan(0);
              given.push([chunks, bytes]);
              model = [];
              // Some come back at once or later, some never do. What is still out must not change.
              if (size % 3 !== 0) {
                const back = given.filter((_, index) => index % 2 === size % 2);
                given = given.filter((_, index) => index % 2 !== size % 2);
                for (const [each] of back) outbox.recycle(each);
              }
            } else {
              const bytes = dice.bytes(size);
              if (kind < 3) outbox.push(bytes);
              else outbox.reserve(size).set(bytes);
              for (const byte of bytes) model.push(byte);
            }
            expect(outbox.size).toBe(model.length);
          }
          for (const [chunks, bytes] of given) expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
        },
      ),
      runs(80),
    );
  });
});

describe('a window', () => {
  it('for receiving: granted and unconsumed and unreported is always the whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), steps(fc.nat(3_000)), (limit, commands: Step[]) => {
        const window = new ReceiveWindow(limit);
        // What the peer believes it may still send, and what lies with the user.
        let credit = limit;
        let held = 0;
        for (const [kind, size] of commands) {
          if (kind < 3) {
            if (size > credit) {
              expect(() => window.receive(size)).toThrow(ProtocolError);
              return;
            }
            window.receive(size);
            credit -= size;
            held += size;
          } else {
            const count = Math.min(size, held);
            held -= count;
            credit += window.consume(count);
          }
          expect(credit + held).toBeLessThanOrEqual(limit);
          // With all consumed, the peer has three quarters at least, and something in any case.
          if (held === 0 && kind >= 3) expect(credit).toBeGreaterThan(limit === 1 ? 0 : (limit * 3) / 4 - 1);
        }
      }),
      runs(1_000),
    );
  });

  it('that may grow: credit and what is unread are never more than the limits, those never more than the budget allows', () => {
    const command = fc.record({
      which: fc.nat(2),
      kind: fc.oneof(
        { weight: 80, arbitrary: fc.constantFrom('receive', 'receive', 'consume', 'consume', 'tune') },
        { weight: 5, arbitrary: fc.constant('credit') },
        { weight: 1, arbitrary: fc.constant('end') },
      ),
      // What the peer sends beyond its credit, once in a while.
      excess: fc.oneof({ weight: 60, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 100 })),
      size: fc.oneof(fc.nat(1_000), fc.constant(60_000)),
      // Also backwards, and still.
      time: fc.oneof({ weight: 10, arbitrary: fc.nat(3) }, fc.integer({ min: -20, max: 500 })),
    });
    const peer = fc.record({ initial: fc.integer({ min: 1, max: 5_000 }), maximum: fc.integer({ min: 0, max: 60_000 }) });
    let grown = 0;
    fc.assert(
      fc.property(
        fc.array(peer, { minLength: 3, maxLength: 3 }),
        fc.nat(50_000),
        fc.constantFrom(0.1, 7, 50, 1_000, Number.POSITIVE_INFINITY),
        fc.array(command, { minLength: 100, maxLength: 200 }),
        (peers, bytes, roundTrip, commands) => {
          const budget = new WindowBudget(bytes);
          const ends = peers.map(({ initial, maximum }) => ({
            initial,
            most: Math.max(initial, maximum),
            window: new ReceiveWindow(initial, maximum, budget),
            credit: initial,
            held: 0,
            over: false,
          }));
          let now = 1_000;
          for (const { which, kind, excess, size, time } of commands) {
            const end = ends[which] as (typeof ends)[number];
            if (end.over) continue;
            const { window } = end;
            now += time;
            const before = window.limit;
            let more = 0;
            if (kind === 'end' || (kind === 'receive' && excess > 0)) {
              if (kind === 'receive') expect(() => window.receive(end.credit + excess)).toThrow(ProtocolError);
              end.over = true;
              window.release();
              continue;
            }
            if (kind === 'receive') {
              const count = Math.min(size, end.credit);
              window.receive(count);
              end.credit -= count;
              end.held += count;
            } else if (kind === 'tune') {
              more = window.tune(now, roundTrip);
            } else {
              const count = Math.min(size, end.held);
              end.held -= count;
              more = kind === 'consume' ? window.consume(count) : window.credit(count);
            }
            expect(Number.isInteger(more) && more >= 0).toBe(true);
            end.credit += more;
            if (window.limit > before) grown++;
            expect(window.limit).toBeGreaterThanOrEqual(before);
            expect(window.limit).toBeLessThanOrEqual(end.most);
            expect(end.credit + end.held).toBeLessThanOrEqual(window.limit);
            // Nothing is lost either: all but a quarter comes back at once.
            if (end.held === 0 && kind === 'consume')
              expect(end.credit).toBeGreaterThan(window.limit === 1 ? 0 : (window.limit * 3) / 4 - 1);
            const living = ends.filter((one) => !one.over);
            const growth = living.reduce((sum, one) => sum + one.window.limit - one.initial, 0);
            expect(growth).toBeLessThanOrEqual(bytes);
          }
          // What all that are over had has come back.
          const kept = ends.filter((one) => !one.over).reduce((sum, one) => sum + one.window.limit - one.initial, 0);
          expect(budget.take(Number.MAX_SAFE_INTEGER)).toBe(bytes - kept);
        },
      ),
      runs(300),
    );
    // Else it would have shown nothing.
    expect(grown).toBeGreaterThan(50);
  });

  it('for sending: never above 2^32 - 1, never below 0', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), steps(fc.oneof(fc.nat(100), fc.nat(0xffff_ffff))), (initial, commands: Step[]) => {
        const window = new SendWindow(initial);
        let model = BigInt(initial);
        for (const [kind, size] of commands) {
          if (kind < 3) {
            if (model + BigInt(size) > 0xffff_ffffn) {
              expect(() => window.adjust(size)).toThrow(ProtocolError);
              return;
            }
            window.adjust(size);
            model += BigInt(size);
          } else {
            const count = Math.min(size, window.available);
            window.spend(count);
            model -= BigInt(count);
          }
          expect(BigInt(window.available)).toBe(model);
        }
      }),
      runs(1_000),
    );
  });
});
