// PuTTY's private key files, versions 2 and 3 (PuTTY manual, appendix C), read and written. A text of fixed lines; public key and
// comment stand in the clear but under the MAC. The file's author chooses how much work the passphrase is, so it is bounded here.

import { decodeText, fromBase64, fromHex, toBase64, toHex } from '../../bytes/bytes.ts';
import type { CryptoProvider } from '../../crypto/provider.ts';
import { PassphraseError, printable } from '../../errors.ts';
import { DecodeError } from '../../wire/reader.ts';
import { describeUnsupportedType, isKeyType } from '../key-type.ts';
import { decodePublicBlob } from '../public-blob.ts';
import { type KeyFile, type KeyFileCipher, type KeyFileKdf, type KeyMaterial, keyFileCipher, readingFormat } from './key-file.ts';
import {
  PPK_BLOCK_BYTES,
  PPK_CIPHER,
  type PpkOutside,
  type PpkVersion,
  ppkMac,
  ppkMacs,
  ppkPlainMacKey,
  readPpkNumbers,
} from './ppk-private.ts';

/** In KiB: 1 GiB. PuTTY writes 8 MiB. */
export const MAX_ARGON2_MEMORY = 1_048_576;
/** Memory times passes, in KiB: half a minute of work. PuTTY chooses its passes such that they take it a tenth of a second. */
export const MAX_ARGON2_WORK = 4 * MAX_ARGON2_MEMORY;
/** RFC 9106 wants 8 KiB for each lane. Lanes are computed one after the other here. */
export const MAX_ARGON2_LANES = 64;
const MIN_SALT_BYTES = 8;
const MAX_SALT_BYTES = 1024;

const FIRST_LINE = /^PuTTY-User-Key-File-(\d{1,9}): ?(.*)$/;

/**
 * What may be shown in an error. Whoever keeps a key in one line, with `\n` for line ends as environment variables have it, has the
 * secret in what should be a name.
 */
const NAME = /^[\x21-\x7e]{1,64}$/;

type Argon2 = Extract<KeyFileKdf, { name: 'argon2' }>;

/** Whether a text is a PPK file, of any version. */
export function looksLikePpk(text: string): boolean {
  return /^PuTTY-User-Key-File-\d/.test(text);
}

/**
 * Reads a PPK file.
 * @throws KeyFormatError
 */
export function parsePpk(data: Uint8Array, crypto: CryptoProvider): KeyFile {
  const lines = new Lines(data);
  const { version, algorithm } = readingFormat('PuTTY private key (PPK)', () => readFirstLine(lines));
  const format = `PuTTY private key (PPK ${version})`;
  return readingFormat(format, () => readVersion(version, format, algorithm, lines, crypto));
}

function readFirstLine(lines: Lines): { version: PpkVersion; algorithm: string } {
  const [, digits = '', algorithm = ''] = FIRST_LINE.exec(lines.next()) ?? [];
  if (digits !== '' && !NAME.test(algorithm))
    throw new DecodeError('no name of a key type and nothing else is in its first line');
  if (digits === '') throw new DecodeError("the first line is not 'PuTTY-User-Key-File-3: type'");
  if (digits === '2') return { version: 2, algorithm };
  if (digits === '3') return { version: 3, algorithm };
  throw new DecodeError(`version ${digits} is not supported; write it anew with: puttygen FILE -O private -o OUT`);
}

function readVersion(version: PpkVersion, format: string, algorithm: string, lines: Lines, crypto: CryptoProvider): KeyFile {
  if (!isKeyType(algorithm)) throw new DecodeError(describeAlgorithm(algorithm));
  const encryption = lines.field('Encryption');
  if (!NAME.test(encryption)) throw new DecodeError('no name of a cipher and nothing else is behind Encryption');
  if (encryption !== 'none' && encryption !== PPK_CIPHER) {
    throw new DecodeError(`it is encrypted with '${printable(encryption)}', which is not supported`);
  }
  const encrypted = encryption !== 'none';
  const comment = fromLatin1(lines.field('Comment'));
  const publicBlob = lines.base64('Public-Lines');
  const outside: PpkOutside = { algorithm, encrypted, comment, publicBlob };
  const publicKey = decodePublicBlob(publicBlob);
  if (publicKey.type !== algorithm) throw new DecodeError(`it says ${algorithm}, the key in it is ${publicKey.type}`);
  const kdf: KeyFileKdf | null = !encrypted ? null : version === 2 ? { name: 'putty-sha1' } : readArgon2(lines);
  const data = lines.base64('Private-Lines');
  const expected = fromHex(lines.field('Private-MAC'));
  if (expected?.length !== ppkMacs[version].bytes) {
    throw new DecodeError(`the MAC is not ${2 * ppkMacs[version].bytes} hexadecimal digits`);
  }
  lines.end();

  const read = (plaintext: Uint8Array): KeyMaterial => ({
    numbers: readPpkNumbers(publicKey, plaintext, encrypted),
    comment: decodeText(comment),
  });
  const fits = (plaintext: Uint8Array, macKey: Uint8Array): boolean =>
    crypto.timingSafeEqual(ppkMac(version, macKey, outside, plaintext, crypto), expected);
  if (kdf === null) {
    if (!fits(data, ppkPlainMacKey(version, crypto))) throw new DecodeError('the MAC does not fit: the file is damaged');
    return { encrypted: false, format, material: read(data) };
  }
  if (data.length === 0 || data.length % PPK_BLOCK_BYTES !== 0) throw new DecodeError('the private part is not whole blocks');
  const finish = (plaintext: Uint8Array, macKey: Uint8Array): KeyMaterial =>
    readingFormat(format, () => {
      if (fits(plaintext, macKey)) return read(plaintext);
      // Both come from the passphrase. Numbers of the right lengths come out of a wrong one once in millions of times; with
      // the right one they are gone only where the beginning of the private part itself is what was damaged.
      if (!isReadable(read, plaintext)) throw new PassphraseError('wrong');
      throw new DecodeError('the passphrase is right but the MAC does not fit: the file was changed');
    });
  const cipher = keyFileCipher(PPK_CIPHER) as KeyFileCipher;
  const iv = version === 2 ? new Uint8Array(PPK_BLOCK_BYTES) : null;
  const macKeyBytes = ppkMacs[version].bytes;
  return {
    encrypted: true,
    format,
    kdf,
    cipher,
    iv,
    padded: false,
    data,
    tag: new Uint8Array(0),
    macKeyBytes,
    publicBlob,
    finish,
  };
}

function isReadable(read: (plaintext: Uint8Array) => KeyMaterial, plaintext: Uint8Array): boolean {
  try {
    read(plaintext);
    return true;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

function describeAlgorithm(algorithm: string): string {
  if (/-cert-v\d\d@/.test(algorithm)) {
    return `it holds a certificate beside the key; take it out with: puttygen FILE --remove-certificate -o OUT`;
  }
  return describeUnsupportedType(algorithm);
}

function readArgon2(lines: Lines): Argon2 {
  const name = lines.field('Key-Derivation');
  const variant = /^Argon2(id|i|d)$/.exec(name)?.[1] as Argon2['variant'] | undefined;
  if (variant === undefined) {
    throw new DecodeError(`its passphrase goes through '${printable(name)}', which is not supported`);
  }
  const memory = lines.number('Argon2-Memory');
  const passes = lines.number('Argon2-Passes');
  const parallelism = lines.number('Argon2-Parallelism');
  const salt = fromHex(lines.field('Argon2-Salt'));
  if (salt === null) throw new DecodeError('the salt is not hexadecimal digits');
  const kdf: Argon2 = { name: 'argon2', variant, salt, memory, passes, parallelism };
  const fault = argon2Fault(kdf);
  if (fault !== null) throw new DecodeError(fault);
  return kdf;
}

/** Why parameters of Argon2 are not taken, neither from a file nor for one; null where they are. */
export function argon2Fault({ salt, memory, passes, parallelism }: Argon2): string | null {
  const whole = [memory, passes, parallelism].every((number) => Number.isInteger(number) && number >= 1);
  if (!whole || memory < 8 * parallelism || salt.length < MIN_SALT_BYTES || salt.length > MAX_SALT_BYTES) {
    return 'the Argon2 parameters are not valid';
  }
  if (memory <= MAX_ARGON2_MEMORY && memory * passes <= MAX_ARGON2_WORK && parallelism <= MAX_ARGON2_LANES) return null;
  return `Argon2 with ${memory} KiB, ${passes} passes and ${parallelism} lanes is beyond the limit`;
}

/** The file's text. `data` is the private numbers, encrypted where `kdf` is not null. */
export function encodePpk(
  version: PpkVersion,
  { algorithm, encrypted, comment, publicBlob }: PpkOutside,
  kdf: KeyFileKdf | null,
  data: Uint8Array,
  mac: Uint8Array,
): string {
  const derivation =
    kdf?.name !== 'argon2'
      ? []
      : [
          `Key-Derivation: Argon2${kdf.variant}`,
          `Argon2-Memory: ${kdf.memory}`,
          `Argon2-Passes: ${kdf.passes}`,
          `Argon2-Parallelism: ${kdf.parallelism}`,
          `Argon2-Salt: ${toHex(kdf.salt)}`,
        ];
  const [publicLines, privateLines] = [linesOf(publicBlob), linesOf(data)];
  return [
    `PuTTY-User-Key-File-${version}: ${algorithm}`,
    `Encryption: ${encrypted ? PPK_CIPHER : 'none'}`,
    `Comment: ${decodeText(comment)}`,
    `Public-Lines: ${publicLines.length}`,
    ...publicLines,
    ...derivation,
    `Private-Lines: ${privateLines.length}`,
    ...privateLines,
    `Private-MAC: ${toHex(mac)}`,
    '',
  ].join('\n');
}

function linesOf(bytes: Uint8Array): string[] {
  return toBase64(bytes).match(/.{1,64}/g) ?? [];
}

/** A byte is a character: the MAC is over the comment's bytes, and old files have it in whatever Windows used. */
function fromLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The lines of a file, in the one order that they may have. */
class Lines {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(data: Uint8Array) {
    const text = Array.from(data, (byte) => String.fromCharCode(byte)).join('');
    // A byte order mark, and whatever white space somebody pasted in front.
    this.#lines = text
      .replace(/^\u00ef\u00bb\u00bf/, '')
      .trimStart()
      .split(/\r\n|\n|\r/);
  }

  next(): string {
    const line = this.#lines[this.#at++];
    if (line === undefined) throw new DecodeError('the file is cut off');
    return line;
  }

  /** The value of `name: value`, which must come next. */
  field(name: string): string {
    const line = this.next();
    if (!line.startsWith(`${name}:`)) throw new DecodeError(`the line '${name}:' is not where it should be`);
    return line.slice(name.length + 1).replace(/^ /, '');
  }

  number(name: string): number {
    const digits = this.field(name);
    if (!/^\d{1,9}$/.test(digits)) throw new DecodeError(`${name} is not a number`);
    return Number(digits);
  }

  /** `name: count`, then as many lines of base64. */
  base64(name: string): Uint8Array {
    const count = this.number(name);
    if (count > this.#lines.length - this.#at) throw new DecodeError('the file is cut off');
    const bytes = fromBase64(this.#lines.slice(this.#at, this.#at + count).join(''));
    this.#at += count;
    if (bytes === null) throw new DecodeError(`what follows ${name} is not base64`);
    return bytes;
  }

  end(): void {
    if (this.#lines.slice(this.#at).some((line) => line.trim() !== '')) throw new DecodeError('there is more after the MAC');
  }
}
