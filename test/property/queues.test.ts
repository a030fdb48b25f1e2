// The queues of bytes against arrays, and the windows of a channel against a ledger: commands in any order.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../src/bytes/byte-queue.ts';
import { Outbox } from '../../src/bytes/outbox.ts';
import { ReceiveWindow, SendWindow } from '../../src/connection/window.ts';
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
        const taken: [Uint8Array, number[]][] = [];
        for (const [kind, size] of commands) {
          if (kind <= 1) {
            const piece =
              kind === 0 && used + size <= arena.length ? arena.subarray(used, used + size) : Buffer.from(dice.bytes(size));
            if (kind === 0) used += size;
            queue.push(piece);
            model.push(...piece);
          } else if (kind === 2) {
            const count = Math.min(size, model.length);
            expect([...queue.peek(count)]).toEqual(model.slice(0, count));
          } else if (kind === 3) {
            const count = Math.min(size, model.length);
            const out = queue.take(count);
            expect([...out]).toEqual(model.slice(0, count));
            taken.push([out, [...out]]);
            model = model.slice(count);
          } else if (kind === 4) {
            const count = Math.min(size, model.length);
            queue.skip(count);
            model = model.slice(count);
          } else if (size === 0) {
            queue.clear();
            model = [];
          }
          expect(queue.length).toBe(model.length);
          for (const at of [0, model.length >> 1, model.length - 1])
            if (at >= 0 && at < model.length) expect(queue.at(at)).toBe(model[at]);
          for (const wrong of [() => queue.peek(model.length + 1), () => queue.skip(model.length + 1)])
            expect(wrong).toThrow(RangeError);
        }
        // What was handed out stays what it was.
        for (const [bytes, before] of taken) expect([...bytes]).toEqual(before);
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
          const given: [Uint8Array[], Buffer][] = [];
          for (const [kind, size] of commands) {
            if (kind === 5) {
              const chunks = outbox.take();
              const bytes = Buffer.concat(chunks);
              expect(bytes.equals(Buffer.from(model))).toBe(true);
              for (const chunk of chunks) expect(chunk.length).toBeGreaterThan(0);
              given.push([chunks, bytes]);
              model = [];
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
