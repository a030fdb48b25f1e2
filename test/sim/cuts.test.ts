// A session is cut after every single packet, in either direction, and at places within packets: whoever waited is told once, every
// channel ends once, no timer is left, the last event is the last.
import { describe, expect, it } from 'vitest';
import { passwordMethod } from '../../src/auth/client.ts';
import { ConnectionLostError, type SSHError } from '../../src/errors.ts';
import { PacketEncoder } from '../../src/packet/encoder.ts';
import { expectDead } from '../support/death.ts';
import { EnginePair, type Peer, type RecordedChannel } from '../support/engine-pair.ts';

interface Waiter {
  readonly what: string;
  readonly answers: unknown[];
}

/** One session with a bit of everything, up to the end of `steps`; stops where `cut` says so, before each delivery. */
function session(cut: (delivery: number, to: Peer) => boolean): { pair: EnginePair; waiters: Waiter[]; deliveries: number } {
  const waiters: Waiter[] = [];
  const waiter = (what: string) => {
    const one: Waiter = { what, answers: [] };
    waiters.push(one);
    return {
      reply: (data: unknown) => void one.answers.push(data),
      abandon: (error: SSHError) => void one.answers.push(error),
      opened: (machine: unknown) => void one.answers.push(machine),
      refused: (error: SSHError) => void one.answers.push(error),
    };
  };
  const side = { handshakeTimeoutMs: 20_000, rekey: { packets: 30, milliseconds: 3_600_000 } };
  const pair = new EnginePair({ client: side, server: { ...side, loginTimeoutMs: 120_000, authLimits: { failureDelayMs: 10 } } });
  let deliveries = 0;
  let isCut = false;
  const quiet = () => {
    for (let moved = true; moved && !isCut; ) {
      moved = false;
      for (const peer of pair.peers) {
        if (pair.flush(peer)) moved = true;
        const other = pair.other(peer);
        while (!isCut && pair.inFlight(other) > 0 && other.engine.wantsInput) {
          // In pieces that are no packets, so that the cut falls within them too.
          if (cut(deliveries++, other)) {
            isCut = true;
            break;
          }
          pair.deliver(other, 97);
          moved = true;
        }
      }
    }
  };
  const { client, server } = pair;
  client.engine.setKeepalive(15_000, 3);
  server.engine.setKeepalive(15_000, 3);
  pair.start();
  let channel: RecordedChannel | null = null;
  const steps: (() => void)[] = [
    () => {},
    () => {
      const login = waiter('login');
      client.engine.authenticate(passwordMethod('me', 'secret'), (outcome) => login.reply(outcome));
    },
    () => {
      channel = client.open();
      channel.onSettled = waiter('first open').reply as () => void;
    },
    () => {
      channel?.machine?.request('exec', new Uint8Array(10), waiter('exec'));
      client.engine.globalRequest('x', new Uint8Array(1), waiter('global request'));
      client.engine.ping(new Uint8Array(4), waiter('ping'));
      channel?.machine?.write(new Uint8Array(2_000), 0);
    },
    () => {
      server.channels[0]?.machine?.write(new Uint8Array(2_000), 1);
      server.open('x11').onSettled = waiter('open of the server').reply as () => void;
      server.engine.globalRequest('y', new Uint8Array(1), waiter('global request of the server'));
      client.engine.rekey();
      server.engine.rekey();
    },
    () => {
      server.channels[0]?.machine?.request('exit-status', new Uint8Array(4), null);
      server.channels[0]?.machine?.close();
    },
  ];
  for (const step of steps) {
    if (isCut || client.error !== null || server.error !== null) break;
    step();
    quiet();
  }
  return { pair, waiters, deliveries };
}

const whole = session(() => false);

describe('a session', () => {
  it('passes when it is not cut', () => {
    expect(whole.pair.peers.map((peer) => peer.error)).toEqual([null, null]);
    expect(whole.waiters.map(({ what, answers }) => [what, answers.length])).toEqual(whole.waiters.map(({ what }) => [what, 1]));
    expect(whole.waiters.length).toBe(7);
    expect(whole.pair.client.eventsOf('keys').length).toBeGreaterThan(1);
    expect(whole.deliveries).toBeGreaterThan(60);
  });

  it.each([
    ['the stream ends', undefined],
    ['the stream fails', new Error('ECONNRESET')],
  ])('that is cut anywhere settles everything once: %s', { timeout: 30_000 }, (_name, cause) => {
    for (let at = 0; at < whole.deliveries; at++) {
      const { pair, waiters } = session((delivery) => delivery === at);
      for (const peer of pair.peers) {
        peer.engine.end(pair.now, cause);
        const error = expectDead(peer);
        expect(error).toBeInstanceOf(ConnectionLostError);
        if (cause) expect(error.cause).toBe(cause);
      }
      for (const { what, answers } of waiters) expect([what, answers.length], `cut at ${at}`).toEqual([what, 1]);
    }
  });

  it('that is closed anywhere settles everything once, on both sides', { timeout: 30_000 }, () => {
    for (let at = 0; at < whole.deliveries; at++) {
      const { pair, waiters } = session((delivery) => delivery === at);
      const [first, second] = at % 2 === 0 ? pair.peers : [pair.server, pair.client];
      first.engine.close();
      first.engine.close();
      pair.flush(first);
      // What was under way to the other comes before the goodbye.
      for (let i = 0; i < 100; i++) {
        pair.flush(second);
        if (!pair.deliver(second)) break;
      }
      expect(expectDead(first).code).toBe('ERR_SSH_CLOSED');
      if (second.error === null) second.engine.end(pair.now);
      expect(expectDead(second).code).toMatch(/^ERR_SSH_(DISCONNECTED|CONNECTION_LOST)$/);
      for (const { what, answers } of waiters) expect([what, answers.length], `closed at ${at}`).toEqual([what, 1]);
    }
  });

  it('that falls silent anywhere ends by itself, at a time limit or by keepalive', { timeout: 30_000 }, () => {
    for (let at = 0; at < whole.deliveries; at += 3) {
      const { pair, waiters } = session((delivery) => delivery === at);
      for (const peer of pair.peers) {
        let now = pair.now;
        for (let i = 0; i < 100 && peer.error === null; i++) {
          const { deadline } = peer.engine;
          // A client that has keys may wait for its user, or the user for the server, for as long as the user likes.
          if (deadline === null || deadline > 120_000) break;
          now = Math.max(now, deadline);
          peer.tick(now);
          peer.output();
        }
        if (peer.error === null) {
          expect([peer.role, peer.engine.phase]).toEqual(['client', 'auth']);
          peer.engine.close();
        } else {
          expect(peer.error.code).toBe('ERR_SSH_TIMEOUT');
          expect(now).toBeLessThanOrEqual(120_000);
        }
        expectDead(peer);
      }
      for (const { what, answers } of waiters) expect([what, answers.length], `silent at ${at}`).toEqual([what, 1]);
    }
  });

  it('sends nothing after its goodbye', () => {
    let sent = 0;
    const { send } = PacketEncoder.prototype;
    const pair = new EnginePair().login();
    pair.client.open();
    pair.client.engine.close();
    pair.client.output();
    PacketEncoder.prototype.send = function (payload) {
      sent++;
      send.call(this, payload);
    };
    try {
      pair.client.channels[0]?.machine?.close();
      pair.client.engine.setKeepalive(1, 1);
      pair.client.tick(1e6);
      expect(() => pair.client.engine.rekey()).toThrow();
      expect(() => pair.client.engine.sendIgnore(new Uint8Array(1))).toThrow();
      expect(sent).toBe(0);
      expect(pair.client.engine.deadline).toBeNull();
    } finally {
      PacketEncoder.prototype.send = send;
    }
  });
});
