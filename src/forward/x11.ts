// X11 forwarding, the client's side: programs on the server connect with a cookie that we made up; here it is checked and the
// display's real one put in its place, so that neither the server nor anyone on it ever learns the real one (RFC 4254 section
// 6.3.1: "a fake authentication cookie"). What comes without the right cookie never reaches the display.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { concat, EMPTY, encodeUtf8 } from '../bytes/bytes.ts';
import { AuthenticationError, ChannelClosedError, SSHTimeoutError, UsageError } from '../errors.ts';
import type { Channel } from '../transport/channel.ts';
import type { X11Handler } from '../transport/client-side.ts';
import { checkX11Cookie, MIT_MAGIC_COOKIE, newX11Cookie } from '../transport/x11-cookie.ts';
import { couple } from './couple.ts';
import { type ForwardTarget, openSocket } from './target.ts';

/** Fixed part of an X11 connection setup: byte order, version, lengths of the authorization's name and data. */
const HEADER = 12;
/** Names and cookies are 18 and 16 bytes; what claims more is no X11 program. */
const LONGEST = 256;
/** A program that connects and says nothing must not hold a channel for ever, milliseconds. */
const SETUP_TIMEOUT = 30_000;
/** X displays listen on 6000 + display number. */
const X11_PORT = 6_000;
const REFUSAL = 'Authentication failed';

/** What became of the first bytes of a connection. */
export type X11Setup =
  | { readonly kind: 'more' }
  /** The setup with the real cookie, and what came behind it. */
  | { readonly kind: 'forward'; readonly bytes: Uint8Array }
  /** `bytes` tells an X11 program why; empty where it is none. */
  | { readonly kind: 'refuse'; readonly bytes: Uint8Array; readonly why: string };

/** An authorization as X11 has it: the name of the protocol, and its data. Both empty for none. */
export interface X11Authorization {
  readonly protocol: string;
  readonly data: Uint8Array;
}

/**
 * Looks at the first bytes of an X11 connection: with the `fake` authorization they are given back with the `real` one in
 * place. Without I/O; `input` is all that has come so far.
 */
export function replaceX11Cookie(input: Uint8Array, fake: X11Authorization, real: X11Authorization): X11Setup {
  if (input.length === 0) return { kind: 'more' };
  const littleEndian = input[0] === 0x6c;
  if (!littleEndian && input[0] !== 0x42) return { kind: 'refuse', bytes: EMPTY, why: 'not an X11 connection' };
  if (input.length < HEADER) return { kind: 'more' };
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const nameLength = view.getUint16(6, littleEndian);
  const dataLength = view.getUint16(8, littleEndian);
  const refuse = (why: string): X11Setup => ({
    kind: 'refuse',
    bytes: failedReply(view.getUint16(2, littleEndian), littleEndian),
    why,
  });
  if (nameLength > LONGEST || dataLength > LONGEST) return refuse('an X11 authorization that is too long');
  const dataAt = HEADER + padded(nameLength);
  const end = dataAt + padded(dataLength);
  if (input.length < end) return { kind: 'more' };
  const name = input.subarray(HEADER, HEADER + nameLength);
  const data = input.subarray(dataAt, dataAt + dataLength);
  const nameFits = sameSecret(name, encodeUtf8(fake.protocol));
  if (!sameSecret(data, fake.data) || !nameFits) return refuse('the wrong X11 cookie');
  const realName = encodeUtf8(real.protocol);
  const setup = new Uint8Array(HEADER + padded(realName.length) + padded(real.data.length));
  setup.set(input.subarray(0, 6));
  const out = new DataView(setup.buffer);
  out.setUint16(6, realName.length, littleEndian);
  out.setUint16(8, real.data.length, littleEndian);
  setup.set(realName, HEADER);
  setup.set(real.data, HEADER + padded(realName.length));
  return { kind: 'forward', bytes: concat(setup, input.subarray(end)) };
}

export interface X11ForwardingOptions {
  /** Where the display is, as in `DISPLAY`; default that variable. */
  readonly display?: string;
  /** The display's own authorization, as `xauth list` shows it: default none, for a display that lets this user in without. */
  readonly authorization?: X11Authorization;
  /** Hexadecimal; default 16 random bytes. */
  readonly cookie?: string;
  /** Hears of connections that were refused or failed. */
  readonly onFailure?: (failure: { readonly origin: readonly [string, number]; readonly error: unknown }) => void;
}

/**
 * Forwards X11 connections to a display. One object may serve several sessions of a connection: they share the cookie.
 *
 * @example
 * const x11 = new X11Forwarding({ authorization: { protocol: 'MIT-MAGIC-COOKIE-1', data: realCookie } });
 * await session.requestX11(x11);
 * await session.execCommand('xclock');
 */
export class X11Forwarding {
  readonly authProtocol = MIT_MAGIC_COOKIE;
  /** The made-up cookie, hexadecimal. */
  readonly authCookie: string;
  readonly screenNumber: number;
  /** For `Channel.requestX11`. */
  readonly handler: X11Handler;
  readonly #target: ForwardTarget;
  readonly #real: X11Authorization;
  readonly #fake: X11Authorization;

  /** @throws UsageError where there is no display, or it cannot be understood */
  constructor(options: X11ForwardingOptions = {}) {
    const { display = process.env['DISPLAY'] ?? '', authorization, cookie = newX11Cookie(), onFailure } = options;
    const { target, screen } = parseDisplay(display);
    checkX11Cookie(cookie);
    this.#target = target;
    this.screenNumber = screen;
    this.authCookie = cookie;
    this.#real = authorization ?? { protocol: '', data: EMPTY };
    this.#fake = { protocol: this.authProtocol, data: Buffer.from(cookie, 'hex') };
    this.handler = async (channel, origin) => {
      try {
        await this.#serve(channel);
      } catch (error) {
        channel.close();
        onFailure?.({ origin, error });
      }
    };
  }

  async #serve(channel: Channel): Promise<void> {
    const setup = await this.#setup(channel);
    const socket: Socket = await openSocket(this.#target);
    socket.write(setup);
    await couple(channel, socket);
  }

  /** The setup as the display gets it. @throws AuthenticationError where it is not let in */
  async #setup(channel: Channel): Promise<Uint8Array> {
    let input: Uint8Array = EMPTY;
    const deadline = performance.now() + SETUP_TIMEOUT;
    for (;;) {
      const step = replaceX11Cookie(input, this.#fake, this.#real);
      if (step.kind === 'forward') return step.bytes;
      if (step.kind === 'refuse') {
        if (step.bytes.length > 0) await channel.write(step.bytes);
        throw new AuthenticationError(`an X11 connection was refused: ${step.why}`);
      }
      const left = Math.ceil(deadline - performance.now());
      if (left <= 0) throw new SSHTimeoutError('the X11 connection setup', SETUP_TIMEOUT);
      const chunk = await channel.read({ timeout: left });
      if (chunk === null) throw new ChannelClosedError('the X11 program went away');
      input = concat(input, chunk);
    }
  }
}

/**
 * A display's name: `:0`, `:0.1`, `unix:0`, `host:0`, `[v6]:0`, or the path of its socket with a number behind it.
 * @throws UsageError
 */
export function parseDisplay(display: string): { readonly target: ForwardTarget; readonly screen: number } {
  const [, host = '', number = '', screen = '0'] = /^(.*):(\d{1,5})(?:\.(\d{1,5}))?$/.exec(display) ?? [];
  const port = X11_PORT + Number(number);
  if (number === '' || port > 65_535 || /[\0-\x20\x7f]/.test(host))
    throw new UsageError(display === '' ? 'there is no X11 display: DISPLAY is not set' : `not an X11 display: '${display}'`);
  if (host.startsWith('/')) return { target: { path: `${host}:${number}` }, screen: Number(screen) };
  if (host === '' || host === 'unix') return { target: { path: `/tmp/.X11-unix/X${number}` }, screen: Number(screen) };
  return { target: { host: host.replace(/^\[(.+)\]$/, '$1'), port }, screen: Number(screen) };
}

/** In a time that does not depend on where they differ, nor on how long either is. */
function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** The X11 protocol's own way to say no, which programs print. */
function failedReply(majorVersion: number, littleEndian: boolean): Uint8Array {
  const reason = encodeUtf8(REFUSAL);
  const reply = new Uint8Array(8 + padded(reason.length));
  const view = new DataView(reply.buffer);
  reply[1] = reason.length;
  view.setUint16(2, majorVersion, littleEndian);
  view.setUint16(6, padded(reason.length) / 4, littleEndian);
  reply.set(reason, 8);
  return reply;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
