// The X11 cookie proxy: what is let through, byte for byte, and what never reaches the display.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { parseDisplay, replaceX11Cookie, type X11Authorization } from '../../../src/forward/x11.ts';

const fake: X11Authorization = { protocol: 'MIT-MAGIC-COOKIE-1', data: new Uint8Array(16).fill(0xfa) };
const real: X11Authorization = { protocol: 'MIT-MAGIC-COOKIE-1', data: new Uint8Array(16).fill(0x11) };
const none: X11Authorization = { protocol: '', data: new Uint8Array(0) };

/** An X11 connection setup (X Window System Protocol, section 8), written as a program would. */
function setup(order: 'l' | 'B', { protocol, data }: X11Authorization): Buffer {
  const u16 = (value: number) => (order === 'l' ? [value & 0xff, value >> 8] : [value >> 8, value & 0xff]);
  const pad = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  const name = Buffer.from(protocol);
  const head = [order.charCodeAt(0), 0, ...u16(11), ...u16(0), ...u16(name.length), ...u16(data.length), 0, 0];
  return Buffer.concat([Buffer.from(head), pad(name), pad(data)]);
}

describe.each(['l', 'B'] as const)('byte order %s', (order) => {
  it.each([
    ['the same length', real],
    ['another length', { protocol: 'X', data: new Uint8Array([1, 2, 3]) }],
    ['none', none],
  ])('replaces the cookie by one of %s and keeps what follows', (_name, to) => {
    const rest = Buffer.from('the first request');
    const result = replaceX11Cookie(Buffer.concat([setup(order, fake), rest]), fake, to);
    expect(result.kind).toBe('forward');
    if (result.kind !== 'forward') return;
    expect(Buffer.from(result.bytes)).toEqual(Buffer.concat([setup(order, to), rest]));
  });

  it('waits for the last byte, wherever the connection is cut', () => {
    const whole = setup(order, fake);
    for (let length = 0; length < whole.length; length++)
      expect(replaceX11Cookie(whole.subarray(0, length), fake, real)).toEqual({ kind: 'more' });
    expect(replaceX11Cookie(whole, fake, real).kind).toBe('forward');
  });

  it.each([
    [
      'a cookie that differs in one bit',
      { ...fake, data: Uint8Array.from(fake.data, (byte, i) => (i === 15 ? byte ^ 1 : byte)) },
    ],
    ['a shorter cookie', { ...fake, data: fake.data.subarray(0, 15) }],
    ['a longer cookie', { ...fake, data: new Uint8Array(17).fill(0xfa) }],
    ['another protocol', { ...fake, protocol: 'XDM-AUTHORIZATION-1' }],
    ['no authorization', none],
  ])('refuses %s, in words that a program can print', (_name, offered) => {
    const result = replaceX11Cookie(setup(order, offered), fake, real);
    expect(result).toMatchObject({ kind: 'refuse', why: 'the wrong X11 cookie' });
    if (result.kind !== 'refuse') return;
    const reply = Buffer.from(result.bytes);
    const u16 = (at: number) => (order === 'l' ? reply.readUInt16LE(at) : reply.readUInt16BE(at));
    expect(reply[0]).toBe(0);
    expect(u16(2)).toBe(11);
    expect(u16(6) * 4 + 8).toBe(reply.length);
    expect(reply.subarray(8, 8 + (reply[1] as number)).toString()).toBe('Authentication failed');
  });

  it('does not wait for what is too long', () => {
    const claim = setup(order, none);
    if (order === 'l') claim.writeUInt16LE(257, 6);
    else claim.writeUInt16BE(257, 6);
    expect(replaceX11Cookie(claim, fake, real)).toMatchObject({ kind: 'refuse', why: 'an X11 authorization that is too long' });
  });
});

it('refuses at its first byte what is not X11', () => {
  expect(replaceX11Cookie(Buffer.from('S'), fake, real)).toMatchObject({ kind: 'refuse', why: 'not an X11 connection' });
});

it('gives out the real cookie for the fake one only', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(0x6c, 0x42), (bytes, first) => {
      if (bytes.length > 0) bytes[0] = first;
      expect(replaceX11Cookie(bytes, fake, real).kind).not.toBe('forward');
    }),
  );
});

describe('parseDisplay', () => {
  it.each([
    [':0', { path: '/tmp/.X11-unix/X0' }, 0],
    [':10.2', { path: '/tmp/.X11-unix/X10' }, 2],
    ['unix:1', { path: '/tmp/.X11-unix/X1' }, 0],
    ['localhost:10.0', { host: 'localhost', port: 6010 }, 0],
    ['[::1]:3', { host: '::1', port: 6003 }, 0],
    ['/private/tmp/x/org.xquartz:0', { path: '/private/tmp/x/org.xquartz:0' }, 0],
  ])('%s', (display, target, screen) => expect(parseDisplay(display)).toEqual({ target, screen }));

  it.each(['', 'localhost', ':x', ':99999', ':', 'a b:0', ':0.'])('refuses %j', (display) =>
    expect(() => parseDisplay(display)).toThrow(UsageError),
  );
});
