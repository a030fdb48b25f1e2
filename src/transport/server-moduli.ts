// The moduli file of this process: what `Transport.loadServerModuli` has read, for every server transport that brings no groups of
// its own. The only state that transports share, here because the seed's method has no other place for it; the core knows nothing
// of it and is handed the groups.

import { createReadStream } from 'node:fs';
import { decodeText } from '../bytes/bytes.ts';
import type { DhGroup } from '../kex/dh-group.ts';
import { MODULI_LIMIT, parseModuli } from '../kex/moduli.ts';

const USUAL_FILES = ['/etc/ssh/moduli', '/usr/local/etc/moduli'];

let loaded: readonly DhGroup[] | undefined;

/** What has been loaded, or undefined. */
export function serverModuli(): readonly DhGroup[] | undefined {
  return loaded;
}

/**
 * Loads the first of the given file and the usual ones that can be read and has a usable group in it. Without one, what was
 * loaded before is forgotten. Resolves with whether there was one; never rejects.
 */
export async function loadServerModuli(filename?: string): Promise<boolean> {
  for (const file of filename === undefined ? USUAL_FILES : [filename, ...USUAL_FILES]) {
    const groups = await readModuli(file).catch(() => []);
    if (groups.length === 0) continue;
    loaded = groups;
    return true;
  }
  loaded = undefined;
  return false;
}

/**
 * The usable groups of a moduli file, for the `moduli` option of a transport: safe primes of 2048 to 8192 bits.
 * @throws Error (of node:fs), RangeError for a file of more than 16 MiB
 */
export async function readModuli(filename: string): Promise<DhGroup[]> {
  const chunks: Uint8Array[] = [];
  // One byte more than allowed shows that it is too long. By size this could not be known: a device has none.
  for await (const chunk of createReadStream(filename, { end: MODULI_LIMIT })) chunks.push(chunk as Uint8Array);
  return parseModuli(decodeText(Buffer.concat(chunks)));
}
