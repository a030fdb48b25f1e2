// A file of public keys, one per line. Options in front of a key restrict it ("from=", "command="): as long as they are not
// understood, a line with options is refused as a whole, because to ignore them would let people do what the line forbids.

import { readFile } from 'node:fs/promises';
import { KeyFormatError } from '../../errors.ts';
import { type PublicKey, parsePublicKey } from '../../keys.ts';

/** @throws KeyFormatError naming file and line */
export async function readAuthorizedKeys(file: string): Promise<PublicKey[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new KeyFormatError(`cannot be read: ${(error as Error).message}`, { file, cause: error });
  }
  return parseAuthorizedKeys(text, file);
}

/** @throws KeyFormatError naming file and line */
export function parseAuthorizedKeys(text: string, file: string): PublicKey[] {
  const keys: PublicKey[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const place = `${file}:${index + 1}`;
    if (!/^(?:ssh-|ecdsa-|sk-)\S+\s/.test(line)) {
      throw new KeyFormatError('the line does not begin with a key type; options in front of a key are not supported yet', {
        file: place,
      });
    }
    try {
      keys.push(parsePublicKey(line));
    } catch (error) {
      throw new KeyFormatError(error instanceof Error ? error.message : String(error), { file: place, cause: error });
    }
  }
  return keys;
}
