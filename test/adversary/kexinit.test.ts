// KEXINIT and what hangs on it: repeated ones (CVE-2016-8858), name-list bombs (Erlang CVE-2025-30211), guessed packets (libssh
// CVE-2025-8277), algorithm confusion, the reserved field.
import { describe, expect, it } from 'vitest';
import { concat, encodeUtf8, writeU32 } from '../../src/bytes/bytes.ts';
import { NegotiationError } from '../../src/errors.ts';
import { KexEcdhInit, KexEcdhReply } from '../../src/wire/messages/kex.ts';
import { KexInit, NewKeys } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { expectDead, expectViolation } from '../support/death.ts';
import { fastAlgorithms } from '../support/engine-pair.ts';
import { fastest, liveBytes } from '../support/measure.ts';

const roles = ['client', 'server'] as const;

describe.each(roles)('a %s', (victim) => {
  it('drops at the second of 10,000 KEXINITs', () => {
    const attacker = new Attacker({ victim }).reach('kexinit');
    const one = KexInit.encode(attacker.kexInit()).slice();
    for (let i = 0; i < 10_000; i++) attacker.encoder.send(one);
    attacker.deliver();
    expectViolation(attacker, 'strict-kex');
  });

  it('drops at the second KEXINIT of a peer that is not strict, and in a rekey', () => {
    const loose = new Attacker({ victim, strict: false }).reach('kex');
    expectViolation(loose.sendKexInit(), 'message-not-admitted');
    const later = new Attacker({ victim }).reach('rekey');
    expectViolation(later.sendKexInit(), 'message-not-admitted');
  });

  it('ignores exactly one packet after a wrong guess', () => {
    const attacker = new Attacker({
      victim,
      alterKexInit: (init) => ({ ...init, kex: ['wrong-guess', ...init.kex], firstKexPacketFollows: true }),
    }).reach('kex');
    const number = victim === 'client' ? KexEcdhReply.number : KexEcdhInit.number;
    // What was guessed is not looked at, whatever it holds.
    attacker.send(concat(Uint8Array.of(number), attacker.dice.bytes(50)));
    expect(attacker.victim.error).toBeNull();
    attacker.reach('open');
    expect(attacker.victim.error).toBeNull();
  });

  it('does not ignore a second one', () => {
    const attacker = new Attacker({
      victim,
      alterKexInit: (init) => ({ ...init, kex: ['wrong-guess', ...init.kex], firstKexPacketFollows: true }),
    }).reach('kex');
    const number = victim === 'client' ? KexEcdhReply.number : KexEcdhInit.number;
    attacker.send(Uint8Array.of(number)).send(Uint8Array.of(number));
    expectViolation(attacker, 'malformed-message');
  });

  it('takes the packet of a right guess', () => {
    // A guess is right only where the first host key algorithm is the same, too: that of the server's key.
    const serverHostKey = ['ssh-ed25519'];
    const alterKexInit = (init: KexInit): KexInit => ({ ...init, serverHostKey, firstKexPacketFollows: true });
    const attacker = new Attacker({
      victim,
      victimOptions: { algorithms: { ...fastAlgorithms, keys: serverHostKey } },
      alterKexInit,
    }).reach('open');
    expect(attacker.victim.error).toBeNull();
  });

  it('does not carry a wrong guess over to the next exchange', () => {
    let guess = true;
    const attacker = new Attacker({
      victim,
      alterKexInit: (init) => (guess ? { ...init, kex: ['wrong-guess', ...init.kex], firstKexPacketFollows: true } : init),
    }).reach('kex');
    attacker.send(Uint8Array.of(30)).reach('open');
    guess = false;
    attacker.reach('rekey-newkeys').sendNewKeys();
    expect(attacker.victim.eventsOf('keys')).toHaveLength(2);
  });

  it('reads the reserved field and does not look at it', () => {
    const attacker = new Attacker({ victim, alterKexInit: (init) => ({ ...init, reserved: 0xffff_ffff }) }).reach('open');
    expect(attacker.victim.error).toBeNull();
  });

  it('refuses a kex method that was not agreed', () => {
    const attacker = new Attacker({ victim }).reach('kex');
    attacker.send(Uint8Array.of(34));
    expectViolation(attacker, 'kex-out-of-order');
  });

  it('refuses the message of the other side of the method', () => {
    const attacker = new Attacker({ victim }).reach('kex');
    const blob = new Uint8Array(32);
    if (victim === 'client') attacker.send(KexEcdhInit.encode({ clientValue: blob }));
    else attacker.send(KexEcdhReply.encode({ hostKey: blob, serverValue: blob, signature: blob }));
    expectViolation(attacker, 'kex-out-of-order');
  });

  it('refuses NEWKEYS that holds something', () => {
    const attacker = new Attacker({ victim }).reach('newkeys');
    attacker.send(Uint8Array.of(NewKeys.number, 0));
    expectViolation(attacker, 'malformed-message');
  });

  it('names both lists where nothing is common, and tells the peer its reason', () => {
    const attacker = new Attacker({ victim, alterKexInit: (init) => ({ ...init, cipherServerToClient: ['rot13', '3des-cbc'] }) });
    attacker.reach('kexinit').sendKexInit();
    const error = expectDead(attacker.victim) as NegotiationError;
    expect(error).toBeInstanceOf(NegotiationError);
    expect(error.category).toBe('cipher server to client');
    expect(error.theirs).toEqual(['rot13', '3des-cbc']);
    expect(error.ours).toContain('aes128-ctr');
    expect(attacker.disconnects).toEqual([3]);
  });

  it('never takes a marker for a method', () => {
    const own = [`kex-strict-${victim === 'client' ? 'c' : 's'}-v00@openssh.com`, `ext-info-${victim === 'client' ? 'c' : 's'}`];
    const attacker = new Attacker({ victim, alterKexInit: (init) => ({ ...init, kex: own }) });
    attacker.reach('kexinit').sendKexInit();
    expect(expectDead(attacker.victim)).toBeInstanceOf(NegotiationError);
  });

  it('takes no name from the prototype of objects', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const attacker = new Attacker({ victim, alterKexInit: (init) => ({ ...init, kex: names, cipherClientToServer: names }) });
    attacker.reach('kexinit').sendKexInit();
    expect(expectDead(attacker.victim)).toBeInstanceOf(NegotiationError);
  });

  it('is done with a bomb of names within 20 ms', () => {
    const bombs: Record<string, KexInit['kex']> = {
      'names of one letter': Array.from({ length: 4_900 }, () => 'a'),
      'commas only': [','.repeat(16_000)],
      'a thousand names ten times': Array.from({ length: 1_000 }, (_, index) => `n${index}`),
    };
    for (const [name, list] of Object.entries(bombs)) {
      const lists = name.startsWith('a thousand') ? 6 : 1;
      const fields = Array.from({ length: 10 }, (_, index) => (index < lists ? list : ['x']));
      const payload = rawKexInit(fields.map((names) => encodeUtf8(names.join(','))));
      const time = fastest(
        5,
        () => new Attacker({ victim }).reach('kexinit'),
        (attacker) => {
          attacker.send(payload);
          expectDead(attacker.victim);
        },
      );
      expect(time, name).toBeLessThan(20);
    }
  });

  it('does not believe a length that the message does not have', () => {
    for (const length of [0xffff_ffff, 0x7fff_ffff, 35_000]) {
      const attacker = new Attacker({ victim }).reach('kexinit');
      const payload = rawKexInit([new Uint8Array(10)]);
      writeU32(payload, 17, length);
      attacker.send(payload);
      expectViolation(attacker, 'malformed-message');
    }
  });

  it('stays flat over 300 rekeys with a wrong guess each', { timeout: 20_000 }, () => {
    const attacker = new Attacker({
      victim,
      alterKexInit: (init) => ({ ...init, kex: ['wrong-guess', ...init.kex], firstKexPacketFollows: true }),
    }).reach('kex');
    attacker.send(Uint8Array.of(30)).reach('open');
    const rekey = () => {
      attacker.sendKexInit().send(Uint8Array.of(30));
      if (victim === 'client') attacker.sendReply();
      else attacker.sendInit();
      attacker.sendNewKeys();
      attacker.received.length = 0;
      attacker.victim.events.length = 0;
    };
    for (let i = 0; i < 100; i++) rekey();
    const before = liveBytes();
    for (let i = 0; i < 200; i++) rekey();
    expect(attacker.victim.error).toBeNull();
    expect(liveBytes() - before).toBeLessThan(2_000_000);
  });
});

function rawKexInit(lists: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(KexInit.number), new Uint8Array(16)];
  for (const list of lists) {
    const length = new Uint8Array(4);
    writeU32(length, 0, list.length);
    parts.push(length, list);
  }
  return concat(...parts, new Uint8Array(5));
}
