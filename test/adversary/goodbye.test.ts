// What the peer is told and what it tells: DISCONNECT with text that could drive a terminal (Go 0f039f3), one goodbye, general words,
// nothing but SSHError to anyone, whatever a peer sends.
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/bytes.ts';
import { DisconnectedError, SSHError } from '../../src/errors.ts';
import { Debug, Disconnect } from '../../src/wire/messages/transport.ts';
import { Writer } from '../../src/wire/writer.ts';
import { Attacker, type AttackPhase } from '../support/attacker.ts';
import { expectDead, expectViolation } from '../support/death.ts';
import { EnginePair } from '../support/engine-pair.ts';
import { Dice } from '../support/seeded-crypto.ts';

const phases: readonly AttackPhase[] = ['kexinit', 'kex', 'newkeys', 'service', 'auth', 'open', 'rekey', 'rekey-newkeys'];
const RUNS = Number(process.env['AMIKO_RUNS'] ?? 40);

describe.each(['client', 'server'] as const)('a %s', (victim) => {
  it.each(phases)("hears DISCONNECT in phase '%s' and does not answer it", (phase) => {
    const attacker = new Attacker({ victim }).reach(phase);
    attacker.received.length = 0;
    attacker.send(Disconnect.encode({ reason: 11, description: 'bye', language: '' }));
    expect(expectDead(attacker.victim)).toBeInstanceOf(DisconnectedError);
    expect(attacker.pull().received).toHaveLength(0);
  });

  it('escapes what it is told, and keeps it as it was beside that', () => {
    const description = '\x1b[2J\0\r\nroot:x\u009b31m\u2028\u202e\x7f';
    const attacker = new Attacker({ victim }).reach('open');
    attacker.send(Disconnect.encode({ reason: 2, description, language: '' }));
    const error = expectDead(attacker.victim) as DisconnectedError;
    expect(error.description).toBe(description);
    expect(error.message).toBe('the peer disconnected (reason 2): \\x1b[2J\\x00\\x0d\\x0aroot:x\\x9b31m\\u2028\\u202e\\x7f');
  });

  it('caps what it is told, and takes bytes that are no text', () => {
    const long = new Attacker({ victim }).reach('open');
    long.send(Disconnect.encode({ reason: 2, description: 'x'.repeat(30_000), language: '' }));
    expect(expectDead(long.victim).message.length).toBeLessThan(1_100);
    const broken = new Attacker({ victim }).reach('open');
    broken.send(
      new Writer()
        .u8(1)
        .u32(2)
        .string(Uint8Array.of(0xff, 0xfe, 0x41))
        .string('')
        .finish(),
    );
    expect(expectDead(broken.victim).message).toContain('\ufffd\ufffdA');
  });

  it('takes a DISCONNECT without language, as old peers send it, but none that is cut', () => {
    const whole = Disconnect.encode({ reason: 2, description: 'abc', language: '' });
    const old = new Attacker({ victim }).reach('open').send(whole.subarray(0, whole.length - 4));
    expect(old.victim.error).toBeInstanceOf(DisconnectedError);
    for (let end = 1; end < whole.length; end++) {
      if (end === whole.length - 4) continue;
      expectViolation(new Attacker({ victim }).reach('open').send(whole.subarray(0, end)), 'malformed-message');
    }
  });

  it('passes DEBUG on as an event and does nothing else about it', () => {
    const attacker = new Attacker({ victim }).reach('open');
    attacker.received.length = 0;
    attacker.send(Debug.encode({ alwaysDisplay: true, message: '\x1b[31m', language: '' }));
    expect(attacker.victim.events.at(-1)).toEqual({ type: 'debug', text: '\x1b[31m', alwaysDisplay: true });
    expect(attacker.received).toHaveLength(0);
  });

  it('tells nobody anything but an SSHError, and says goodbye once, whatever it gets', { timeout: 60_000 + RUNS * 200 }, () => {
    const dice = new Dice(victim === 'client' ? 31 : 32);
    for (const phase of phases) {
      for (let run = 0; run < RUNS; run++) {
        const attacker = new Attacker({ victim }).reach(phase);
        if (phase === 'open' || phase.startsWith('rekey')) {
          try {
            if (phase === 'open') attacker.channel();
          } catch (error) {
            expect(error).toBeInstanceOf(SSHError);
          }
        }
        const known = [
          1, 2, 4, 5, 6, 7, 20, 21, 30, 31, 50, 51, 52, 53, 60, 61, 80, 81, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 192,
        ];
        for (let i = 0; i < 20 && attacker.victim.error === null; i++) {
          const payload = dice.bytes(1 + dice.below(dice.pick([5, 20, 80, 600])));
          payload[0] = dice.pick(known);
          // Small numbers where lengths, channels and counts stand make more of it look right.
          for (let at = 1; at < payload.length; at++) if (!dice.once(4)) payload[at] = dice.once(5) ? dice.below(12) : 0;
          attacker.send(payload);
        }
        const { error } = attacker.victim;
        if (error === null) attacker.victim.engine.end(0);
        attacker.pull();
        expect(attacker.disconnects.length).toBeLessThanOrEqual(1);
        const end = expectDead(attacker.victim);
        // An error of ours that is no SSHError would be wrapped with this code.
        expect(end.code, `${phase}: ${end.message} ${String(end.cause)}`).not.toBe('ERR_SSH_CLOSED');
      }
    }
  });

  it('tells nobody anything but an SSHError where bytes come that are no packets', () => {
    const dice = new Dice(7);
    for (const phase of phases) {
      for (let run = 0; run < 20; run++) {
        const attacker = new Attacker({ victim }).reach(phase);
        for (let i = 0; i < 50 && attacker.victim.error === null; i++) attacker.raw(dice.bytes(1 + dice.below(4_000)));
        if (attacker.victim.error === null) attacker.victim.engine.end(0);
        expect(expectDead(attacker.victim).code).toMatch(/^ERR_SSH_(PROTOCOL|CONNECTION_LOST|DISCONNECTED)$/);
      }
    }
  });
});

describe('closing', () => {
  it.each([
    ['before it began', () => new EnginePair()],
    ['after its own greeting', () => new EnginePair().start()],
    ['after the keys', () => new EnginePair().start().settle()],
    ['logged in', () => new EnginePair().login()],
  ])('may be done twice: %s', (_name, make) => {
    const pair = make();
    for (const peer of pair.peers) {
      peer.engine.close(11, 'done');
      peer.engine.close();
      peer.engine.end(0);
      expect(expectDead(peer).code).toBe('ERR_SSH_CLOSED');
    }
  });

  it('tells the reason and the words that were given', () => {
    const attacker = new Attacker({ victim: 'server' }).reach('open');
    attacker.victim.engine.close(12, 'tōo many');
    const payload = attacker.pull().received.at(-1) as Uint8Array;
    expect(Disconnect.decode(payload)).toEqual({ reason: 12, description: 'tōo many', language: '' });
    expect(encodeUtf8('tōo many')).toHaveLength(9);
  });
});
