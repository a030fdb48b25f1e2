// The ciphers of key files over node:crypto. They live here and not in CryptoProvider because a connection never needs CBC,
// padding or triple DES, and what is not there cannot be negotiated by mistake.

import { type CipherGCMTypes, createCipheriv, createDecipheriv } from 'node:crypto';
import { concat } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError } from '../../errors.ts';
import type { EncryptedKeyFile, KeyFileCipher } from '../formats/key-file.ts';

/**
 * The plaintext, in memory of its own which the caller erases, or null where the tag or the padding does not fit: with
 * overwhelming probability a wrong passphrase.
 * @param secret The derived bytes: the key, then the initialisation vector where the file has none.
 */
export function decryptKeyFile(file: EncryptedKeyFile, secret: Uint8Array): Uint8Array | null {
  const { cipher } = file;
  const key = secret.subarray(0, cipher.keyBytes);
  const iv = file.iv ?? secret.subarray(cipher.keyBytes, cipher.keyBytes + cipher.ivBytes);
  if (cipher.name === 'chacha20-poly1305@openssh.com') return openChacha(key, file.data, file.tag);
  const decipher = supported(cipher, () => {
    if (cipher.tagBytes > 0) {
      const gcm = createDecipheriv(opensslName(cipher) as CipherGCMTypes, key, iv, { authTagLength: cipher.tagBytes });
      gcm.setAuthTag(file.tag);
      return gcm;
    }
    return createDecipheriv(opensslName(cipher), key, iv);
  });
  decipher.setAutoPadding(file.padded);
  const body = decipher.update(file.data);
  try {
    const last = decipher.final();
    const plaintext = concat(body, last);
    last.fill(0);
    return plaintext;
  } catch {
    return null;
  } finally {
    body.fill(0);
  }
}

/**
 * The private part of a new file, encrypted.
 * @param padded Whether to pad as in PKCS#7; otherwise it must be whole blocks.
 */
export function encryptKeyFile(
  plaintext: Uint8Array,
  cipher: KeyFileCipher,
  key: Uint8Array,
  iv: Uint8Array,
  padded: boolean,
): Uint8Array {
  const sealer = createCipheriv(opensslName(cipher), key, iv);
  sealer.setAutoPadding(padded);
  return concat(sealer.update(plaintext), sealer.final());
}

/**
 * OpenSSH encrypts files with its packet cipher under sequence number 0, without a length field: the MAC covers all of
 * `data`, and its keystream begins where that of a packet's body does. So the packet cipher checks the tag as it stands
 * (only what it takes for the plaintext is useless), and sealing zeros gives the keystream.
 */
function openChacha(key: Uint8Array, data: Uint8Array, tag: Uint8Array): Uint8Array | null {
  const chacha = nodeCrypto.chachaPoly(key);
  const misread = chacha.open(0, concat(data, tag));
  if (misread === null) return null;
  misread.fill(0);
  const zeros = new Uint8Array(4 + data.length);
  const sealed = new Uint8Array(zeros.length + 16);
  chacha.seal(0, zeros, sealed);
  const plaintext = data.map((byte, i) => byte ^ (sealed[4 + i] ?? 0));
  sealed.fill(0);
  return plaintext;
}

/** `aes256-ctr` to `aes-256-ctr`, `3des-cbc` to `des-ede3-cbc`. */
function opensslName(cipher: KeyFileCipher): string {
  const name = cipher.name.replace('@openssh.com', '');
  return name === '3des-cbc' ? 'des-ede3-cbc' : name.replace(/^aes(\d+)/, 'aes-$1');
}

function supported<T>(cipher: KeyFileCipher, create: () => T): T {
  try {
    return create();
  } catch (error) {
    throw new KeyFormatError(`this Node does not support the cipher ${cipher.name}`, { cause: error });
  }
}
