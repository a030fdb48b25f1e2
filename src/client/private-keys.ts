// The keys to log in with, as callers give them: signers as they are, and what key files hold. A path is not taken: whether a
// text is one or the other must not depend on what it looks like.

import { PassphraseError, UsageError } from '../errors.ts';
import { parsePrivateKey } from '../keys/node/read.ts';
import type { Signer } from '../keys/signer.ts';
import type { ConfiguredOptions, ConnectOptions } from './connect-options.ts';

/** How errors name a key that was given as text: there is no file to name. */
const NAME = 'privateKey';

/**
 * The same options with signers for all keys.
 * @throws KeyFormatError, PassphraseError for a text that holds no key or stays locked, UsageError for a path
 */
export async function withSigners<Options extends ConnectOptions | ConfiguredOptions>(options: Options): Promise<Options> {
  const { privateKey, passphrase, signal } = options;
  if (privateKey === undefined) return options;
  const signers: Signer[] = [];
  for (const key of [privateKey].flat() as (Signer | string | Uint8Array)[]) {
    if (typeof key === 'string' && !key.includes('\n') && !key.trimStart().startsWith('{')) {
      throw new UsageError('privateKey is the content of a key file; for a path, give what readPrivateKey(path) resolves with');
    }
    const text = typeof key === 'string' || key instanceof Uint8Array;
    signers.push(text ? await unlocked(key, passphrase, signal) : key);
  }
  return { ...options, privateKey: signers };
}

async function unlocked(
  text: string | Uint8Array,
  passphrase: ConnectOptions['passphrase'],
  signal: AbortSignal | undefined,
): Promise<Signer> {
  if (typeof passphrase !== 'function') return parsePrivateKey(text, { file: NAME, passphrase, signal });
  try {
    return await parsePrivateKey(text, { file: NAME, signal });
  } catch (error) {
    const answer = error instanceof PassphraseError ? await passphrase(NAME) : null;
    if (answer === null) throw error;
    return parsePrivateKey(text, { file: NAME, passphrase: answer, signal });
  }
}
