// Terrapin (CVE-2023-48795): someone in the middle inserts a packet before NEWKEYS and takes one away after it, and the sequence
// numbers fit again. Strict key exchange is the answer (OpenSSH PROTOCOL section 1.10); without it the attack works, which is shown
// here too, so that the tests above it prove something.
import { describe, expect, it } from 'vitest';
import { concat, readU32 } from '../../src/bytes/bytes.ts';
import { Outbox } from '../../src/bytes/outbox.ts';
import { ProtocolError } from '../../src/errors.ts';
import { PacketEncoder } from '../../src/packet/encoder.ts';
import { Debug, Ignore, NewKeys, Unimplemented } from '../../src/wire/messages/transport.ts';
import { Attacker, violationOf } from '../support/attacker.ts';
import { expectViolation } from '../support/death.ts';
import { EnginePair, type Peer } from '../support/engine-pair.ts';
import { seededCrypto } from '../support/seeded-crypto.ts';

const CHACHA = { kex: ['curve25519-sha256'], ciphers: ['chacha20-poly1305@openssh.com'] };

/** A packet as it looks before there are keys. */
function plainPacket(payload: Uint8Array): Uint8Array {
  const outbox = new Outbox();
  new PacketEncoder(seededCrypto(3), outbox).send(payload);
  return concat(...outbox.take());
}

/** Splits what a peer has sent at its NEWKEYS: [in clear up to and with it, sealed]. */
function atNewKeys(bytes: Uint8Array): [Uint8Array, Uint8Array] | null {
  for (let at = 0; at + 5 < bytes.length; at += 4 + readU32(bytes, at)) {
    if (bytes[at + 5] === NewKeys.number) {
      const end = at + 4 + readU32(bytes, at);
      return [bytes.subarray(0, end), bytes.subarray(end)];
    }
  }
  return null;
}

/**
 * Runs a handshake with someone in the middle: inserts `payload` before the NEWKEYS that goes to `to`, and with `cut` takes away
 * the first sealed packet behind it.
 */
function attack(strict: boolean, to: 'client' | 'server', payload: Uint8Array, cut: boolean): { pair: EnginePair; target: Peer } {
  const side = { strictKex: strict, algorithms: CHACHA };
  const pair = new EnginePair({ client: side, server: side }).start();
  const target = pair[to];
  const from = pair.other(target);
  let done = false;
  for (let round = 0; round < 50; round++) {
    for (const peer of pair.peers) {
      pair.flush(peer);
      const other = pair.other(peer);
      const queue = pair.wire[other.role];
      if (peer === from && !done && queue.length > 0) {
        const parts = atNewKeys(concat(...queue));
        if (parts !== null) {
          const [clear, sealed] = parts;
          // The last packet in clear is NEWKEYS, 16 bytes long.
          const head = clear.subarray(0, clear.length - 16);
          queue.splice(
            0,
            queue.length,
            concat(head, plainPacket(payload), clear.subarray(-16), cut ? new Uint8Array(0) : sealed),
          );
          done = true;
        }
      }
      pair.deliver(other);
    }
  }
  expect(done).toBe(true);
  return { pair, target };
}

const inserted = {
  IGNORE: Ignore.encode({ data: new Uint8Array(3) }),
  DEBUG: Debug.encode({ alwaysDisplay: false, message: 'x', language: '' }),
  UNIMPLEMENTED: Unimplemented.encode({ sequence: 0 }),
};

describe('someone in the middle', () => {
  it('succeeds where strict kex is off: EXT_INFO is gone and nobody notices', () => {
    const { pair } = attack(false, 'client', inserted.IGNORE, true);
    pair.authenticate();
    pair.settle();
    expect([pair.client.error, pair.server.error]).toEqual([null, null]);
    expect(pair.client.eventsOf('extensions')).toHaveLength(0);
    expect(pair.client.engine.phase).toBe('open');
  });

  it.each(Object.entries(inserted))('cannot insert %s before the NEWKEYS of the server, nor cut EXT_INFO', (_name, payload) => {
    const { target } = attack(true, 'client', payload, true);
    expect(violationOf(target.error)).toBe('strict-kex');
  });

  it.each(Object.entries(inserted))('cannot insert %s before the NEWKEYS of the client', (_name, payload) => {
    const { target } = attack(true, 'server', payload, false);
    expect(violationOf(target.error)).toBe('strict-kex');
  });

  it('cannot cut a packet without inserting one: the sequence numbers are gone', () => {
    const side = { algorithms: CHACHA };
    const pair = new EnginePair({ client: side, server: side }).login();
    const channel = pair.client.open();
    pair.settle();
    channel.machine?.request('first', new Uint8Array(0), null);
    pair.client.output();
    channel.machine?.request('second', new Uint8Array(0), null);
    pair.settle();
    // Which check fails depends on what the wrong key stream makes of the length.
    expect(pair.server.error).toBeInstanceOf(ProtocolError);
    expect(pair.server.channels[0]?.requests).toHaveLength(0);
  });
});

describe.each(['client', 'server'] as const)('a strict %s', (victim) => {
  it('wants KEXINIT as the first packet', () => {
    const attacker = new Attacker({ victim }).reach('kexinit');
    attacker.send(Ignore.encode({ data: new Uint8Array(0) }));
    // Whether the peer is strict is not known before its KEXINIT.
    expect(attacker.victim.error).toBeNull();
    attacker.sendKexInit();
    expectViolation(attacker, 'strict-kex');
  });

  it('takes an IGNORE first from a peer that is not strict', () => {
    const attacker = new Attacker({ victim, strict: false }).reach('kexinit');
    attacker.send(Ignore.encode({ data: new Uint8Array(0) })).reach('open');
    expect(attacker.victim.error).toBeNull();
  });

  it('takes IGNORE and DEBUG in a rekey: only the first exchange is strict', () => {
    const attacker = new Attacker({ victim }).reach('rekey');
    attacker.sendAll([inserted.IGNORE, inserted.DEBUG]).reach('rekey-newkeys');
    attacker.sendAll([inserted.IGNORE, inserted.DEBUG]).sendNewKeys();
    expect(attacker.victim.error).toBeNull();
    expect(attacker.victim.eventsOf('keys')).toHaveLength(2);
  });

  it('sets both sequence numbers back at every NEWKEYS', () => {
    const attacker = new Attacker({ victim, cipher: 'chacha20-poly1305@openssh.com' }).reach('rekey-newkeys').sendNewKeys();
    expect(attacker.encoder.sequence).toBe(0);
    attacker.send(Ignore.encode({ data: new Uint8Array(0) }));
    expect(attacker.victim.error).toBeNull();
  });

  it('is none where it did not offer it itself, whatever the peer offers', () => {
    const attacker = new Attacker({
      victim,
      cipher: 'chacha20-poly1305@openssh.com',
      victimOptions: { strictKex: false },
    }).reach('kex');
    attacker.send(inserted.IGNORE).reach('newkeys').send(inserted.DEBUG).reach('open');
    expect(attacker.encoder.sequence).toBeGreaterThan(5);
    expect(attacker.victim.error).toBeNull();
    expect(attacker.victim.eventsOf('keys').map((event) => event.strictKex)).toEqual([false]);
  });

  it('ignores a strict marker that comes later than the first KEXINIT', () => {
    const late = new Attacker({
      victim,
      strict: false,
      cipher: 'chacha20-poly1305@openssh.com',
      alterKexInit: (init) => ({
        ...init,
        kex: late.sessionId === null ? init.kex : [...init.kex, `kex-strict-${victim === 'client' ? 's' : 'c'}-v00@openssh.com`],
      }),
    });
    late.reach('rekey-newkeys').sendNewKeys();
    expect(late.encoder.sequence).toBeGreaterThan(5);
    late.send(Ignore.encode({ data: new Uint8Array(0) }));
    expect(late.victim.error).toBeNull();
    expect(late.victim.eventsOf('keys').map((event) => event.strictKex)).toEqual([false, false]);
  });
});
