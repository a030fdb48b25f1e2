// All 256 message numbers, sent to a real engine in each phase and role, with and without strict kex. What may pass is written down
// here once more, by number, from the RFCs and from the attacks that it is about, so that a slip in the table does not pass itself:
// CVE-2018-10933 (USERAUTH_SUCCESS to a server), CVE-2025-32433 (channel messages before authentication), CVE-2023-48795.
import { describe, expect, it } from 'vitest';
import { type AdmissionPhase, admission } from '../../src/engine/admission.ts';
import { ProtocolError } from '../../src/errors.ts';
import { Unimplemented } from '../../src/wire/messages/transport.ts';
import { Attacker, admissionPhases } from '../support/attacker.ts';
import { expectDead } from '../support/death.ts';

const FIRST_EXCHANGE: readonly AdmissionPhase[] = ['kexinit', 'kex', 'newkeys'];
const KEX_METHOD = Array.from({ length: 20 }, (_, index) => 30 + index);
const CHANNEL = [80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100];

/** Numbers that get through to a decoder, by role of the receiver and phase. 1 to 4 always, but see below. */
const passes: Record<'client' | 'server', Record<AdmissionPhase, readonly number[]>> = {
  client: {
    kexinit: [20],
    kex: KEX_METHOD,
    newkeys: [21],
    service: [6, 7, 20],
    auth: [7, 20, 51, 52, 53, 60, 61, 64, 65],
    open: [20, ...CHANNEL, 192, 193],
    rekey: KEX_METHOD,
    'rekey-newkeys': [21],
  },
  server: {
    kexinit: [20],
    kex: KEX_METHOD,
    newkeys: [21],
    service: [5, 7, 20],
    auth: [5, 7, 20, 50, 61, 63, 65, 66],
    open: [20, 50, ...CHANNEL, 192, 193],
    rekey: KEX_METHOD,
    'rekey-newkeys': [21],
  },
};

/** The numbers that somebody has defined: an open connection answers all others with UNIMPLEMENTED. */
const defined = new Set([
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  20,
  21,
  ...KEX_METHOD,
  50,
  51,
  52,
  53,
  60,
  61,
  63,
  64,
  65,
  66,
  ...CHANNEL,
  192,
  193,
]);

function expected(number: number, role: 'client' | 'server', phase: AdmissionPhase, strict: boolean): string {
  const strictNow = strict && FIRST_EXCHANGE.includes(phase) && phase !== 'kexinit';
  if (phase === 'open' && !defined.has(number)) return 'unimplemented';
  if (number === 1) return 'admit';
  if (number >= 2 && number <= 4) return strictNow ? 'strict-kex' : 'admit';
  if (passes[role][phase].includes(number)) return 'admit';
  return strictNow ? 'strict-kex' : 'message-not-admitted';
}

describe.each(['client', 'server'] as const)('a %s', (role) => {
  describe.each(admissionPhases)("in phase '%s'", (phase) => {
    const modes = FIRST_EXCHANGE.includes(phase) ? [true, false] : [true];
    it.each(modes)('meets all 256 numbers (strict kex: %s)', { timeout: 30_000 }, (strict) => {
      let attacker = new Attacker({ victim: role, strict }).reach(phase);
      for (let number = 0; number < 256; number++) {
        const verdict = expected(number, role, phase, strict);
        const strictNow = strict && FIRST_EXCHANGE.includes(phase) && phase !== 'kexinit';
        expect(admission(number, role, phase, strictNow), `${number}`).toBe(verdict);
        const events = attacker.victim.events.length;
        const channels = attacker.victim.channels.length;
        attacker.received.length = 0;
        // Bytes that no decoder takes for a whole message: what matters is whether they were looked at.
        attacker.send(Uint8Array.of(number, 0xff, 0xff, 0xff, 0xff, 0xff));
        const { error } = attacker.victim;
        if (verdict === 'admit') {
          const refused = error instanceof ProtocolError && ['strict-kex', 'message-not-admitted'].includes(error.violation);
          // EXT_INFO has one place more exactly than the table says.
          if (number !== 7) expect(refused, `message ${number}: ${error?.message}`).toBe(false);
        } else if (verdict === 'unimplemented') {
          expect(error).toBeNull();
          expect(attacker.received.map((payload) => payload[0])).toEqual([Unimplemented.number]);
        } else {
          expect((error as ProtocolError | null)?.violation, `message ${number}`).toBe(verdict);
          expectDead(attacker.victim);
          // Nothing of it got any further: no event but the end, no channel, no word but goodbye.
          expect(attacker.victim.events).toHaveLength(events + 1);
          expect(attacker.victim.channels).toHaveLength(channels);
          expect(attacker.received.map((payload) => payload[0])).toEqual([1]);
        }
        // Only what left the victim as it was may be followed by the next number.
        if (verdict !== 'unimplemented') attacker = new Attacker({ victim: role, strict }).reach(phase);
      }
    });
  });
});

it('names the sequence number of what it does not know', () => {
  const attacker = new Attacker({ victim: 'server' }).reach('open');
  const { sequence } = attacker.encoder;
  attacker.send(Uint8Array.of(200));
  expect(Unimplemented.decode(attacker.received.at(-1) as Uint8Array).sequence).toBe(sequence);
});
