// The entrance: any bytes that are supposed to be a private key, to a KeyFile. Recognises the format first, by what stands
// in the file and never by trial, so that a message can say what the file is and what to do when it is something else.

import { decodeText } from '../../bytes/bytes.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { KeyFormatError, printable } from '../../errors.ts';
import { describeUnsupportedType, isKeyType, looksLikeKeyType } from '../key-type.ts';
import { readPkcs1, readPkcs8, readSec1 } from './asn1-keys.ts';
import { isOneSequence } from './der.ts';
import { looksLikeJwk, readPrivateJwk } from './jwk.ts';
import { type KeyFile, type KeyNumbers, readingFormat } from './key-file.ts';
import { parseOpenSsh } from './openssh.ts';
import { parsePbes2 } from './pbes2.ts';
import { findPemBlocks, type PemBlock, pemBytes } from './pem.ts';
import { isPemEncrypted, parsePemEncrypted } from './pem-encryption.ts';
import { looksLikePpk, parsePpk } from './ppk.ts';

/** The largest key file that is read, in bytes. The largest sensible one has 20 KiB. */
export const MAX_KEY_FILE_BYTES = 1_048_576;

/** The most bcrypt rounds that are accepted unless the caller says otherwise: about 20 times what ssh-keygen -a 100 does. */
export const DEFAULT_MAX_ROUNDS = 2048;

const JWK = 'JSON Web Key (JWK)';

/** The kinds of PEM block that are mistaken for private keys, or are private keys of no use. */
const foreignLabels: ReadonlyMap<string, string> = new Map([
  ['DSA PRIVATE KEY', 'a DSA private key. DSA is broken and not supported; make a new key with: ssh-keygen -t ed25519'],
  ['PUBLIC KEY', 'a public key (X.509 SubjectPublicKeyInfo) where a private key is expected'],
  ['RSA PUBLIC KEY', 'a public key (PKCS#1) where a private key is expected'],
  ['SSH2 PUBLIC KEY', 'a public key (RFC 4716) where a private key is expected'],
  ['CERTIFICATE', 'an X.509 certificate where a private key is expected'],
  ['CERTIFICATE REQUEST', 'a certificate request where a private key is expected'],
]);

/**
 * Recognises and reads a private key file.
 * @throws KeyFormatError whose message names the recognised format and what is wrong; no other error, whatever the bytes.
 */
export function parsePrivateKeyFile(data: Uint8Array, crypto: CryptoProvider, maxRounds = DEFAULT_MAX_ROUNDS): KeyFile {
  if (data.length > MAX_KEY_FILE_BYTES) {
    throw new KeyFormatError(`${data.length} bytes, more than the ${MAX_KEY_FILE_BYTES} that a key file may have`);
  }
  if (data.length === 0) throw new KeyFormatError('empty: there is no key in it');
  refuseUtf16(data);
  // 0x30 begins an ASN.1 SEQUENCE, and is the digit 0: in a text no length follows.
  if (data[0] === 0x30 && ((data[1] ?? 0) >= 0x80 || isOneSequence(data))) throw new KeyFormatError(describeDer(data));

  const text = decodeText(data).replace(/^\uFEFF/, '');
  if (looksLikePpk(text.slice(0, 512).trimStart())) return parsePpk(data, crypto);
  if (looksLikeJwk(text)) {
    return { encrypted: false, format: JWK, material: readingFormat(JWK, () => readPrivateJwk(text)) };
  }
  const blocks = findPemBlocks(text);
  // `openssl ecparam -genkey` writes the curve in a block of its own in front; the key repeats it.
  const keys = blocks.filter((block) => block.label.endsWith('PRIVATE KEY') || block.label.startsWith('PGP '));
  if (keys.length > 1) throw new KeyFormatError(`PEM: ${keys.length} private keys in one file; keep one per file`);
  const block = keys[0];
  if (block !== undefined) return parseBlock(block, maxRounds);
  throw new KeyFormatError(describeText(text, blocks));
}

/** What PowerShell makes of `>`. @throws KeyFormatError */
export function refuseUtf16(data: Uint8Array): void {
  if ((data[0] === 0xff && data[1] === 0xfe) || (data[0] === 0xfe && data[1] === 0xff)) {
    throw new KeyFormatError('text in UTF-16; save it as UTF-8 or ASCII (PowerShell: Set-Content -Encoding ascii)');
  }
}

function parseBlock(block: PemBlock, maxRounds: number): KeyFile {
  const { label } = block;
  switch (label) {
    case 'OPENSSH PRIVATE KEY':
      return erasing(pemBytes(block), (bytes) => parseOpenSsh(bytes, maxRounds));
    case 'RSA PRIVATE KEY':
      return parseAsn1(block, 'PKCS#1 RSA private key', readPkcs1);
    case 'EC PRIVATE KEY':
      return parseAsn1(block, 'SEC1 EC private key', readSec1);
    case 'PRIVATE KEY':
      return parseAsn1(block, 'PKCS#8 private key', readPkcs8);
    case 'ENCRYPTED PRIVATE KEY':
      return parsePbes2(pemBytes(block));
    default: {
      if (label.startsWith('PGP ')) {
        throw new KeyFormatError(`an OpenPGP file ('${label}'), which is not an SSH key; use it through gpg-agent`);
      }
      throw new KeyFormatError(`recognised as ${foreignLabels.get(label) ?? `PEM block '${label}', which is not supported`}`);
    }
  }
}

function parseAsn1(block: PemBlock, format: string, read: (bytes: Uint8Array) => KeyNumbers): KeyFile {
  if (isPemEncrypted(block)) return parsePemEncrypted(block, format, read);
  return erasing(pemBytes(block), (bytes) => {
    const numbers = readingFormat(format, () => read(bytes));
    return { encrypted: false, format, material: { numbers, comment: '' } };
  });
}

/** Overwrites the decoded file once it is read, unless it is encrypted and its ciphertext still needed. */
function erasing(bytes: Uint8Array, parse: (bytes: Uint8Array) => KeyFile): KeyFile {
  let encrypted = false;
  try {
    const file = parse(bytes);
    encrypted = file.encrypted;
    return file;
  } finally {
    if (!encrypted) bytes.fill(0);
  }
}

/** Binary that is an ASN.1 SEQUENCE. */
function describeDer(data: Uint8Array): string {
  // PKCS#12 (RFC 7292 section 4) begins with version 3; the length in between takes two to five bytes.
  const isPkcs12 = [2, 3, 4, 5, 6].some((at) => data[at] === 2 && data[at + 1] === 1 && data[at + 2] === 3);
  if (isPkcs12) return 'recognised as PKCS#12; extract the key with: openssl pkcs12 -in FILE -nocerts -nodes';
  return 'recognised as binary DER; convert it to PEM with: openssl pkey -inform DER -in FILE';
}

function describeText(text: string, blocks: readonly PemBlock[]): string {
  const label = blocks.find((block) => block.label !== 'EC PARAMETERS')?.label ?? blocks[0]?.label;
  if (label !== undefined) {
    return `recognised as ${foreignLabels.get(label) ?? `PEM block '${label}', where a private key is expected`}`;
  }
  const start = text.slice(0, 512).trimStart();
  const word = /^[^\s:]*/.exec(start)?.[0] ?? '';
  if (start.startsWith('---- BEGIN SSH2 ENCRYPTED PRIVATE KEY')) {
    return 'recognised as an ssh.com private key, which is not supported; convert it with: ssh-keygen -i -f FILE';
  }
  if (start.startsWith('---- BEGIN SSH2 PUBLIC KEY')) return `recognised as ${foreignLabels.get('SSH2 PUBLIC KEY')}`;
  if (start.startsWith('SSH PRIVATE KEY FILE FORMAT 1')) return 'recognised as an SSH-1 key, which no SSH-2 server accepts';
  if (looksLikeKeyType(word)) {
    if (/-cert-v\d\d@/.test(word))
      return `recognised as an OpenSSH certificate (${printable(word)}) where a private key is expected`;
    if (isKeyType(word))
      return `recognised as an OpenSSH public key (${word}) where a private key is expected; give the file without .pub`;
    return `recognised as an OpenSSH public key: ${describeUnsupportedType(word)}`;
  }
  if (start.includes('-----BEGIN'))
    return "PEM: the line '-----BEGIN ...-----' is malformed or does not stand at the start of its line";
  // Without a sample of it: it may be a password, or a key whose armour was lost.
  return 'not a private key in any known format';
}
