// Diffie-Hellman groups for the group exchange (RFC 4419): how large they may be, which of several a server gives, and which it
// has without any file. No group is ever made here: finding a safe prime takes minutes, and a server that did it when asked
// would do it for anybody.

import { fromHex } from '../bytes/bytes.ts';
import { bitLength, stripLeadingZeros } from '../bytes/mpint.ts';
import { safePrimes } from './safe-primes.ts';

/** The sizes that are taken and given, bits: RFC 8270 wants 2048 at least, OpenSSH takes 8192 at most, and so bounds the work. */
export const groupBits = { min: 2048, max: 8192 } as const;

export interface DhGroup {
  /** Length of the prime. */
  readonly bits: number;
  /** A safe prime, big-endian without leading zeros. */
  readonly prime: Uint8Array;
  readonly generator: Uint8Array;
}

/** What a client asks for, bits. */
export interface GroupRequest {
  readonly min: number;
  readonly preferred: number;
  readonly max: number;
}

export function dhGroup(prime: Uint8Array, generator: Uint8Array): DhGroup {
  const stripped = stripLeadingZeros(prime);
  return { bits: bitLength(stripped), prime: stripped, generator: stripLeadingZeros(generator) };
}

let builtIn: readonly DhGroup[] | undefined;

/** RFC 3526 groups 14, 16 and 18. */
export function builtInGroups(): readonly DhGroup[] {
  builtIn ??= safePrimes.map((hex) => dhGroup(fromHex(hex) as Uint8Array, Uint8Array.of(2)));
  return builtIn;
}

/**
 * The groups that answer a request best, all of one size: the smallest that is as large as preferred, else the largest that
 * the client takes at all. Empty where there is none, or where the request contradicts itself.
 */
export function bestGroups(groups: readonly DhGroup[], { min, preferred, max }: GroupRequest): readonly DhGroup[] {
  if (min > preferred || preferred > max) return [];
  const fitting = groups.filter(({ bits }) => bits >= Math.max(min, groupBits.min) && bits <= Math.min(max, groupBits.max));
  const sizes = fitting.map(({ bits }) => bits);
  const enough = sizes.filter((bits) => bits >= preferred);
  const size = enough.length > 0 ? Math.min(...enough) : Math.max(...sizes);
  return fitting.filter(({ bits }) => bits === size);
}
