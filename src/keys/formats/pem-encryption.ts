// The old encryption inside PEM headers (RFC 1421 section 4.6 as OpenSSL does it): Proc-Type: 4,ENCRYPTED and DEK-Info with
// the cipher and its IV, of which the first eight bytes salt one round of MD5. Weak (a passphrase can be guessed at the speed
// of MD5) and still what `ssh-keygen -m PEM` and `openssl -traditional` write. Read only.

import { KeyFormatError, PassphraseError, printable } from '../../errors.ts';
import { isOneSequence } from './der.ts';
import { type EncryptedKeyFile, type KeyNumbers, keyFileCipher, readingFormat } from './key-file.ts';
import { type PemBlock, pemBytes } from './pem.ts';

const cipherNames: ReadonlyMap<string, string> = new Map([
  ['AES-128-CBC', 'aes128-cbc'],
  ['AES-192-CBC', 'aes192-cbc'],
  ['AES-256-CBC', 'aes256-cbc'],
  ['DES-EDE3-CBC', '3des-cbc'],
]);

/** Whether the block's headers say that it is encrypted. */
export function isPemEncrypted(block: PemBlock): boolean {
  return block.headers.has('proc-type') || block.headers.has('dek-info');
}

/** @throws KeyFormatError */
export function parsePemEncrypted(
  block: PemBlock,
  format: string,
  read: (plaintext: Uint8Array) => KeyNumbers,
): EncryptedKeyFile {
  return readingFormat(format, () => {
    if (block.headers.get('proc-type')?.replace(/\s/g, '') !== '4,ENCRYPTED') {
      throw new KeyFormatError(`the header Proc-Type is not '4,ENCRYPTED'`);
    }
    const [name = '', hex = ''] = (block.headers.get('dek-info') ?? '').split(',');
    const cipher = keyFileCipher(cipherNames.get(name.trim().toUpperCase()) ?? '');
    if (cipher === undefined) throw new KeyFormatError(`it is encrypted with '${printable(name)}', which is not supported`);
    const iv = fromHex(hex.trim());
    if (iv === null || iv.length !== cipher.ivBytes) throw new KeyFormatError('the header DEK-Info has no valid IV');
    const data = pemBytes(block);
    if (data.length === 0 || data.length % cipher.blockBytes !== 0) throw new KeyFormatError('the data is not whole blocks');
    return {
      encrypted: true,
      format,
      kdf: { name: 'openssl-md5', salt: iv.subarray(0, 8) },
      cipher,
      iv,
      padded: true,
      data,
      tag: new Uint8Array(0),
      macKeyBytes: 0,
      finish(plaintext) {
        // CBC has no tag: the padding fits one wrong passphrase in 256, a whole SEQUENCE then hardly any.
        if (!isOneSequence(plaintext)) throw new PassphraseError('wrong');
        return { numbers: readingFormat(format, () => read(plaintext)), comment: '' };
      },
    };
  });
}

function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || text.length > 64 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}
