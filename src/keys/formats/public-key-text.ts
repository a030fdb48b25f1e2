// The entrance for public keys: a text from a file, or a blob. Recognises the format by what stands first, never by trial: one
// OpenSSH line (with empty lines and # comments around it), RFC 4716, PEM or JWK. A text holds one key, and whatever is something
// else is refused with what it is and what to do about it.

import type { CryptoProvider, PublicComponents } from '../../crypto/provider.ts';
import { KeyFormatError, printable } from '../../errors.ts';
import { DecodeError, Reader } from '../../wire/reader.ts';
import { looksLikeKeyType } from '../key-type.ts';
import { encodePublicBlob } from '../public-blob.ts';
import { PublicKey } from '../public-key.ts';
import { looksLikeJwk, readPublicJwk } from './jwk.ts';
import { readingFormat } from './key-file.ts';
import { findPemBlocks, type PemBlock, pemBytes } from './pem.ts';
import { looksLikePpk } from './ppk.ts';
import { isRfc4716, readRfc4716 } from './rfc4716.ts';
import { readRsaPublic, readSpki } from './spki.ts';

/**
 * The one public key in a text.
 * @throws KeyFormatError where there is none, more than one, or one that is malformed.
 */
export function parsePublicKeyText(text: string, crypto: CryptoProvider): PublicKey {
  const plain = text.replace(/^\uFEFF/, '');
  if (looksLikeJwk(plain)) {
    return readingFormat('JSON Web Key (JWK)', () => {
      const { components, comment } = readPublicJwk(plain);
      return fromNumbers(components, crypto, comment);
    });
  }
  const written = plain
    .split(/\r\n|\n|\r/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
  const lines = written.slice(written.findIndex((line) => !isComment(line)));
  const first = lines[0]?.trimStart();
  if (first === undefined || isComment(first)) throw new KeyFormatError('empty: there is no key in it');
  if (isRfc4716(first)) {
    return readingFormat('RFC 4716 public key', () => {
      const { blob, comment } = readRfc4716([first, ...lines.slice(1)]);
      return parsePublicKeyBlob(blob, crypto, comment);
    });
  }
  if (first.startsWith('-----BEGIN ')) return parsePem(plain, first, crypto);
  if (first.startsWith('---- BEGIN ') || looksLikePpk(first)) throw new KeyFormatError(describeArmour(first));
  const word = /^\S*/.exec(first)?.[0] ?? '';
  if (!looksLikeKeyType(word)) {
    // Without a sample of it: people paste the wrong clipboard, passwords for one.
    throw new KeyFormatError('not a public key in any known format: it does not begin with a key type');
  }
  const keys = lines.filter((line) => !isComment(line));
  if (keys.length > 1) throw new KeyFormatError(`OpenSSH public key: ${keys.length} lines; expected one key`);
  refuseCertificate(word);
  return PublicKey.fromText(first, crypto);
}

/**
 * The public key in a blob (RFC 4253 section 6.6).
 * @throws KeyFormatError
 */
export function parsePublicKeyBlob(blob: Uint8Array, crypto: CryptoProvider, comment = ''): PublicKey {
  try {
    refuseCertificate(new Reader(blob).name());
  } catch (error) {
    // What else is wrong with it is for the key to say.
    if (!(error instanceof DecodeError)) throw error;
  }
  return PublicKey.parse(blob, crypto, comment);
}

function parsePem(text: string, first: string, crypto: CryptoProvider): PublicKey {
  const blocks = findPemBlocks(text);
  const block = blocks[0];
  if (block === undefined) throw new KeyFormatError(`PEM: the line '${armourOf(first)}' is malformed`);
  const read = pemReaders.get(block.label);
  if (read === undefined) throw new KeyFormatError(describeArmour(first));
  if (blocks.length > 1) throw new KeyFormatError(`PEM: ${blocks.length} blocks in one file; keep one key per file`);
  return readingFormat(read.format, () => fromNumbers(read.read(numbersOf(block)), crypto, ''));
}

const pemReaders: ReadonlyMap<string, { readonly format: string; read(bytes: Uint8Array): PublicComponents }> = new Map([
  ['PUBLIC KEY', { format: 'PKCS#8 public key (SubjectPublicKeyInfo)', read: readSpki }],
  ['RSA PUBLIC KEY', { format: 'PKCS#1 RSA public key', read: readRsaPublic }],
]);

function numbersOf(block: PemBlock): Uint8Array {
  if (block.headers.size > 0) throw new DecodeError('it has headers, as if it were encrypted');
  return pemBytes(block);
}

function fromNumbers(components: PublicComponents, crypto: CryptoProvider, comment: string): PublicKey {
  return PublicKey.parse(encodePublicBlob(components), crypto, comment);
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#');
}

/** A certificate is more than a key, and nothing in it may be believed before its authority is: no silent conversion. */
function refuseCertificate(type: string): void {
  if (!/-cert-v\d\d@openssh\.com$/.test(type)) return;
  throw new KeyFormatError(
    `recognised as an OpenSSH certificate (${printable(type)}) where a plain public key is expected; read it with parseCertificate or readCertificate`,
  );
}

function describeArmour(line: string): string {
  if (line.includes('PRIVATE KEY'))
    return `a private key ('${armourOf(line)}') where a public key is expected; give the .pub file`;
  if (looksLikePpk(line)) {
    return 'a PuTTY private key (PPK) where a public key is expected; write that with: puttygen FILE -O public-openssh -o OUT';
  }
  return `recognised as '${armourOf(line)}', which is not supported`;
}

/** The label alone: where the line ends were lost, the rest of the line is the key. */
function armourOf(line: string): string {
  return /^-+ ?BEGIN [A-Z0-9 ]{1,64}-{0,5}/.exec(line)?.[0] ?? '-----BEGIN';
}
