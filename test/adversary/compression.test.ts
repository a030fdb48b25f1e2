// zlib@openssh.com under attack: bombs (russh CVE-2026-46702), damaged streams, compression where there must be none yet; and the
// legal packet that grows to more than twice its size, which a limit set too low would refuse (russh #750).
import { constants, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { defaultAlgorithms } from '../../src/algorithms/registry.ts';
import { Compressor, Decompressor } from '../../src/packet/compression.ts';
import { ChannelData, GlobalRequest } from '../../src/wire/messages/connection.ts';
import { Ignore, KexInit } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { expectViolation } from '../support/death.ts';
import { EnginePair } from '../support/engine-pair.ts';
import { fastest } from '../support/measure.ts';

const ZLIB = 'zlib@openssh.com';
const algorithms = { kex: ['curve25519-sha256'], compression: [ZLIB] };

function compressing(victim: 'client' | 'server'): Attacker {
  return new Attacker({ victim, compression: ZLIB, victimOptions: { algorithms } });
}

/** Sends bytes as payload that are compressed already, or pretend to be. */
function sendRaw(attacker: Attacker, payload: Uint8Array): void {
  attacker.encoder.useCompression(null);
  attacker.send(payload);
}

const sync = { finishFlush: constants.Z_SYNC_FLUSH };

describe.each(['client', 'server'] as const)('a %s', (victim) => {
  it('works with compression at all', () => {
    const attacker = compressing(victim).reach('open');
    const { channel, id } = attacker.channel();
    attacker.send(ChannelData.encode({ recipient: id, data: new Uint8Array(1_000).fill(65) }));
    expect(channel.bytes).toBe(1_000);
    attacker.send(ChannelData.encode({ recipient: id, data: attacker.dice.bytes(32_768) }));
    expect(channel.bytes).toBe(33_768);
    expect(attacker.victim.error).toBeNull();
  });

  it('drops 200 MiB in a packet of 200 kB, quickly and without holding them', () => {
    const bomb = deflateSync(Buffer.alloc(200 * 1_048_576), { ...sync, level: 9 });
    expect(bomb.length).toBeLessThan(215_000);
    const time = fastest(
      5,
      () => compressing(victim).reach('open'),
      (attacker) => {
        const memory = process.memoryUsage().arrayBuffers;
        sendRaw(attacker, bomb);
        expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(2 * 1_048_576);
        expectViolation(attacker, 'decompressed-too-long', 6);
      },
    );
    expect(time).toBeLessThan(50);
  });

  it('takes a legal packet that grows to eight times its size', () => {
    const attacker = compressing(victim).reach('open');
    const data = new Uint8Array(240_000).fill(1);
    attacker.send(GlobalRequest.encode({ request: 'x', wantReply: false, data }));
    expect(attacker.victim.error).toBeNull();
    expect(attacker.victim.globals[0]?.data).toHaveLength(240_000);
  });

  it.each([
    ['noise', new Uint8Array(64).fill(0xa5)],
    ['a wrong header', Uint8Array.of(0, 0, 0, 0, 0, 0)],
    ['a stream that ends', deflateSync(Buffer.from(Ignore.encode({ data: new Uint8Array(4) })))],
    ['a wrong block type', Uint8Array.of(0x78, 0x9c, 0x07, 0, 0, 0)],
  ])('drops %s', (_name, payload) => {
    const attacker = compressing(victim).reach('open');
    sendRaw(attacker, payload);
    expectViolation(attacker, 'decompression-failed', 6);
  });

  it('drops a packet out of which nothing comes', () => {
    const attacker = compressing(victim).reach('open');
    sendRaw(attacker, deflateSync(Buffer.alloc(0), sync));
    expectViolation(attacker, 'empty-payload');
  });

  it('does not decompress anything before the login', () => {
    const attacker = compressing(victim).reach('auth');
    // Plain as it is: if it were inflated, it would fail.
    attacker.send(Ignore.encode({ data: new Uint8Array(10) }));
    expect(attacker.victim.error).toBeNull();
  });

  it('does not offer compression unless asked to, and never the kind that starts before the login', () => {
    const attacker = new Attacker({ victim }).reach('kexinit');
    const init = KexInit.decode(attacker.received[0] as Uint8Array);
    expect([init.compressionClientToServer, init.compressionServerToClient]).toEqual([['none'], ['none']]);
    expect(defaultAlgorithms().compression).toEqual(['none']);
  });
});

describe('two engines with compression', () => {
  it('agree over rekeys, in every direction, with data under way', () => {
    const side = { algorithms };
    const pair = new EnginePair({ client: side, server: side }).login();
    const channel = pair.client.open();
    pair.settle();
    for (let round = 0; round < 6; round++) {
      channel.machine?.write(new Uint8Array(100_000).fill(round), 0);
      pair.server.channels[0]?.machine?.write(new Uint8Array(100_000).fill(round), 1);
      if (round % 2 === 0) pair.client.engine.rekey();
      if (round % 3 === 0) pair.server.engine.rekey();
      pair.settle();
    }
    expect([pair.client.error, pair.server.error]).toEqual([null, null]);
    expect(pair.server.channels[0]?.bytes).toBe(600_000);
    expect(channel.bytes).toBe(600_000);
  });

  it('agree when a rekey was asked for while the login was being decided', () => {
    const pair = new EnginePair({ client: { algorithms }, server: { algorithms, manualTasks: true } }).start();
    for (let i = 0; i < 10 && pair.client.engine.phase !== 'auth'; i++) pair.settle();
    const outcomes = pair.authenticate();
    for (let i = 0; i < 10; i++) {
      pair.flush(pair.client);
      pair.deliver(pair.server);
    }
    expect(pair.server.tasks.length).toBeGreaterThan(0);
    pair.server.engine.rekey();
    pair.client.engine.rekey();
    pair.settle();
    expect(outcomes).toEqual([{ result: 'success' }]);
    expect([pair.client.error, pair.server.error]).toEqual([null, null]);
    expect(pair.client.eventsOf('keys')).toHaveLength(2);
  });
});

describe('the codec', () => {
  it('gives back what went in, packet by packet, whatever the sizes are', () => {
    const compressor = new Compressor();
    const decompressor = new Decompressor();
    for (const size of [1, 2, 100, 32_767, 32_768, 32_769, 65_536, 100_000, 262_144, 3]) {
      const data = new Uint8Array(size).map((_, index) => (index * 31) >> 3);
      expect(Buffer.compare(decompressor.decompress(compressor.compress(data).slice()), data)).toBe(0);
    }
  });

  it('stops at 256 KiB exactly', () => {
    expect(new Decompressor().decompress(deflateSync(Buffer.alloc(262_144), sync))).toHaveLength(262_144);
    expect(() => new Decompressor().decompress(deflateSync(Buffer.alloc(262_145), sync))).toThrow(/limit/);
  });
});
