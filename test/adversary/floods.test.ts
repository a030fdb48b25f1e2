// Peers that say very much: messages that mean nothing, pings during a key exchange (CVE-2025-26466), requests that nobody answers yet,
// answers that they do not read, extension counts that lie (libssh2 CVE-2026-55199). Memory stays flat and nobody waits.
import { describe, expect, it } from 'vitest';
import { writeU32 } from '../../src/bytes/bytes.ts';
import { ChannelRequest, GlobalRequest } from '../../src/wire/messages/connection.ts';
import { Debug, ExtInfo, Ignore, KexInit, Ping, Unimplemented } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { expectViolation } from '../support/death.ts';
import { fastest, liveBytes } from '../support/measure.ts';

const none = new Uint8Array(0);
const CHACHA = { cipher: 'chacha20-poly1305@openssh.com' };

describe.each(['client', 'server'] as const)('a %s', (victim) => {
  it.each([
    ['IGNORE', Ignore.encode({ data: new Uint8Array(100) })],
    ['DEBUG', Debug.encode({ alwaysDisplay: true, message: 'x'.repeat(100), language: '' })],
    ['UNIMPLEMENTED', Unimplemented.encode({ sequence: 5 })],
  ])('stays flat over 60,000 of %s, and answers none', { timeout: 30_000 }, (_name, payload) => {
    const attacker = new Attacker({ victim, ...CHACHA }).reach('open');
    const round = (count: number) => {
      for (let i = 0; i < count; i += 1_000) {
        attacker.sendAll(Array.from({ length: 1_000 }, () => payload));
        attacker.victim.events.length = 0;
      }
    };
    round(10_000);
    const before = liveBytes();
    attacker.received.length = 0;
    round(50_000);
    expect(liveBytes() - before).toBeLessThan(1_000_000);
    expect(attacker.received).toHaveLength(0);
    expect(attacker.victim.error).toBeNull();
  });

  it('holds 64 KiB of pongs while keys are exchanged, and no more', () => {
    const attacker = new Attacker({ victim, ...CHACHA }).reach('open');
    attacker.victim.engine.rekey();
    attacker.pull();
    const ping = Ping.encode({ data: new Uint8Array(1_019) });
    let taken = 0;
    while (attacker.victim.error === null && taken < 10_000) {
      attacker.send(ping);
      taken++;
    }
    expect(taken).toBe(65);
    expectViolation(attacker, 'queue-overflow');
  });

  it('lets no ping pass once the peer has sent its KEXINIT', () => {
    const attacker = new Attacker({ victim }).reach('rekey');
    attacker.send(Ping.encode({ data: none }));
    expectViolation(attacker, 'message-not-admitted');
  });

  it.each([
    ['of the connection', (_id: number) => GlobalRequest.encode({ request: 'x', wantReply: true, data: none })],
    ['on a channel', (id: number) => ChannelRequest.encode({ recipient: id, request: 'x', wantReply: true, data: none })],
  ])('takes 128 requests %s that nobody has answered, and no more', (_name, make) => {
    const attacker = new Attacker({ victim, victimOptions: { onGlobal: () => {} } }).reach('open');
    const { channel, id } = attacker.channel();
    channel.onRequested = () => {};
    for (let i = 0; i < 128; i++) attacker.send(make(id));
    expect(attacker.victim.error).toBeNull();
    attacker.send(make(id));
    expectViolation(attacker, 'queue-overflow');
  });

  it('reads no more from a peer that makes it answer and does not read', () => {
    const attacker = new Attacker({ victim, ...CHACHA }).reach('open');
    const { victim: peer } = attacker;
    const ping = Ping.encode({ data: new Uint8Array(30_000) });
    let sent = 0;
    while (peer.engine.wantsInput && sent < 1_000) {
      attacker.encoder.send(ping);
      peer.receive(new Uint8Array(Buffer.concat(attacker.outbox.take())));
      sent++;
    }
    expect(sent).toBeGreaterThan(100);
    expect(sent).toBeLessThan(150);
    expect(peer.error).toBeNull();
    const bytes = peer.engine.flush().reduce((sum, chunk) => sum + chunk.length, 0);
    expect(bytes).toBeLessThan(4_194_304 + 40_000);
    // Written out, it goes on.
    peer.engine.resume(0);
    expect(peer.engine.wantsInput).toBe(true);
  });

  it('does not loop over extensions that are not there', () => {
    const payload = new Uint8Array(20);
    payload[0] = ExtInfo.number;
    for (const count of [0xffff_ffff, 0x8000_0000, 65]) {
      writeU32(payload, 1, count);
      const time = fastest(
        5,
        () => new Attacker({ victim }).reach('service'),
        (attacker) => {
          attacker.send(payload);
          expectViolation(attacker, 'malformed-message');
        },
      );
      expect(time).toBeLessThan(20);
    }
  });

  it('takes EXT_INFO right after the first NEWKEYS and nowhere else', () => {
    const payload = ExtInfo.encode({ extensions: new Map([['x', none]]) });
    const good = new Attacker({ victim }).reach('service').send(payload);
    expect(good.victim.eventsOf('extensions')).toHaveLength(1);
    const twice = good.send(payload);
    if (victim === 'server') expectViolation(twice, 'message-not-admitted');
    const late = new Attacker({ victim })
      .reach('service')
      .send(Ignore.encode({ data: none }))
      .send(payload);
    if (victim === 'server') expectViolation(late, 'message-not-admitted');
    // A client waits for USERAUTH_SUCCESS then, and takes nothing else.
    else expectViolation(late.send(Ignore.encode({ data: none })), 'message-not-admitted');
    expectViolation(new Attacker({ victim }).reach('open').send(payload), 'message-not-admitted');
  });

  it('is not woken up by nothing: a thousand empty deliveries and ticks say nothing', () => {
    const attacker = new Attacker({ victim }).reach('open');
    attacker.received.length = 0;
    for (let i = 0; i < 1_000; i++) {
      attacker.victim.receive(none);
      attacker.victim.tick(i);
      attacker.pull();
    }
    expect(attacker.received).toHaveLength(0);
    expect(attacker.victim.engine.deadline).toBeNull();
  });

  it('sends its own KEXINIT at once and only once before it knows the peer', () => {
    const attacker = new Attacker({ victim });
    for (let i = 0; i < 10; i++) attacker.victim.tick(i * 1_000);
    expect(attacker.pull().receivedOf(KexInit.number)).toHaveLength(1);
  });
});
