// Key revocation lists from files, in Node.

import { readFile } from 'node:fs/promises';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError } from '../../errors.ts';
import { Krl } from '../krl.ts';

/** The list in these bytes, as `ssh-keygen -k` writes it. @throws KeyFormatError for anything that can't be understood as a whole */
export function parseKrl(bytes: Uint8Array): Krl {
  return Krl.parse(bytes, nodeCrypto);
}

/**
 * The list in a file.
 * @throws KeyFormatError naming the file, also where it can't be read: then nothing may be taken for not revoked
 */
export async function readKrl(file: string): Promise<Krl> {
  try {
    return parseKrl(await readFile(file));
  } catch (error) {
    throw new KeyFormatError(error instanceof Error ? error.message : String(error), { file, cause: error });
  }
}
