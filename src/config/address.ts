// Host names that are addresses. They are never looked up, and are known by one spelling only: `127.1` is `127.0.0.1`, `::0:1` is
// `::1`, so that known_hosts and Match see the same host however it is written (getaddrinfo(3), inet_aton(3)).

import { isIPv6, SocketAddress } from 'node:net';

export type Family = 'any' | 'inet' | 'inet6';

/** Whether a name can be nothing but an address, valid or not. */
export function looksLikeAddress(name: string): boolean {
  return name.includes('%') || name.includes(':') || /^[0-9.]*$/.test(name);
}

/** The usual spelling of an address; null for what is none, or none of the family. */
export function canonicalAddress(name: string, family: Family = 'any'): string | null {
  if (family !== 'inet6') {
    const bytes = parseV4(name);
    if (bytes !== null) return bytes.join('.');
  }
  if (family === 'inet') return null;
  const [address = '', scope] = name.split('%');
  if (!isIPv6(address) || (scope !== undefined && !/^[\w.-]{1,32}$/.test(scope))) return null;
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  return scope === undefined ? canonical : `${canonical}%${scope}`;
}

/** One to four numbers, each decimal, octal or hexadecimal; the last one fills the bytes that are left. */
function parseV4(text: string): readonly number[] | null {
  const parts = text.split('.');
  if (parts.length > 4 || text.length > 64) return null;
  const numbers = parts.map((part) => {
    if (/^0x[0-9a-f]+$/i.test(part)) return Number.parseInt(part, 16);
    if (/^0[0-7]*$/.test(part)) return Number.parseInt(part, 8);
    return /^[1-9][0-9]*$/.test(part) ? Number(part) : Number.NaN;
  });
  const last = numbers.pop() as number;
  const room = 4 - numbers.length;
  if (!numbers.every((number) => number <= 255) || !(last < 256 ** room)) return null;
  const tail = Array.from({ length: room }, (_, index) => Math.floor(last / 256 ** (room - 1 - index)) % 256);
  return [...numbers, ...tail];
}
