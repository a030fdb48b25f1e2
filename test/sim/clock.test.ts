// All that time does, on a clock that the test moves: limits for handshake and login, rekey by time, keepalive and its verdict, the
// floor under failed logins. And wrong guesses, which cost a round trip and nothing else.
import { describe, expect, it } from 'vitest';
import { noneMethod } from '../../src/auth/client.ts';
import { expectDead } from '../support/death.ts';
import { EnginePair, Peer } from '../support/engine-pair.ts';

describe('the handshake', () => {
  it.each(['client', 'server'] as const)('of a %s is over at its limit, not before', (role) => {
    const peer = new Peer({ role, handshakeTimeoutMs: 20_000 });
    peer.engine.start();
    expect(peer.engine.deadline).toBe(20_000);
    peer.tick(19_999);
    expect(peer.error).toBeNull();
    peer.tick(20_000);
    expect(expectDead(peer)).toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 20_000, phase: 'version' });
  });

  it('has no limit once it has passed', () => {
    const pair = new EnginePair({ client: { handshakeTimeoutMs: 20_000 }, server: { handshakeTimeoutMs: 20_000 } }).login();
    expect(pair.deadline).toBeNull();
  });

  it('waits for whoever looks at the host key, as long as its time lasts, and then goes on', () => {
    const pair = new EnginePair({ client: { handshakeTimeoutMs: 20_000, manualTasks: true } }).start();
    for (let i = 0; i < 10; i++) {
      for (const peer of pair.peers) {
        pair.flush(peer);
        pair.deliver(pair.other(peer));
      }
    }
    expect(pair.client.tasks.map((task) => task.label)).toEqual(['verify-host-key']);
    for (let now = 0; now < 20_000; now += 1_000) pair.tick(now);
    pair.settle();
    expect(pair.client.error).toBeNull();
    expect(pair.client.engine.phase).toBe('auth');
  });
});

describe('a login', () => {
  it('must be done in time, however busy the client is', () => {
    const pair = new EnginePair({
      server: { loginTimeoutMs: 10_000, auth: { none: () => 'failed' }, authLimits: { maxAttempts: 1_000 } },
    });
    pair.start().settle();
    for (let now = 0; now <= 20_000 && pair.server.error === null; now += 500) {
      pair.tick(now);
      if (pair.client.engine.phase === 'auth') pair.authenticate();
      pair.settle();
    }
    expect(pair.now).toBe(10_000);
    expect(expectDead(pair.server)).toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 10_000, phase: 'auth' });
  });

  it('has no limit once it has passed', () => {
    const pair = new EnginePair({ server: { loginTimeoutMs: 10_000 } }).login();
    pair.tick(1e6).settle();
    expect(pair.server.error).toBeNull();
  });

  it('that fails is answered at the floor', () => {
    const pair = new EnginePair({ server: { auth: { none: () => 'failed' }, authLimits: { failureDelayMs: 300 } } })
      .start()
      .settle();
    pair.tick(1_000);
    const outcomes = pair.authenticate(noneMethod('me'));
    pair.settle().tick(1_299).settle();
    expect(outcomes).toEqual([]);
    pair.tick(1_300).settle();
    expect(outcomes).toMatchObject([{ result: 'failure' }]);
  });
});

describe('new keys', () => {
  it('are exchanged when the time has come, again and again', () => {
    const rekey = { milliseconds: 3_600_000 };
    const pair = new EnginePair({ client: { rekey }, server: {} }).login();
    for (let hour = 1; hour <= 5; hour++) {
      expect(pair.deadline).toBe(hour * 3_600_000);
      pair.tick(hour * 3_600_000 - 1).settle();
      expect(pair.client.eventsOf('keys')).toHaveLength(hour);
      pair.tick(hour * 3_600_000).settle();
      expect(pair.client.eventsOf('keys')).toHaveLength(hour + 1);
    }
    expect(pair.server.eventsOf('keys').map((event) => event.first)).toEqual([true, false, false, false, false, false]);
    expect(pair.client.eventsOf('keys')[0]?.strictKex).toBe(true);
  });

  it('that the other does not answer end the connection', () => {
    const pair = new EnginePair({ client: { handshakeTimeoutMs: 5_000 } }).login().tick(1_000);
    pair.client.engine.rekey();
    pair.client.output();
    pair.client.tick(6_000);
    expect(expectDead(pair.client)).toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 5_000, phase: 'open' });
  });

  it('are asked for once, however often one asks', () => {
    const pair = new EnginePair().login();
    for (let i = 0; i < 10; i++) pair.client.engine.rekey();
    for (let i = 0; i < 10; i++) pair.server.engine.rekey();
    pair.settle();
    expect(pair.client.eventsOf('keys')).toHaveLength(2);
  });

  it('hold back what is said meanwhile, in its order, and lose none of it, however much our own user sends', () => {
    const pair = new EnginePair().login();
    const channel = pair.client.open();
    pair.settle();
    pair.client.engine.rekey();
    for (let i = 0; i < 3_000; i++) channel.machine?.request(`r${i}`, new Uint8Array(100), null);
    channel.machine?.write(new Uint8Array(500_000), 0);
    channel.machine?.eof();
    pair.settle();
    const [other] = pair.server.channels;
    expect(pair.client.error).toBeNull();
    expect(other?.requests.map((request) => request.request)).toEqual(Array.from({ length: 3_000 }, (_, index) => `r${index}`));
    expect([other?.bytes, other?.eofs]).toEqual([500_000, 1]);
  });
});

describe('keepalive', () => {
  it('says nothing while the peer is heard', () => {
    const pair = new EnginePair().login();
    pair.server.engine.setKeepalive(10_000, 3);
    for (let now = 0; now <= 100_000; now += 5_000) {
      pair.tick(now);
      pair.client.engine.sendIgnore(new Uint8Array(1));
      pair.settle();
    }
    expect(pair.client.globals).toHaveLength(0);
  });

  it('asks a silent peer, and is content with any answer', () => {
    const pair = new EnginePair().login();
    pair.server.engine.setKeepalive(10_000, 3);
    for (let now = 0; now <= 100_000; now += 1_000) pair.tick(now).settle();
    expect(pair.client.globals.map((request) => request.request)).toEqual(
      Array.from({ length: 10 }, () => 'keepalive@openssh.com'),
    );
    expect(pair.server.error).toBeNull();
  });

  it('gives a dead peer up after so many questions', () => {
    const pair = new EnginePair().login();
    pair.server.engine.setKeepalive(10_000, 3);
    const died: number[] = [];
    for (let now = 0; now <= 100_000 && pair.server.error === null; now += 1_000) {
      pair.server.tick(now);
      pair.server.output();
      if (pair.server.error !== null) died.push(now);
    }
    expect(died).toEqual([40_000]);
    expect(expectDead(pair.server)).toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 40_000 });
  });

  it('can be switched off, and leaves no timer', () => {
    const pair = new EnginePair().login();
    pair.server.engine.setKeepalive(10_000, 3);
    expect(pair.server.engine.deadline).toBe(10_000);
    pair.server.engine.setKeepalive(0, 3);
    expect(pair.server.engine.deadline).toBeNull();
    pair.server.engine.setKeepalive(10_000, 3);
    pair.server.engine.close();
    pair.server.engine.setKeepalive(10_000, 3);
    expect(pair.server.engine.deadline).toBeNull();
  });

  it('survives a clock that jumps a day ahead, if the peer answers', () => {
    const pair = new EnginePair().login();
    pair.server.engine.setKeepalive(10_000, 3);
    pair.tick(86_400_000).settle();
    expect([pair.client.error, pair.server.error]).toEqual([null, null]);
    pair.tick(86_410_000).settle();
    expect([pair.client.error, pair.server.error]).toEqual([null, null]);
  });
});
