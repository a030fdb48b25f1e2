// A key in a line of a file that may be any: an authorized_keys with options in front, a known_hosts with names, a plain key. What
// stands in front is not understood here, only told from the key.

import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError } from '../../errors.ts';
import { Certificate } from '../../keys/certificate.ts';
import { certifiedKeyType } from '../../keys/certificate-algorithms.ts';
import { parseCertificate } from '../../keys/node/certify.ts';
import { PublicKey } from '../../keys/public-key.ts';

export interface KeyInLine {
  readonly key: PublicKey | Certificate;
  /** What follows the key, else what stands in front of it. */
  readonly comment: string;
}

/** The key in a line, or null where there is none, or one that is not known. */
export function keyInLine(line: string): KeyInLine | null {
  const plain = keyAt(line);
  if (plain !== null) return plain;
  // Options have blanks in quotes only.
  const [, front = '', rest = ''] = /^((?:[^\s"\\]|\\.|"(?:[^"\\]|\\.)*")+)[ \t]+(.*)$/.exec(line) ?? [];
  if (front.startsWith('@')) return keyInLine(rest);
  const found = rest === '' ? null : keyAt(rest);
  return found === null ? null : { key: found.key, comment: found.comment || front };
}

function keyAt(text: string): KeyInLine | null {
  const [, type = '', base64 = '', rest = ''] = /^(\S+)[ \t]+(\S+)[ \t]*(.*)$/.exec(text) ?? [];
  if (type === '' || base64 === '') return null;
  const comment = rest.startsWith('#') ? '' : rest.trimEnd();
  try {
    const certified = certifiedKeyType(type) !== undefined;
    const key = certified ? parseCertificate(`${type} ${base64}`) : PublicKey.fromText(`${type} ${base64}`, nodeCrypto);
    return { key, comment };
  } catch (error) {
    if (error instanceof KeyFormatError) return null;
    throw error;
  }
}

/** The kind of key as ssh-keygen calls it: `ED25519`, `RSA-CERT`. */
export function kindOf(key: PublicKey | Certificate): string {
  return key instanceof Certificate ? `${key.publicKey.algorithmName}-CERT` : key.algorithmName;
}

/** The key itself, without a certificate around it. */
export function plainKey(key: PublicKey | Certificate): PublicKey {
  return key instanceof Certificate ? key.publicKey : key;
}
