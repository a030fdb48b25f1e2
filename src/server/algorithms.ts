// What a listening server offers unless told otherwise. Less than a client does: a client has to get along with old servers, but
// a server whose clients cannot do any of this is better told so than left open. So: no NIST curves for the key exchange, no
// 2048-bit group and no group exchange, which gives one to whoever asks for it, no MAC over the plaintext. ssh-audit has nothing
// to object to what is left. Each can be put back by name.

import { type AlgorithmOptions, chooseAlgorithms } from '../algorithms/policy.ts';
import { type AlgorithmCategory, type AlgorithmLists, type AlgorithmPolicy, defaultAlgorithms } from '../algorithms/registry.ts';
import { UsageError } from '../errors.ts';

/** The defaults of a server, and what `+`, `-` and `^` start from there. A policy for old clients leaves nothing out. */
export function serverAlgorithms(policy: AlgorithmPolicy = 'modern'): AlgorithmLists {
  // Compression costs nothing unless a client asks for it, and is only switched on after the login.
  const compression = 'none,zlib@openssh.com';
  if (policy !== 'modern') return chooseAlgorithms({ compression }, defaultAlgorithms(policy));
  return chooseAlgorithms({
    kex: '-ecdh-sha2-*,diffie-hellman-group14-*,diffie-hellman-group-exchange-*',
    macs: '-hmac-sha2-256,hmac-sha2-512',
    compression,
  });
}

/**
 * A server's choice as exact lists, for a transport.
 * @throws UsageError for a name that is not known, and where nothing is left of a category
 */
export function chooseServerAlgorithms(
  options: AlgorithmOptions = {},
  policy?: AlgorithmPolicy,
): { readonly [C in AlgorithmCategory]: string } {
  const chosen = chooseAlgorithms(options, serverAlgorithms(policy));
  const exact = (category: AlgorithmCategory) => {
    if (chosen[category].length === 0) throw new UsageError(`no ${category} algorithm is left`);
    return chosen[category].join(',');
  };
  return {
    kex: exact('kex'),
    keys: exact('keys'),
    pubkeys: exact('pubkeys'),
    ciphers: exact('ciphers'),
    macs: exact('macs'),
    compression: exact('compression'),
  };
}
