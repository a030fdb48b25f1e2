// Encrypted PKCS#8 (RFC 5958 section 3) with PBES2 (RFC 8018 section 6.2): PBKDF2 or scrypt (RFC 7914 section 7), then AES
// or triple DES in CBC mode. Written with PBKDF2-HMAC-SHA-256 and AES-256. The file chooses how much work deriving the key is, so the work is bounded here.

import type { HashName } from '../../crypto/provider.ts';
import { PassphraseError } from '../../errors.ts';
import { DecodeError } from '../../wire/reader.ts';
import { readPkcs8 } from './asn1-keys.ts';
import { DerReader, der, isOneSequence } from './der.ts';
import { type EncryptedKeyFile, type KeyFileCipher, type KeyFileKdf, keyFileCipher, readingFormat } from './key-file.ts';

const FORMAT = 'encrypted PKCS#8 private key';
const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const SCRYPT = '1.3.6.1.4.1.11591.4.11';

const hashes: ReadonlyMap<string, HashName> = new Map([
  ['1.2.840.113549.2.7', 'sha1'],
  ['1.2.840.113549.2.9', 'sha256'],
  ['1.2.840.113549.2.10', 'sha384'],
  ['1.2.840.113549.2.11', 'sha512'],
]);

const cipherNames: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.101.3.4.1.2', 'aes128-cbc'],
  ['2.16.840.1.101.3.4.1.22', 'aes192-cbc'],
  ['2.16.840.1.101.3.4.1.42', 'aes256-cbc'],
  ['1.2.840.113549.3.7', '3des-cbc'],
]);

/** A few seconds of work. OpenSSL writes 2048; recommendations are below a million. */
export const MAX_PBKDF2_ITERATIONS = 10_000_000;
/** 128 N r bytes of memory. OpenSSL writes 16 MiB. */
const MAX_SCRYPT_BYTES = 512 * 1024 * 1024;
/** Each of the p lanes does the whole work again. */
const MAX_SCRYPT_LANES = 16;
const MAX_SALT_BYTES = 1024;

/** @throws KeyFormatError */
export function parsePbes2(bytes: Uint8Array): EncryptedKeyFile {
  return readingFormat(FORMAT, () => {
    const outer = new DerReader(bytes);
    const info = outer.sequence();
    outer.end();
    const algorithm = info.sequence();
    const oid = algorithm.oid();
    if (oid !== PBES2) {
      throw new DecodeError(`its encryption (${oid}) is not supported; re-encrypt it with: openssl pkcs8 -topk8 -v2 aes-256-cbc`);
    }
    const data = info.octetString();
    info.end();
    const parameters = algorithm.sequence();
    algorithm.end();
    const derivation = parameters.sequence();
    const encryption = parameters.sequence();
    parameters.end();

    const { cipher, iv } = readCipher(encryption);
    const kdf = readKdf(derivation, cipher.keyBytes);
    if (data.length === 0 || data.length % cipher.blockBytes !== 0) throw new DecodeError('the data is not whole blocks');
    return {
      encrypted: true,
      format: FORMAT,
      kdf,
      cipher,
      iv,
      padded: true,
      data,
      tag: new Uint8Array(0),
      macKeyBytes: 0,
      finish(plaintext) {
        // CBC has no tag: the padding fits one wrong passphrase in 256, a whole SEQUENCE then hardly any.
        if (!isOneSequence(plaintext)) throw new PassphraseError('wrong');
        return { numbers: readingFormat(FORMAT, () => readPkcs8(plaintext)), comment: '' };
      },
    };
  });
}

/** What new files are encrypted with: both OpenSSL and ssh-keygen read it. */
export const pbes2Cipher: KeyFileCipher = { name: 'aes256-cbc', keyBytes: 32, ivBytes: 16, blockBytes: 16, tagBytes: 0 };

/** The whole file as DER. `data` is PKCS#8, padded and encrypted with {@link pbes2Cipher} under a key of PBKDF2-HMAC-SHA-256. */
export function encodePbes2(salt: Uint8Array, iterations: number, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const count = Uint8Array.of(iterations >>> 24, iterations >>> 16, iterations >>> 8, iterations);
  const prf = der.sequence(der.oid('1.2.840.113549.2.9'), der.null());
  const parameters = der.sequence(der.octetString(salt), der.integer(count), prf);
  const derivation = der.sequence(der.oid(PBKDF2), parameters);
  const encryption = der.sequence(der.oid('2.16.840.1.101.3.4.1.42'), der.octetString(iv));
  return der.sequence(der.sequence(der.oid(PBES2), der.sequence(derivation, encryption)), der.octetString(data));
}

function readCipher(reader: DerReader): { cipher: KeyFileCipher; iv: Uint8Array } {
  const oid = reader.oid();
  const cipher = keyFileCipher(cipherNames.get(oid) ?? '');
  if (cipher === undefined) throw new DecodeError(`its cipher (${oid}) is not supported`);
  const iv = reader.octetString();
  reader.end();
  if (iv.length !== cipher.ivBytes) throw new DecodeError(`an IV of ${iv.length} bytes`);
  return { cipher, iv };
}

function readKdf(reader: DerReader, keyBytes: number): KeyFileKdf {
  const oid = reader.oid();
  if (oid !== PBKDF2 && oid !== SCRYPT) throw new DecodeError(`its key derivation (${oid}) is not supported`);
  const parameters = reader.sequence();
  reader.end();
  const salt = parameters.octetString();
  if (salt.length > MAX_SALT_BYTES) throw new DecodeError(`a salt of ${salt.length} bytes`);
  const kdf = oid === PBKDF2 ? readPbkdf2(parameters, salt, keyBytes) : readScrypt(parameters, salt, keyBytes);
  parameters.end();
  return kdf;
}

function readPbkdf2(reader: DerReader, salt: Uint8Array, keyBytes: number): KeyFileKdf {
  const iterations = reader.smallInteger();
  if (iterations < 1 || iterations > MAX_PBKDF2_ITERATIONS) {
    throw new DecodeError(`it asks for ${iterations} iterations of PBKDF2; the limit is ${MAX_PBKDF2_ITERATIONS}`);
  }
  readKeyLength(reader, keyBytes);
  // RFC 8018 appendix A.2: without a PRF it is HMAC-SHA-1.
  if (reader.remaining === 0) return { name: 'pbkdf2', hash: 'sha1', salt, iterations };
  const prf = reader.sequence();
  const oid = prf.oid();
  if (prf.remaining > 0) prf.null();
  prf.end();
  const hash = hashes.get(oid);
  if (hash === undefined) throw new DecodeError(`its PBKDF2 function (${oid}) is not supported`);
  return { name: 'pbkdf2', hash, salt, iterations };
}

function readScrypt(reader: DerReader, salt: Uint8Array, keyBytes: number): KeyFileKdf {
  const cost = reader.smallInteger();
  const blockSize = reader.smallInteger();
  const parallelization = reader.smallInteger();
  readKeyLength(reader, keyBytes);
  // RFC 7914 section 6: N is a power of two greater than 1, and less than 2^(128 r / 8).
  if (
    cost < 2 ||
    !Number.isInteger(Math.log2(cost)) ||
    blockSize < 1 ||
    parallelization < 1 ||
    Math.log2(cost) >= 16 * blockSize
  ) {
    throw new DecodeError('its scrypt parameters are not valid');
  }
  if (128 * cost * blockSize > MAX_SCRYPT_BYTES || parallelization > MAX_SCRYPT_LANES) {
    throw new DecodeError(`it asks for scrypt with N ${cost}, r ${blockSize}, p ${parallelization}, which is beyond the limit`);
  }
  return { name: 'scrypt', salt, cost, blockSize, parallelization };
}

function readKeyLength(reader: DerReader, keyBytes: number): void {
  if (reader.hasInteger && reader.smallInteger() !== keyBytes) throw new DecodeError('the key length does not fit the cipher');
}
