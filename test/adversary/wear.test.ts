// Keys must not be worn out: new ones are asked for before a sequence number or nonce comes round, a peer that does not answer that
// is dropped. The figures are lowered for this file, the code is the same.
import { describe, expect, it, vi } from 'vitest';
import { concat } from '../../src/bytes/bytes.ts';
import { gcmOpener, gcmSealer } from '../../src/packet/aead-gcm.ts';
import type { Opener } from '../../src/packet/cipher.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { Ignore, KexInit } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { modes, sealed } from '../support/codec.ts';
import { expectDead, expectViolation } from '../support/death.ts';
import { seededCrypto } from '../support/seeded-crypto.ts';

vi.mock('../../src/packet/limits.ts', async (original) => {
  const { limits } = await original<typeof import('../../src/packet/limits.ts')>();
  return { limits: { ...limits, packetsPerKey: 1_000, rekeyIgnoredBytes: 100_000 } };
});

const ignore = Ignore.encode({ data: new Uint8Array(10) }).slice();

describe.each(['client', 'server'] as const)('a %s', (victim) => {
  it('drops a peer that has used up the sequence numbers', () => {
    const attacker = new Attacker({ victim, victimOptions: { rekey: { packets: 10_000 } } }).reach('open');
    const left = 1_000 - attacker.encoder.packets;
    for (let i = 0; i < left; i++) attacker.send(ignore);
    expect(attacker.victim.error).toBeNull();
    attacker.send(ignore);
    expectViolation(attacker, 'sequence-wrapped');
  });

  it('drops it before the login too', () => {
    const attacker = new Attacker({ victim }).reach('service');
    for (let i = 0; i < 1_001; i++) attacker.encoder.send(ignore);
    attacker.deliver();
    expectViolation(attacker, 'sequence-wrapped');
  });

  it('asks for new keys in time, and begins to count again with them', () => {
    const attacker = new Attacker({ victim, victimOptions: { rekey: { packets: 100 } } }).reach('open');
    for (let round = 0; round < 20; round++) {
      attacker.received.length = 0;
      for (let i = 0; i < 100; i++) attacker.send(ignore);
      expect(attacker.receivedOf(KexInit.number)).toHaveLength(1);
      attacker.sendKexInit();
      if (victim === 'client') attacker.sendReply();
      else attacker.sendInit();
      attacker.sendNewKeys();
    }
    expect(attacker.victim.error).toBeNull();
    expect(attacker.victim.eventsOf('keys')).toHaveLength(21);
  });

  it('asks for new keys by bytes, whichever way they go, and not twice', () => {
    const attacker = new Attacker({ victim, victimOptions: { rekey: { bytes: 50_000 } } }).reach('open');
    for (let i = 0; i < 4; i++) attacker.send(Ignore.encode({ data: new Uint8Array(20_000) }));
    expect(attacker.receivedOf(KexInit.number)).toHaveLength(2);
    const other = new Attacker({ victim, victimOptions: { rekey: { bytes: 50_000 } } }).reach('open');
    for (let i = 0; i < 4; i++) other.victim.engine.sendIgnore(new Uint8Array(20_000));
    expect(other.pull().receivedOf(KexInit.number)).toHaveLength(2);
  });

  it('drops a peer that goes on without answering', () => {
    const attacker = new Attacker({ victim, victimOptions: { rekey: { packets: 20 } } }).reach('open');
    const large = Ignore.encode({ data: new Uint8Array(30_000) });
    for (let i = 0; i < 20; i++) attacker.send(ignore);
    expect(attacker.receivedOf(KexInit.number)).toHaveLength(2);
    // What was under way is still taken.
    for (let i = 0; i < 3; i++) attacker.send(large);
    expect(attacker.victim.error).toBeNull();
    attacker.send(large);
    expectViolation(attacker, 'rekey-ignored');
  });

  it('drops a peer that does not answer at all at the time limit', () => {
    const attacker = new Attacker({ victim, victimOptions: { rekey: { packets: 20 }, handshakeTimeoutMs: 5_000 } }).reach('open');
    attacker.victim.tick(1_000);
    for (let i = 0; i < 20; i++) attacker.send(ignore);
    attacker.victim.tick(5_999);
    expect(attacker.victim.error).toBeNull();
    attacker.victim.tick(6_000);
    expect(expectDead(attacker.victim)).toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 5_000 });
  });

  it('does not ask for new keys before the login, but right after it', () => {
    const attacker = new Attacker({ victim, victimOptions: { rekey: { packets: 20, milliseconds: 1_000 } } }).reach('auth');
    for (let i = 0; i < 50; i++) attacker.send(ignore);
    attacker.victim.tick(2_000);
    attacker.victim.engine.rekey();
    expect(attacker.pull().receivedOf(KexInit.number)).toHaveLength(1);
    attacker.reach('open');
    expect(attacker.receivedOf(KexInit.number)).toHaveLength(2);
  });
});

describe('the nonce of AES-GCM', () => {
  it('never comes twice, and carries over all eight bytes of its counter', () => {
    const nonces: string[] = [];
    const crypto = {
      ...seededCrypto(1),
      aesGcm: () => ({
        seal: (nonce: Uint8Array, _length: Uint8Array, plain: Uint8Array) => {
          nonces.push(Buffer.from(nonce).toString('hex'));
          return { ciphertext: plain.slice(), tag: new Uint8Array(16) };
        },
        open: (nonce: Uint8Array, _length: Uint8Array, body: Uint8Array) => {
          nonces.push(Buffer.from(nonce).toString('hex'));
          return body.slice();
        },
      }),
    };
    const iv = Uint8Array.from([1, 2, 3, 4, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe]);
    const sealer = gcmSealer(crypto, new Uint8Array(16), iv);
    const packet = new Uint8Array(20);
    for (let i = 0; i < 4; i++) sealed(sealer, packet);
    expect(nonces).toEqual([
      '0102030400000000fffffffe',
      '0102030400000000ffffffff',
      '010203040000000100000000',
      '010203040000000100000001',
    ]);
    nonces.length = 0;
    const opener = gcmOpener(crypto, new Uint8Array(16), iv);
    for (let i = 0; i < 4; i++) opener.open(i, concat(packet, new Uint8Array(16)));
    expect(new Set(nonces).size).toBe(4);
    expect(nonces[2]).toBe('010203040000000100000000');
  });
});

describe('the sequence number', () => {
  it.each(modes.filter((mode) => mode.name !== 'plain' && !mode.name.includes('gcm')))(
    'enters the protection of $name',
    (mode) => {
      const packet = new Uint8Array(mode.sealer().clearBytes + 32);
      packet[3] = packet.length - 4;
      packet[4] = 8;
      const opener: Opener = mode.opener();
      const decoder = new PacketDecoder();
      decoder.useKeys(opener, false);
      decoder.input.push(sealed(mode.sealer(), packet, 1));
      // What hides its failures gives up only after the longest packet.
      if (opener.hidesFailures) decoder.input.push(new Uint8Array(35_100));
      expect(() => decoder.next()).toThrow();
    },
  );
});
