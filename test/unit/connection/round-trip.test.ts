// The round trip: the shortest of what was measured, from the moment a question leaves, on a clock of ours.
import { describe, expect, it } from 'vitest';
import { RoundTrip } from '../../../src/connection/round-trip.ts';
import { ClosedError, type SSHError } from '../../../src/errors.ts';

function measured() {
  const clock = { now: 1_000, asked: 0 };
  const roundTrip = new RoundTrip(
    () => clock.now,
    () => void clock.asked++,
  );
  /** A question that waits so long to be sent, and its answer so long to come. */
  const question = (waits: number, takes: number) => {
    const answered = roundTrip.start();
    clock.now += waits;
    roundTrip.sent();
    clock.now += takes;
    answered();
    return roundTrip.milliseconds;
  };
  return { clock, roundTrip, question };
}

describe('a round trip', () => {
  it('is not known before the first answer', () => {
    const { roundTrip } = measured();
    roundTrip.start();
    roundTrip.sent();
    expect(roundTrip.milliseconds).toBe(Number.POSITIVE_INFINITY);
  });

  it('is the shortest, whatever a slow answer says later or before', () => {
    const { question } = measured();
    expect([question(0, 900), question(0, 50), question(0, 60), question(0, 49), question(0, 5_000)]).toEqual([
      900, 50, 50, 49, 49,
    ]);
  });

  it('begins when the question is sent, not when it is asked', () => {
    const { question } = measured();
    expect(question(60_000, 50)).toBe(50);
  });

  it('is no time of a clock that stands still, or goes back, nor of an answer that comes before the question was sent', () => {
    const { clock, roundTrip, question } = measured();
    question(0, 0);
    question(0, -5);
    const answered = roundTrip.start();
    clock.now += 50;
    answered();
    expect(roundTrip.milliseconds).toBe(Number.POSITIVE_INFINITY);
    expect(question(0, 0.1)).toBeCloseTo(0.1);
  });

  it('keeps questions apart that are under way together', () => {
    const { clock, roundTrip } = measured();
    const first = roundTrip.start();
    roundTrip.sent();
    clock.now += 30;
    const second = roundTrip.start();
    roundTrip.sent();
    roundTrip.sent();
    clock.now += 40;
    first();
    expect(roundTrip.milliseconds).toBe(70);
    second();
    expect(roundTrip.milliseconds).toBe(40);
  });

  it('is measured where somebody waits for a reply, who gets it as it is', () => {
    const { clock, roundTrip } = measured();
    const heard: unknown[] = [];
    const waiter = {
      reply: (data: Uint8Array | null) => void heard.push(data),
      abandon: (error: SSHError) => void heard.push(error),
    };
    const data = Uint8Array.of(1);
    const over = new ClosedError();
    const [yes, no, never] = [roundTrip.timed(waiter), roundTrip.timed(waiter), roundTrip.timed(waiter)];
    roundTrip.sent();
    clock.now += 20;
    yes.reply(data);
    expect(roundTrip.milliseconds).toBe(20);
    no.reply(null);
    clock.now -= 15;
    never.abandon(over);
    expect(roundTrip.milliseconds).toBe(20);
    expect(heard).toEqual([data, null, over]);
    expect(heard[0]).toBe(data);
    expect(heard[2]).toBe(over);
  });

  it('that is needed and not known is asked for, once', () => {
    const { clock, roundTrip, question } = measured();
    roundTrip.need();
    roundTrip.need();
    expect(clock.asked).toBe(1);
    question(0, 50);
    roundTrip.need();
    expect(clock.asked).toBe(1);
    const other = measured();
    other.question(0, 50);
    other.roundTrip.need();
    expect(other.clock.asked).toBe(0);
  });
});
