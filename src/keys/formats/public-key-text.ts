// A public key as text from a file: one OpenSSH line, with empty lines and # comments around it allowed. Other formats are
// recognised only to say what they are and how to convert them.

import type { CryptoProvider } from '../../crypto/provider.ts';
import { KeyFormatError, printable } from '../../errors.ts';
import { looksLikeKeyType } from '../key-type.ts';
import { PublicKey } from '../public-key.ts';

/**
 * The one public key in a text.
 * @throws KeyFormatError where there is none, more than one, or one that is malformed.
 */
export function parsePublicKeyText(text: string, crypto: CryptoProvider): PublicKey {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const first = lines[0];
  if (first === undefined) throw new KeyFormatError('empty: there is no key in it');
  if (first.startsWith('-----BEGIN ') || first.startsWith('---- BEGIN ') || first.startsWith('PuTTY-User-Key-File-')) {
    throw new KeyFormatError(describeArmour(first));
  }
  const word = /^\S*/.exec(first)?.[0] ?? '';
  if (!looksLikeKeyType(word)) {
    // Without a sample of it: people paste the wrong clipboard, passwords for one.
    throw new KeyFormatError('not an OpenSSH public key: it does not begin with a key type');
  }
  if (lines.length > 1) throw new KeyFormatError(`OpenSSH public key: ${lines.length} lines; expected one key`);
  return PublicKey.fromText(first, crypto);
}

function describeArmour(line: string): string {
  if (line.includes('PRIVATE KEY'))
    return `a private key ('${printable(line.slice(0, 64))}') where a public key is expected; give the .pub file`;
  if (line.startsWith('---- BEGIN SSH2 PUBLIC KEY')) return 'recognised as RFC 4716; convert it with: ssh-keygen -i -f FILE';
  if (line.startsWith('-----BEGIN PUBLIC KEY'))
    return 'recognised as X.509 SubjectPublicKeyInfo; convert it with: ssh-keygen -i -m PKCS8 -f FILE';
  if (line.startsWith('-----BEGIN RSA PUBLIC KEY')) return 'recognised as PKCS#1; convert it with: ssh-keygen -i -m PEM -f FILE';
  if (line.startsWith('PuTTY-'))
    return 'recognised as a PuTTY key (PPK), which is not supported yet; puttygen FILE -O public-openssh converts it';
  return `recognised as '${printable(line.slice(0, 64))}', which is not supported`;
}
