// The file of Diffie-Hellman groups that OpenSSH's servers have, moduli(5): one group per line, with a record of how its prime
// was tested. Lines that are not usable are skipped, whatever is wrong with them; the primes are believed to be what the file
// says, as testing them again takes minutes.

import { fromHex } from '../bytes/bytes.ts';
import { type DhGroup, dhGroup, groupBits } from './dh-group.ts';

/** OpenSSH's own file has half a megabyte. Characters. */
export const MODULI_LIMIT = 16 * 1024 * 1024;

const SAFE_PRIME = 2;
const TESTED_COMPOSITE = 0x01;
const TESTED_MILLER_RABIN = 0x04;
/** The longest line of use: an 8192-bit prime is 2048 digits. */
const LINE_LIMIT = 4_096;

/**
 * The usable groups of a moduli file: safe primes of 2048 to 8192 bits that have passed a probabilistic test.
 * @throws RangeError if the text is longer than 16 MiB
 */
export function parseModuli(text: string): DhGroup[] {
  if (text.length > MODULI_LIMIT) throw new RangeError(`a moduli file of ${text.length} characters`);
  const groups: DhGroup[] = [];
  for (const line of text.split('\n')) {
    const group = parseLine(line);
    if (group !== null) groups.push(group);
  }
  return groups;
}

/** timestamp, type, tests, trials, size (of the prime, less one), generator and modulus in hexadecimal. */
function parseLine(line: string): DhGroup | null {
  if (line.length > LINE_LIMIT || line.trimStart().startsWith('#')) return null;
  const fields = line.trim().split(/[ \t]+/);
  if (fields.length !== 7) return null;
  const [type, tests, trials, size] = fields.slice(1, 5).map(decimal) as [number, number, number, number];
  if (type !== SAFE_PRIME || Number.isNaN(tests) || !(trials > 0)) return null;
  if ((tests & TESTED_COMPOSITE) !== 0 || (tests & TESTED_MILLER_RABIN) === 0) return null;
  const prime = unsigned(fields[6] as string);
  const generator = unsigned(fields[5] as string);
  if (prime === null || generator === null) return null;
  const group = dhGroup(prime, generator);
  if (group.bits !== size + 1 || group.bits < groupBits.min || group.bits > groupBits.max) return null;
  const odd = ((group.prime.at(-1) as number) & 1) === 1;
  // Generators are 2 or 5 in practice; the exact bound, p - 2, is checked where they are used.
  const generates = group.generator.length < group.prime.length && (group.generator.length > 1 || (group.generator[0] ?? 0) > 1);
  return odd && generates ? group : null;
}

function decimal(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

/** ssh-keygen writes generators with one digit. */
function unsigned(hex: string): Uint8Array | null {
  return fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
}
