// How the bytes of a session are cut into reads must not matter: a recorded session, fed to a fresh engine in other pieces, gives the
// same events in the same order and the same messages. Both roles, every protection, with rekeys and data both ways.
//
// The engine's user here acts on events only, so that what it does depends on the bytes alone. What goes out is compared as messages:
// when a client sends one of its empty IGNOREs (they carry ACKs) depends on the reads by design, so these do not count.
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { passwordMethod } from '../../src/auth/client.ts';
import { concat } from '../../src/bytes/bytes.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { PacketEncoder } from '../../src/packet/encoder.ts';
import { EnginePair, Peer, type PeerOptions, type RecordedChannel } from '../support/engine-pair.ts';
import { runs } from '../support/runs.ts';
import { Dice, seededCrypto } from '../support/seeded-crypto.ts';

const none = new Uint8Array(0);

/** Padding and cookies of zeros: how many random bytes were drawn before must not decide about the next key. */
function crypto(seed: number): CryptoProvider {
  return { ...seededCrypto(seed), randomFill: (target) => void target.fill(0) };
}

/** A user that logs in, opens two channels, asks and writes on them, and ends them, whenever the last thing was answered. */
function clientProgram(): Partial<PeerOptions> {
  return {
    onEvent: (event, peer) => {
      if (event.type === 'keys' && event.first) peer.engine.authenticate(passwordMethod('me', 'secret'), () => {});
      if (event.type !== 'authenticated') return;
      for (let i = 0; i < 2; i++) {
        const channel = peer.open('session', { windowBytes: 40_000, maxPacketBytes: 5_000 });
        channel.onOpened = () => {
          const { machine } = channel;
          machine?.request('exec', new Uint8Array(20), {
            reply: () => machine.write(new Uint8Array(3_000).fill(i), 0),
            abandon: () => {},
          });
          channel.onEnded = () => machine?.close();
        };
      }
      peer.engine.globalRequest('x', none, { reply: () => {}, abandon: () => {} });
      peer.engine.ping(new Uint8Array(4), { reply: () => {}, abandon: () => {} });
    },
  };
}

/** A server that echoes on both streams, asks for new keys in the middle, and ends what the client has ended. */
function serverProgram(): Partial<PeerOptions> {
  return {
    onOpen: (open, peer) => {
      const channel = peer.accept(open);
      channel.onReceived = (data) => {
        channel.machine?.write(data, 0);
        channel.machine?.write(data.subarray(0, 100), 1);
        peer.engine.rekey();
        channel.machine?.request('exit-status', new Uint8Array(4), null);
        channel.machine?.eof();
      };
    },
  };
}

const protections: Record<string, PeerOptions['algorithms']> = {
  'aes128-gcm': { ciphers: ['aes128-gcm@openssh.com'] },
  'chacha20-poly1305': { ciphers: ['chacha20-poly1305@openssh.com'] },
  'aes256-ctr, hmac-sha2-256': { ciphers: ['aes256-ctr'], macs: ['hmac-sha2-256'] },
  'aes128-ctr, hmac-sha2-512-etm': { ciphers: ['aes128-ctr'], macs: ['hmac-sha2-512-etm@openssh.com'] },
  'aes128-gcm, zlib': { ciphers: ['aes128-gcm@openssh.com'], compression: ['zlib@openssh.com'] },
};

function options(role: 'client' | 'server', protection: string): PeerOptions {
  const algorithms = { kex: ['curve25519-sha256'], ...protections[protection] };
  const program = role === 'client' ? clientProgram() : serverProgram();
  return { role, algorithms, crypto: crypto(role === 'client' ? 11 : 12), ...program };
}

/** What one engine did with some bytes, as text to compare. */
function replay(role: 'client' | 'server', protection: string, bytes: Uint8Array, cuts: (left: number) => number): string[] {
  const log: string[] = [];
  const { send, sendChannelData } = PacketEncoder.prototype;
  vi.spyOn(PacketEncoder.prototype, 'send').mockImplementation(function (this: PacketEncoder, payload) {
    if (!(payload[0] === 2 && payload.length === 5)) log.push(`sent ${Buffer.from(payload).toString('hex')}`);
    send.call(this, payload);
  });
  vi.spyOn(PacketEncoder.prototype, 'sendChannelData').mockImplementation(function (this: PacketEncoder, id, type, data) {
    log.push(`data ${id} ${type} ${Buffer.from(data).toString('hex')}`);
    sendChannelData.call(this, id, type, data);
  });
  const channels: RecordedChannel[] = [];
  const own = options(role, protection);
  const peer = new Peer({
    ...own,
    onEvent: (event, self) => {
      log.push(`event ${event.type} ${JSON.stringify(event, (_key, value) => (value instanceof Map ? [...value] : value))}`);
      own.onEvent?.(event, self);
    },
  });
  peer.engine.start();
  for (let at = 0; at < bytes.length; ) {
    const count = cuts(bytes.length - at);
    // A copy each time, so that no two pieces lie in one buffer, and cleared afterwards: the engine keeps no view of it.
    const piece = bytes.slice(at, at + count);
    peer.receive(piece);
    piece.fill(0xee);
    at += count;
  }
  // Data goes out when it is fetched: only at the end, so that the moment is the same in all runs.
  peer.output();
  channels.push(...peer.channels);
  for (const channel of channels) {
    log.push(`channel ${Buffer.concat(channel.data).toString('hex')} ${Buffer.concat(channel.stderr).toString('hex')}`);
    log.push(
      `channel ${channel.requests.map((request) => request.request)} ${channel.eofs} ${channel.closed.length} ${channel.settled.length}`,
    );
  }
  log.push(`error ${peer.error?.message}`);
  vi.restoreAllMocks();
  return log;
}

afterEach(() => vi.restoreAllMocks());

describe.each(Object.keys(protections))('%s', (protection) => {
  const pair = new EnginePair({ client: options('client', protection), server: options('server', protection) }).start();
  pair.settle();

  it('records a session with all that matters in it', () => {
    expect(pair.peers.map((peer) => peer.error)).toEqual([null, null]);
    expect(pair.client.eventsOf('keys').length).toBeGreaterThan(1);
    expect(pair.client.channels.map((channel) => [channel.bytes, channel.closed.length])).toEqual([
      [3_100, 1],
      [3_100, 1],
    ]);
  });

  describe.each(['client', 'server'] as const)('to a %s', (role) => {
    const bytes = concat(...pair.transcript[role]);
    const whole = () => replay(role, protection, bytes, (left) => left);

    it('is the same in one piece and byte by byte', () => {
      const expected = whole();
      expect(expected.filter((line) => line.startsWith('event keys')).length).toBeGreaterThan(1);
      expect(expected.at(-1)).toBe('error undefined');
      expect(replay(role, protection, bytes, () => 1)).toEqual(expected);
    });

    it('is the same cut in two anywhere', { timeout: 60_000 }, () => {
      const expected = whole();
      const step = Number(process.env['AMIKO_RUNS'] ?? 0) > 1_000 ? 1 : 61;
      for (let at = 1; at < bytes.length; at += step) {
        let first = true;
        const log = replay(role, protection, bytes, (left) => {
          const count = first ? at : left;
          first = false;
          return count;
        });
        if (log.join('\n') !== expected.join('\n')) expect(log, `cut at ${at}`).toEqual(expected);
      }
    });

    it('is the same in random pieces', { timeout: 60_000 }, () => {
      const expected = whole().join('\n');
      fc.assert(
        fc.property(fc.nat(), (seed) => {
          const dice = new Dice(seed);
          const log = replay(role, protection, bytes, () =>
            dice.pick([1, 1 + dice.below(16), 1 + dice.below(500), 1 + dice.below(5_000)]),
          );
          if (log.join('\n') !== expected) expect(log).toEqual(whole());
        }),
        runs(25),
      );
    });
  });
});
