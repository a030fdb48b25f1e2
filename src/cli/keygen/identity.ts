// Which key is meant where `-f` is missing: the one that a new key would be written to, as long as there is only one such.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { printable, UsageError } from '../../errors.ts';
import type { KeygenOptions } from './options.ts';
import { exists } from './passphrase.ts';

/** The file of `-f`, or the user's only key. @throws UsageError */
export async function identityOf(options: KeygenOptions): Promise<string> {
  if (options.operands.length > 0) throw new UsageError(`unexpected argument '${printable(options.operands[0] as string)}'`);
  const file = options.value('f');
  if (file === '') throw new UsageError('-f needs the name of a file');
  if (file !== null) return file;
  const there: string[] = [];
  for (const kind of ['ed25519', 'ecdsa', 'rsa']) {
    const usual = join(homedir(), '.ssh', `id_${kind}`);
    if (await exists(usual)) there.push(usual);
  }
  const [only] = there;
  if (only === undefined) throw new UsageError('-f is missing: which key?');
  if (there.length > 1) throw new UsageError(`-f is missing: ${there.join(' or ')}?`);
  return only;
}
