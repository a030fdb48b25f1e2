// Where a client comes from, against lists of addresses: `from` in authorized_keys takes patterns and networks, with `!`; the
// source-address of certificates takes addresses and networks only (sshd(8), OpenSSH PROTOCOL.certkeys). A list that can't be
// understood lets nobody through.

import { addressBytes, contains, parseNetwork } from '../config/cidr.ts';
import { LineError } from '../config/line.ts';
import { matchesPattern } from '../keys/pattern-list.ts';

/** Whether a `from` list lets the address through. A name in it never matches: what the DNS says of an address is not asked. */
export function matchesFrom(list: string, address: string): boolean {
  const plain = withoutMapping(address);
  let matched = false;
  for (const entry of list.split(',')) {
    const negated = entry.startsWith('!');
    const pattern = negated ? entry.slice(1) : entry;
    // As for sshd: `a,,b` is a mistake, and so is 192.0.2.7/24, of which nobody knows whether the network was meant or the host.
    const fits = pattern.includes('/') ? inNetwork(pattern, plain) : matchesPattern(pattern.toLowerCase(), plain.toLowerCase());
    if (fits === null || pattern === '') return false;
    if (!fits) continue;
    // A network that is excluded is excluded, whatever else is on the list.
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** Whether a certificate's source-address lets the address through. */
export function matchesSourceAddress(list: string, address: string): boolean {
  const plain = withoutMapping(address);
  const fits = list.split(',').map((entry) => inNetwork(entry, plain));
  return !fits.includes(null) && fits.includes(true);
}

/** Whether the address is in the network, or is the address; null where it is neither. */
function inNetwork(text: string, address: string): boolean | null {
  const seen = addressBytes(address);
  try {
    const network = parseNetwork(text);
    return seen !== null && contains(network, seen);
  } catch (error) {
    if (error instanceof LineError) return null;
    throw error;
  }
}

/** `::ffff:10.0.0.1` is how a socket for both versions shows 10.0.0.1. */
function withoutMapping(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return (mapped?.[1] ?? address).replace(/%.*$/, '');
}
