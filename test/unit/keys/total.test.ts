// Every parser is total: whatever the bytes, the result is a key or an SSHError, never another error, and never a key other
// than the one that was there.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8, fromBase64 } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { SSHError } from '../../../src/errors.ts';
import { type EncryptedKeyFile, finishKey, type KeyFile } from '../../../src/keys/formats/key-file.ts';
import { encodePem, findPemBlocks } from '../../../src/keys/formats/pem.ts';
import { parsePrivateKeyFile } from '../../../src/keys/formats/private-key-file.ts';
import { parsePublicKeyText } from '../../../src/keys/formats/public-key-text.ts';
import { decryptKeyFile } from '../../../src/keys/node/decrypt.ts';
import { derivePoint } from '../../../src/keys/node/derive-point.ts';
import { deriveKey } from '../../../src/keys/node/kdf.ts';
import { files, passphrase, publicKeys } from './vectors.ts';

/** Whatever reading gives, or null for an SSHError; any other error fails the test. */
function attempt<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SSHError)) throw error;
    return null;
  }
}

/** Reads the whole way, where no passphrase is needed. */
function read(bytes: Uint8Array): string | null {
  return attempt(() => {
    const file: KeyFile = parsePrivateKeyFile(bytes, nodeCrypto);
    return file.encrypted ? null : finishKey(file, file.material, derivePoint, nodeCrypto).fingerprint;
  });
}

const names = Object.keys(files);
const of = (name: string): { key: keyof typeof publicKeys; encrypted: boolean; text: string } => {
  const file = files[name];
  if (file === undefined) throw new Error(name);
  return file;
};
const labels = ['OPENSSH PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'];

describe('any bytes', () => {
  it('as a file', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => read(bytes) === null));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => read(encodeUtf8(text)) === null));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => attempt(() => parsePublicKeyText(text, nodeCrypto)) === null));
  });

  it('inside each armour', () => {
    fc.assert(
      fc.property(fc.constantFrom(...labels), fc.uint8Array({ maxLength: 300 }), (label, bytes) => {
        read(encodeUtf8(encodePem(label, bytes, 64)));
      }),
      { numRuns: 1000 },
    );
  });

  it('as lines around a block', () => {
    const line = fc.oneof(
      fc.constantFrom('-----BEGIN RSA PRIVATE KEY-----', '-----END RSA PRIVATE KEY-----', '-----BEGIN ', '-----', ''),
      fc.constantFrom('Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-128-CBC,00', 'DEK-Info: ,', ': ', 'AAAA', 'MIIB'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => read(encodeUtf8(lines.join('\n'))) === null),
      { numRuns: 1000 },
    );
  });
});

describe.each(names)('%s', (name) => {
  const { text, key, encrypted } = of(name);
  const [block] = findPemBlocks(text);
  const label = block?.label ?? '';
  const body = fromBase64(block?.text ?? '') ?? new Uint8Array(0);
  const header = text
    .slice(0, text.indexOf(block?.text ?? ''))
    .split('\n')
    .slice(1)
    .join('\n');
  const armour = (bytes: Uint8Array): Uint8Array => {
    const pem = encodePem(label, bytes, 64);
    const firstLine = pem.indexOf('\n') + 1;
    return encodeUtf8(pem.slice(0, firstLine) + header + pem.slice(firstLine));
  };
  const own = publicKeys[key].sha256;

  it('is itself in this harness', () => {
    expect(read(armour(body))).toBe(encrypted ? null : own);
  });

  it('cut at any byte', () => {
    const bytes = encodeUtf8(text);
    for (let end = 0; end < bytes.length - 2; end++) expect(read(bytes.subarray(0, end))).toBeNull();
    for (let end = 0; end < body.length; end++) expect(read(armour(body.subarray(0, end)))).toBeNull();
  });

  it('with one bit changed', () => {
    fc.assert(
      fc.property(fc.nat({ max: body.length * 8 - 1 }), (bit) => {
        const changed = body.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const result = read(armour(changed));
        // The comment, the check numbers both or the CRT exponents may change; the key may not. PKCS#8 for Ed25519 has
        // nothing but the seed, so there another seed is another key.
        if (name !== 'PKCS#8 ed25519') expect([null, own]).toContain(result);
      }),
      { numRuns: 400 },
    );
  });

  it('with a character of the text changed', () => {
    const bytes = encodeUtf8(text);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const changed = bytes.slice();
        changed[at] = byte;
        read(changed);
      }),
      { numRuns: 400 },
    );
  });
});

describe.each(names.filter((name) => of(name).encrypted))('%s, its plaintext', (name) => {
  it('is anything', async () => {
    const file = parsePrivateKeyFile(encodeUtf8(of(name).text), nodeCrypto) as EncryptedKeyFile;
    const bytes = file.cipher.keyBytes + (file.iv === null ? file.cipher.ivBytes : 0);
    const secret = await deriveKey(file.kdf, encodeUtf8(passphrase), bytes);
    const plaintext = decryptKeyFile(file, secret) ?? new Uint8Array(0);
    const finish = (candidate: Uint8Array): string | null =>
      attempt(() => finishKey(file, file.finish(candidate, new Uint8Array(0)), derivePoint, nodeCrypto).fingerprint);
    expect(finish(plaintext)).toBe(publicKeys[of(name).key].sha256);
    for (let end = 0; end < plaintext.length - 8; end++) finish(plaintext.subarray(0, end));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (candidate) => finish(candidate) === null));
    fc.assert(
      fc.property(fc.nat({ max: plaintext.length * 8 - 1 }), (bit) => {
        const changed = plaintext.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect([null, publicKeys[of(name).key].sha256]).toContain(finish(changed));
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.nat({ max: file.data.length * 8 - 1 }), (bit) => {
        const data = file.data.slice();
        data[bit >> 3] = (data[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const opened = attempt(() => decryptKeyFile({ ...file, data }, secret));
        // A tag is there to notice every change.
        if (file.cipher.tagBytes > 0) expect(opened).toBeNull();
        else if (opened !== null) finish(opened);
      }),
      { numRuns: 100 },
    );
  });
});
