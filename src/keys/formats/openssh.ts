// OpenSSH's own private key format, `openssh-key-v1` (OpenSSH PROTOCOL.key), read and written. The public key stands outside
// the encryption, so the type is known before the passphrase; the private section repeats it, and both must agree, because
// only the inner one is protected.

import { concat, decodeText, encodeUtf8, equalBytes } from '../../bytes/bytes.ts';
import type { PrivateComponents } from '../../crypto/provider.ts';
import { PassphraseError, printable } from '../../errors.ts';
import { DecodeError, Reader } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { isKeyType } from '../key-type.ts';
import { decodePublicBlob, encodePublicBlob } from '../public-blob.ts';
import { type KeyFile, type KeyFileCipher, type KeyFileKdf, type KeyMaterial, keyFileCipher, readingFormat } from './key-file.ts';
import { encodePem } from './pem.ts';
import { readPrivateNumbers, writePrivateNumbers } from './private-numbers.ts';

const FORMAT = 'OpenSSH private key';
const MAGIC = encodeUtf8('openssh-key-v1\0');
/** OpenSSH writes 16 bytes. The salt is hashed once per 32 bytes of key. */
const MAX_SALT_BYTES = 1024;
/** What the private section of an unencrypted file is padded to. */
const PLAIN_BLOCK_BYTES = 8;

/**
 * Reads what stands under `OPENSSH PRIVATE KEY`.
 * @param maxRounds The most bcrypt rounds to accept: the file's author chooses how long we compute.
 * @throws KeyFormatError
 */
export function parseOpenSsh(bytes: Uint8Array, maxRounds: number): KeyFile {
  return readingFormat(FORMAT, () => {
    if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) throw new DecodeError("it does not begin with 'openssh-key-v1'");
    const reader = new Reader(bytes, MAGIC.length);
    const cipherName = reader.name();
    const kdfName = reader.name();
    const options = reader.string();
    // PROTOCOL.key allows several keys in a file; OpenSSH has never written or read any number but one.
    const count = reader.u32();
    if (count !== 1) throw new DecodeError(`it says that it holds ${count} keys; only 1 is supported`);
    const publicBlob = reader.string();
    refuseDevices(publicBlob);
    const data = reader.string();

    if (cipherName === 'none' || kdfName === 'none') {
      if (cipherName !== kdfName || options.length > 0) throw new DecodeError('only one of cipher and kdf is none');
      reader.end();
      if (data.length % PLAIN_BLOCK_BYTES !== 0) throw new DecodeError('the private section is not whole blocks');
      return { encrypted: false, format: FORMAT, material: readPlainSection(data, publicBlob) };
    }

    const cipher = keyFileCipher(cipherName);
    if (cipher === undefined) throw new DecodeError(`it is encrypted with '${printable(cipherName)}', which is not supported`);
    const kdf = readKdf(kdfName, options, maxRounds);
    if (data.length === 0 || data.length % cipher.blockBytes !== 0)
      throw new DecodeError('the private section is not whole blocks');
    const tag = reader.raw(cipher.tagBytes);
    reader.end();
    const finish = (plaintext: Uint8Array): KeyMaterial => {
      if (!checkNumbersAgree(plaintext)) throw new PassphraseError('wrong');
      return readingFormat(FORMAT, () => readSection(plaintext, publicBlob));
    };
    const outside = { encrypted: true, format: FORMAT, publicBlob } as const;
    return { ...outside, kdf, cipher, iv: null, padded: false, data, tag, macKeyBytes: 0, finish };
  });
}

/** By the name alone, which is what such files have in common. */
function refuseDevices(publicBlob: Uint8Array): void {
  const type = new Reader(publicBlob).name();
  if (type.startsWith('sk-') && isKeyType(type)) {
    throw new DecodeError(`${type} is a FIDO key, whose private part never leaves its device; use it through ssh-agent`);
  }
  decodePublicBlob(publicBlob);
}

function readKdf(name: string, options: Uint8Array, maxRounds: number): KeyFileKdf {
  if (name !== 'bcrypt') throw new DecodeError(`its passphrase goes through '${printable(name)}', which is not supported`);
  const reader = new Reader(options);
  const salt = reader.string();
  const rounds = reader.u32();
  reader.end();
  if (salt.length === 0 || salt.length > MAX_SALT_BYTES) throw new DecodeError(`a salt of ${salt.length} bytes`);
  if (rounds < 1) throw new DecodeError('0 bcrypt rounds');
  if (rounds > maxRounds) {
    throw new DecodeError(`it asks for ${rounds} bcrypt rounds, more than the limit of ${maxRounds}; raise maxRounds to read it`);
  }
  return { name: 'bcrypt', salt, rounds };
}

function readPlainSection(section: Uint8Array, publicBlob: Uint8Array): KeyMaterial {
  if (!checkNumbersAgree(section)) throw new DecodeError('the check numbers differ: the file is damaged');
  return readSection(section, publicBlob);
}

/** Both copies of a random number that stand first: they differ where the passphrase was wrong. */
function checkNumbersAgree(section: Uint8Array): boolean {
  return section.length >= 8 && equalBytes(section.subarray(0, 4), section.subarray(4, 8));
}

function readSection(section: Uint8Array, publicBlob: Uint8Array): KeyMaterial {
  const reader = new Reader(section, 8);
  const type = reader.name();
  const numbers = readPrivateNumbers(type, reader);
  const comment = decodeText(reader.string());
  // 1, 2, 3, ...: the only thing that tells the end of the key from something that somebody put there.
  const padding = reader.rest();
  if (padding.length > 255) throw new DecodeError('too much padding');
  for (let i = 0; i < padding.length; i++) if (padding[i] !== i + 1) throw new DecodeError('bad padding');
  const inner = numbers.kind === 'rsa' ? numbers : { ...numbers, point: numbers.point ?? new Uint8Array(0) };
  if (!equalBytes(encodePublicBlob(inner), publicBlob)) throw new DecodeError('the public key outside is not the one inside');
  return { numbers, comment };
}

/** How the private section of a new file is encrypted. */
export interface OpenSshEncryption {
  readonly salt: Uint8Array;
  readonly rounds: number;
}

/** What new files are encrypted with: OpenSSH's own default. */
export const openSshCipher: KeyFileCipher = { name: 'aes256-ctr', keyBytes: 32, ivBytes: 16, blockBytes: 16, tagBytes: 0 };

/**
 * The private section, unencrypted and padded to whole blocks. It is secret: erase it after use.
 * @param check Four random bytes.
 */
export function encodeOpenSshSection(
  components: PrivateComponents,
  comment: string,
  check: Uint8Array,
  encrypted: boolean,
): Uint8Array {
  // Large enough for RSA with 16384 bits, so that growing leaves no copies of the secret behind.
  const writer = new Writer(12_288 + 4 * comment.length).raw(check).raw(check);
  writePrivateNumbers(writer, components);
  writer.string(comment);
  const block = encrypted ? openSshCipher.blockBytes : PLAIN_BLOCK_BYTES;
  for (let i = 1; writer.length % block !== 0; i++) writer.u8(i);
  return writer.finish();
}

/** The whole file as text. `section` is the private section, encrypted where `encryption` is not null. */
export function encodeOpenSsh(publicBlob: Uint8Array, section: Uint8Array, encryption: OpenSshEncryption | null): string {
  const options = encryption === null ? new Uint8Array(0) : new Writer().string(encryption.salt).u32(encryption.rounds).finish();
  const writer = new Writer(section.length + publicBlob.length + 256);
  writer
    .string(encryption === null ? 'none' : openSshCipher.name)
    .string(encryption === null ? 'none' : 'bcrypt')
    .string(options);
  writer.u32(1).string(publicBlob).string(section);
  return encodePem('OPENSSH PRIVATE KEY', concat(MAGIC, writer.finish()), 70);
}
