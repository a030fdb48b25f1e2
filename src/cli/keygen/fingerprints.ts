// `-l`: fingerprints of the keys in a file, one line each, as ssh-keygen prints them. The file is a key, or lines of any kind with keys
// in them.

import { printable, UsageError } from '../../errors.ts';
import { parsePublicKey, readPublicKey } from '../../keys/node/read.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { Failure } from '../verb.ts';
import { looksPrivate } from './convert.ts';
import { identityOf } from './identity.ts';
import { type KeyInLine, keyInLine, kindOf, plainKey } from './key-line.ts';
import type { KeygenOptions } from './options.ts';
import { exists, openKey } from './passphrase.ts';
import { readAll } from './read-some.ts';

/** Bytes of a file of keys. */
const MOST = 64 * 1024 * 1024;

/** Prints the fingerprints of all keys in a file. */
export async function showFingerprints(options: KeygenOptions): Promise<number> {
  const hash = fingerprintHash(options);
  const file = await identityOf(options);
  const keys = await keysIn(file);
  if (keys.length === 0) throw new Failure(`there is no key in ${file}`);
  for (const { key, comment } of keys) {
    const plain = plainKey(key);
    const said = comment === '' ? 'no comment' : printable(comment);
    process.stdout.write(`${plain.bits} ${plain.getFingerprint(hash)} ${said} (${kindOf(key)})\n`);
  }
  return 0;
}

/** The hash of `-E`. @throws UsageError */
export function fingerprintHash(options: Pick<KeygenOptions, 'value'>): 'sha256' | 'md5' {
  const name = (options.value('E') ?? 'sha256').toLowerCase();
  if (name === 'sha256' || name === 'md5') return name;
  throw new UsageError(`fingerprints are by sha256 or md5, not by '${printable(name)}'`);
}

async function keysIn(file: string): Promise<readonly KeyInLine[]> {
  if (file !== '-' && (await looksPrivate(file))) return [withComment(await publicHalf(file))];
  const text = (await readAll(file, MOST)).toString('utf8');
  if (/^\s*(?:\{|-----BEGIN |---- BEGIN )/.test(text)) return [withComment(parsePublicKey(text))];
  const found: KeyInLine[] = [];
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    const entry = trimmed === '' || trimmed.startsWith('#') ? null : keyInLine(trimmed);
    if (entry !== null) found.push(entry);
  }
  return found;
}

/** Nobody should have to type a passphrase to see what key it is. */
async function publicHalf(file: string): Promise<PublicKey> {
  return (await exists(`${file}.pub`)) ? readPublicKey(`${file}.pub`) : (await openKey(file)).key.publicKey;
}

function withComment(key: PublicKey): KeyInLine {
  return { key, comment: key.comment };
}
