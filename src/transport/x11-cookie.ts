// The cookie that an X11 forwarding shows to the server: hexadecimal, random, and not the display's own. The server and all its
// programs learn it; the display's real one never leaves our side.

import { randomBytes } from 'node:crypto';
import { UsageError } from '../errors.ts';

export const MIT_MAGIC_COOKIE = 'MIT-MAGIC-COOKIE-1';
/** As long as xauth makes them, bytes. */
const COOKIE_BYTES = 16;
/** Hexadecimal digits; OpenSSH takes no more either. */
const LONGEST = 512;

export function newX11Cookie(): string {
  return randomBytes(COOKIE_BYTES).toString('hex');
}

/** Pairs of hexadecimal digits, at least one. */
export function isX11Cookie(cookie: string): boolean {
  return cookie.length <= LONGEST && /^(?:[0-9a-fA-F]{2})+$/.test(cookie);
}

/** @throws UsageError, without the cookie in it */
export function checkX11Cookie(cookie: string): void {
  if (!isX11Cookie(cookie)) throw new UsageError('an X11 cookie is given in hexadecimal');
}
