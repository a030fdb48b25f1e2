// How an engine has to die, whatever killed it: the right violation, one DISCONNECT with the right reason as the last thing said,
// one last event, no timer left, deaf and silent from then on.
import { expect } from 'vitest';
import { ProtocolError, SSHError, type Violation } from '../../src/errors.ts';
import { Disconnect } from '../../src/wire/messages/transport.ts';
import type { Attacker } from './attacker.ts';
import type { Peer } from './engine-pair.ts';

/** What every dead engine has in common. */
export function expectDead(victim: Peer): SSHError {
  const { error } = victim;
  if (error === null) throw new Error('the engine is alive');
  expect(error).toBeInstanceOf(SSHError);
  const closed = victim.eventsOf('closed');
  expect(closed).toHaveLength(1);
  expect(victim.events.at(-1)).toBe(closed[0]);
  expect(closed[0]?.error).toBe(error);
  expect(victim.engine.deadline).toBeNull();
  expect(victim.engine.wantsInput).toBe(false);
  expect(victim.engine.holdsInput).toBe(false);
  expect(victim.engine.channelCount).toBe(0);
  for (const channel of victim.channels) {
    // Whoever waited for the opening was told once, and every channel that there was has ended once.
    expect(channel.settled.length).toBeLessThanOrEqual(1);
    expect(channel.closed).toHaveLength(channel.machine === null ? 0 : 1);
  }
  victim.output();
  const events = victim.events.length;
  victim.receive(new Uint8Array(100));
  victim.tick(victim.now + 1e9);
  victim.engine.resume(victim.now);
  expect(victim.output()).toHaveLength(0);
  expect(victim.events).toHaveLength(events);
  return error;
}

/** The victim has died of this violation, and has told the attacker so in general words. */
export function expectViolation(attacker: Attacker, violation: Violation, reason = 2): ProtocolError {
  const error = attacker.victim.error;
  if (!(error instanceof ProtocolError))
    throw new Error(`no violation, but ${error === null ? 'alive' : `${error.name}: ${error.message}`}`, { cause: error });
  expect(error.violation).toBe(violation);
  expect(error.disconnectReason).toBe(reason);
  attacker.pull();
  const last = attacker.received.at(-1) as Uint8Array;
  expect(last[0]).toBe(Disconnect.number);
  expect(Disconnect.decode(last)).toMatchObject({ reason, description: 'protocol error' });
  expect(attacker.disconnects).toHaveLength(1);
  expectDead(attacker.victim);
  return error;
}
