// CBC with a MAC over the plaintext (CVE-2008-5161): who puts a block of somebody's ciphertext where a packet begins must not learn
// from it, neither by when the connection ends nor by what is said then. What a decoder does is in packets.test.ts.
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/bytes.ts';
import { Outbox } from '../../src/bytes/outbox.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { createOpener, createSealer } from '../../src/packet/ciphers.ts';
import { PacketDecoder } from '../../src/packet/decoder.ts';
import { limits } from '../../src/packet/limits.ts';
import { Ignore } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { expectViolation } from '../support/death.ts';

const CIPHERS = ['aes128-cbc', 'aes192-cbc', 'aes256-cbc', '3des-cbc'] as const;

function open(victim: 'client' | 'server', cipher: string, mac: string): Attacker {
  const algorithms = { kex: ['curve25519-sha256'], ciphers: [cipher], macs: [mac] };
  return new Attacker({ victim, cipher, mac, victimOptions: { algorithms } }).reach('open');
}

/** A packet as it would be sent next. */
function nextPacket(attacker: Attacker): Uint8Array {
  attacker.encoder.send(Ignore.encode({ data: new Uint8Array(40) }));
  return new Uint8Array(Buffer.concat(attacker.outbox.take()));
}

describe.each(['client', 'server'] as const)('a %s', (victim) => {
  it.each(CIPHERS)('talks %s with a MAC over the plaintext', (cipher) => {
    for (const mac of ['hmac-sha1', 'hmac-md5-96', 'hmac-sha1-etm@openssh.com']) {
      const attacker = open(victim, cipher, mac);
      for (let i = 0; i < 3; i++) attacker.raw(nextPacket(attacker));
      expect(attacker.victim.error).toBeNull();
    }
  });

  const block = { 'aes128-cbc': 16, '3des-cbc': 8 } as const;
  const damages: [string, (packet: Uint8Array) => void][] = [
    ['a wrong first block', (packet) => void packet.fill(0x5a, 0, 8)],
    ['a wrong block in the middle', (packet) => void packet.fill(0x5a, 32, 40)],
    ['a wrong MAC', (packet) => void packet.fill(0x5a, packet.length - 4)],
  ];
  for (const [cipher, blockBytes] of Object.entries(block)) {
    it.each(damages)(`dies of %s under ${cipher} after as many bytes and with the same words`, (_what, damage) => {
      const attacker = open(victim, cipher, 'hmac-sha1');
      const packet = nextPacket(attacker);
      damage(packet);
      const longest = Math.floor((limits.packetBytes + 4) / blockBytes) * blockBytes + 20;
      attacker.raw(packet).raw(new Uint8Array(longest - packet.length - 1));
      expect(attacker.victim.error).toBeNull();
      expect(attacker.disconnects).toEqual([]);
      expect(attacker.victim.engine.wantsInput).toBe(true);
      attacker.raw(new Uint8Array(1));
      expect(expectViolation(attacker, 'mac-mismatch', 5).message).toBe('a packet failed its integrity check');
    });
  }

  it('dies at once where the MAC covers the ciphertext, or the mode has no chain', () => {
    for (const [cipher, mac] of [
      ['aes128-cbc', 'hmac-sha1-etm@openssh.com'],
      ['aes128-ctr', 'hmac-sha1'],
    ] as const) {
      const attacker = open(victim, cipher, mac);
      const packet = nextPacket(attacker);
      packet[packet.length - 1] = (packet.at(-1) as number) ^ 1;
      attacker.raw(packet);
      expectViolation(attacker, 'mac-mismatch', 5);
    }
  });
});

it('takes nothing from who knows the key and lies about the length, however right the MAC', () => {
  const keys = { key: new Uint8Array(16), iv: new Uint8Array(16), macKey: new Uint8Array(20) };
  const lie = new Uint8Array(Math.floor((limits.preAuthPacketBytes + 4) / 16) * 16);
  const send = (length: number): Uint8Array | null => {
    lie.set([length >>> 24, length >>> 16, length >>> 8, length, 4, Ignore.number]);
    const outbox = new Outbox();
    createSealer(nodeCrypto, 'aes128-cbc', 'hmac-sha1', keys).seal(0, lie, outbox);
    const decoder = new PacketDecoder();
    decoder.useKeys(createOpener(nodeCrypto, 'aes128-cbc', 'hmac-sha1', keys), false);
    decoder.input.push(concat(...outbox.take()));
    return decoder.next();
  };
  expect(send(lie.length - 4)).toHaveLength(lie.length - 9);
  // The MAC is over exactly the bytes that are waited for, and still nothing is taken.
  for (const length of [0, 13, lie.length - 3, 0xffff_ffff])
    expect(() => send(length)).toThrow('a packet failed its integrity check');
});
