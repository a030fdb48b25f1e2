// The identification exchange under attack: floods (russh CVE-2026-48108), lines of every forbidden kind, exact limits.
import { describe, expect, it } from 'vitest';
import { Attacker, violationOf } from '../support/attacker.ts';
import { expectDead } from '../support/death.ts';
import { Peer } from '../support/engine-pair.ts';

function hearing(role: 'client' | 'server', text: string | Uint8Array, piece = 1_000_000): Peer {
  const peer = new Peer({ role });
  peer.engine.start();
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  for (let at = 0; at < bytes.length && peer.error === null; at += piece) peer.receive(bytes.slice(at, at + piece));
  return peer;
}

const version = (peer: Peer): string | null => peer.engine.peerVersion;

describe('a server', () => {
  it.each(['\n', 'S\n', 'SSH\n', 'ssh-2.0-x\n', 'GET / HTTP/1.1\r\n', '\0', '\r\nSSH-2.0-x\r\n'])(
    'hangs up at once on %j',
    (text) => {
      const peer = hearing('server', text);
      expect(violationOf(peer.error)).toBe('bad-identification');
      expectDead(peer);
    },
  );

  it('does not wait for the end of a line that begins wrongly', () => {
    expect(violationOf(hearing('server', 'SSX').error)).toBe('bad-identification');
    expect(hearing('server', 'SSH').error).toBeNull();
  });

  it('is told apart by its reason: protocol version not supported', () => {
    const attacker = new Attacker({ victim: 'server' }).raw('SSH-1.5-old\r\n');
    expect(attacker.victim.error).toMatchObject({ violation: 'bad-identification', disconnectReason: 8 });
    expect(attacker.disconnects).toEqual([8]);
  });
});

describe.each(['client', 'server'] as const)('a %s', (role) => {
  it.each([
    ['SSH-2.0-x\r\n', 'SSH-2.0-x'],
    ['SSH-2.0-x\n', 'SSH-2.0-x'],
    ['SSH-1.99-x y z\r\n', 'SSH-1.99-x y z'],
    ['SSH-2.0-\r\n', 'SSH-2.0-'],
    [`SSH-2.0-${'x'.repeat(245)}\r\n`, `SSH-2.0-${'x'.repeat(245)}`],
    [`SSH-2.0-${'x'.repeat(246)}\n`, `SSH-2.0-${'x'.repeat(246)}`],
  ])('takes %j, in one piece and byte by byte', (text, expected) => {
    expect(version(hearing(role, text))).toBe(expected);
    expect(version(hearing(role, text, 1))).toBe(expected);
  });

  it.each([
    'SSH-2.0-a\0b\r\n',
    'SSH-2.0-a\x1bb\r\n',
    'SSH-2.0-a\rb\r\n',
    'SSH-2.0-ä\r\n',
    'SSH-2.1-x\r\n',
    'SSH-3.0-x\r\n',
    'SSH-\r\n',
  ])('refuses %j', (text) => {
    const peer = hearing(role, text);
    expect(violationOf(peer.error)).toBe('bad-identification');
    expect(peer.error?.message).not.toMatch(/\p{Cc}/u);
  });

  it('refuses a line of 256 bytes, at the 255th', () => {
    const line = `SSH-2.0-${'x'.repeat(247)}`;
    expect(hearing(role, line.slice(0, 254)).error).toBeNull();
    const peer = hearing(role, line.slice(0, 255));
    expect(peer.error).toMatchObject({ violation: 'identification-too-long', disconnectReason: 8 });
    expectDead(peer);
  });
});

describe('a client', () => {
  it('reads 1024 lines before the identification and no more', () => {
    expect(version(hearing('client', `${'hello\r\n'.repeat(1_024)}SSH-2.0-x\r\n`))).toBe('SSH-2.0-x');
    expect(violationOf(hearing('client', 'hello\r\n'.repeat(1_025)).error)).toBe('identification-too-long');
  });

  it('reads lines of 8192 bytes and no longer ones', () => {
    expect(version(hearing('client', `${'x'.repeat(8_190)}\r\nSSH-2.0-x\r\n`))).toBe('SSH-2.0-x');
    expect(violationOf(hearing('client', 'x'.repeat(8_193)).error)).toBe('identification-too-long');
  });

  it('reads 64 KiB in all, in whatever pieces they come', () => {
    expect(violationOf(hearing('client', `${'x'.repeat(8_000)}\n`.repeat(9)).error)).toBe('identification-too-long');
    const since = performance.now();
    expect(violationOf(hearing('client', `${'x'.repeat(8_000)}\n`.repeat(9), 1).error)).toBe('identification-too-long');
    expect(performance.now() - since).toBeLessThan(2_000);
  });

  it('is not fooled by "SSH-" within a line', () => {
    expect(version(hearing('client', 'an SSH-2.0-no\r\nSSH-2.0-yes\r\n'))).toBe('SSH-2.0-yes');
  });

  it('stops at the time limit although bytes keep coming', () => {
    const peer = new Peer({ role: 'client', handshakeTimeoutMs: 20_000 });
    peer.engine.start();
    for (let now = 0; now < 30_000 && peer.error === null; now += 1_000) {
      peer.tick(now);
      peer.receive(Uint8Array.of(0x78));
    }
    expect(peer.error).toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 20_000, phase: 'version' });
    expect(peer.now).toBe(20_000);
    expectDead(peer);
  });
});
