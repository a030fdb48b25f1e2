// PuTTY's key files: literal ones, what is said about those that are damaged, and the bounds on what they may ask for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, encodeUtf8, toBase64, toHex } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { KeyFormatError, SSHError } from '../../../src/errors.ts';
import { type EncryptedKeyFile, finishKey, secretBytes } from '../../../src/keys/formats/key-file.ts';
import { parsePpk } from '../../../src/keys/formats/ppk.ts';
import { type PpkVersion, ppkMac, ppkPlainMacKey } from '../../../src/keys/formats/ppk-private.ts';
import { decryptKeyFile } from '../../../src/keys/node/decrypt.ts';
import { derivePoint } from '../../../src/keys/node/derive-point.ts';
import { deriveKey } from '../../../src/keys/node/kdf.ts';
import { secretComponents } from '../../../src/keys/private-key.ts';
import { formatPrivateKey, generateKey, parsePrivateKey } from '../../../src/keys.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { errorOf, knownKey } from './support.ts';
import { passphrase, publicKeys } from './vectors.ts';
import { ppkFiles } from './vectors-putty.ts';

const text = (name: string): string => ppkFiles[name]?.text ?? '';
const argon = text('PPK 3 ed25519 Argon2id');
const plain = text('PPK 3 ed25519');

async function refused(file: string, why: RegExp): Promise<void> {
  const error = await errorOf(() => parsePrivateKey(file, { passphrase }));
  expect(error).toBeInstanceOf(KeyFormatError);
  expect((error as Error).message).toMatch(why);
}

describe.each(Object.entries(ppkFiles))('%s', (_name, file) => {
  it('is read, as text and as bytes, with any line ends', async () => {
    const forms = [file.text, encodeUtf8(file.text), `\uFEFF${file.text}`, `\n\n${file.text}\n\n`];
    for (const form of [...forms, file.text.replaceAll('\n', '\r\n'), file.text.replaceAll('\n', '\r'), file.text.trimEnd()]) {
      const key = await parsePrivateKey(form, { passphrase });
      expect([key.fingerprint, key.comment]).toEqual([publicKeys[file.key].sha256, file.comment]);
    }
  });

  it('is refused with a changed comment, or public key', async () => {
    const why = file.encrypted ? /the passphrase is right but the MAC does not fit/ : /the MAC does not fit: the file is damaged/;
    await refused(file.text.replace('Comment: ', 'Comment: x'), why);
    const other = await generateKey('ed25519');
    const blob = toBase64(other.publicKey.blob).match(/.{1,64}/g) ?? [];
    const start = file.text.indexOf('Public-Lines');
    const end = file.text.search(/^(Key-Derivation|Private-Lines)/m);
    const swapped = `${file.text.slice(0, start)}Public-Lines: 2\n${blob.join('\n')}\n${file.text.slice(end)}`;
    if (file.key === 'ed25519') await refused(swapped, why);
    else await refused(swapped, /the key in it is ssh-ed25519/);
  });

  it('says whether the passphrase is missing or wrong', async () => {
    if (!file.encrypted) return;
    expect(await errorOf(() => parsePrivateKey(file.text, { file: '/a' }))).toMatchObject({
      reason: 'missing',
      file: '/a',
      message: expect.stringMatching(/^\/a: PuTTY private key \(PPK [23]\): the key is encrypted/),
    });
    for (const wrong of ['', 'x', 'correct horse ']) {
      expect(await errorOf(() => parsePrivateKey(file.text, { passphrase: wrong }))).toMatchObject({ reason: 'wrong' });
    }
  });

  it('never becomes another key, whatever is cut off or changed', async () => {
    const bytes = encodeUtf8(file.text);
    const original = parsePpk(bytes, nodeCrypto);
    const secret = original.encrypted
      ? await deriveKey(original.kdf, encodeUtf8(passphrase), secretBytes(original))
      : new Uint8Array(0);
    const own = publicKeys[file.key].sha256;
    const read = (data: Uint8Array): string | null => {
      try {
        const key = parsePpk(data, nodeCrypto);
        if (!key.encrypted) return finishKey(key, key.material, derivePoint, nodeCrypto).fingerprint;
        const plaintext = decryptKeyFile(key, secret);
        if (plaintext === null) return null;
        const material = key.finish(plaintext, secret.subarray(secret.length - key.macKeyBytes));
        return finishKey(key, material, derivePoint, nodeCrypto).fingerprint;
      } catch (error) {
        if (!(error instanceof SSHError)) throw error;
        return null;
      }
    };
    expect(read(bytes)).toBe(own);
    for (let end = 0; end < bytes.length - 1; end++) expect(read(bytes.subarray(0, end)), String(end)).toBeNull();
    fc.assert(
      fc.property(fc.nat({ max: bytes.length * 8 - 1 }), (bit) => {
        const changed = bytes.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        // What is not under the MAC: line ends, upper case in hexadecimal, the parameters of a key that is derived already.
        expect([null, own]).toContain(read(changed));
      }),
      { numRuns: 1000 },
    );
    if (!original.encrypted) return;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (candidate) => {
        const error = thrown(() => (original as EncryptedKeyFile).finish(candidate, secret.subarray(0, original.macKeyBytes)));
        expect(error).toBeInstanceOf(SSHError);
      }),
    );
  });
});

function thrown(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('a PPK file', () => {
  it.each<[string, string, RegExp]>([
    ['version 0', plain.replace('File-3', 'File-0'), /PPK.*version 0/],
    ['version 4', plain.replace('File-3', 'File-4'), /version 4/],
    ['no type', plain.replace('File-3: ssh-ed25519', 'File-3'), /first line/],
    ['DSA', plain.replace('File-3: ssh-ed25519', 'File-3: ssh-dss'), /DSA/],
    ['Ed448', plain.replace('File-3: ssh-ed25519', 'File-3: ssh-ed448'), /unsupported key type 'ssh-ed448'/],
    ['a certificate', plain.replace('ssh-ed25519', 'ssh-ed25519-cert-v01@openssh.com'), /certificate.*--remove-certificate/],
    ['another type outside', plain.replace('ssh-ed25519', 'ssh-rsa'), /it says ssh-rsa, the key in it is ssh-ed25519/],
    ['another cipher', argon.replace('aes256-cbc', 'rot13'), /encrypted with 'rot13'/],
    [
      'fields in another order',
      plain.replace(/(Encryption.*\n)(Comment.*\n)/, '$2$1'),
      /'Encryption:' is not where it should be/,
    ],
    ['more lines than there are', plain.replace('Private-Lines: 1', 'Private-Lines: 9999'), /cut off/],
    ['a count that is none', plain.replace('Private-Lines: 1', 'Private-Lines: -1'), /Private-Lines is not a number/],
    ['no base64', plain.replace('AAAAC3', '*AAAC3'), /Public-Lines is not base64/],
    ['a short MAC', plain.replace(/.\n$/, '\n'), /64 hexadecimal digits/],
    ['a MAC of letters', plain.replace(/MAC: ./, 'MAC: x'), /64 hexadecimal digits/],
    ['more after the MAC', `${plain}more`, /more after the MAC/],
    ['another KDF', argon.replace('Argon2id', 'Argon2x'), /'Argon2x'/],
    ['no KDF', argon.replace(/Key-Derivation.*\n/, ''), /'Key-Derivation:'/],
    ['a salt of letters', argon.replace(/Salt: ./, 'Salt: x'), /salt is not hexadecimal/],
    ['a short salt', argon.replace(/Salt: .*/, 'Salt: 00'), /parameters are not valid/],
    ['a long salt', argon.replace(/Salt: .*/, `Salt: ${'00'.repeat(1025)}`), /parameters are not valid/],
    ['no passes', argon.replace('Passes: 2', 'Passes: 0'), /parameters are not valid/],
    ['too little memory', argon.replace('Memory: 64', 'Memory: 7'), /parameters are not valid/],
    ['more than 1 GiB', argon.replace('Memory: 64', 'Memory: 1048577'), /1048577 KiB.*beyond the limit/],
    ['1 GiB too often', argon.replace('Memory: 64', 'Memory: 1048576').replace('Passes: 2', 'Passes: 5'), /beyond the limit/],
    ['many passes', argon.replace('Passes: 2', 'Passes: 999999999'), /999999999 passes.*beyond the limit/],
    ['a number too long', argon.replace('Passes: 2', 'Passes: 4294967296'), /Argon2-Passes is not a number/],
    ['many lanes', argon.replace('Memory: 64', 'Memory: 8192').replace('lelism: 1', 'lelism: 65'), /65 lanes.*beyond the limit/],
    ['half a block', argon.replace(/(Private-Lines: 1\n).*/, '$1AAAA'), /whole blocks/],
    ['no block', argon.replace(/Private-Lines: 1\n.*/, 'Private-Lines: 0'), /whole blocks/],
  ])('is refused with %s', (_what, file, why) => refused(file, why));

  it('of 1 GiB in four passes would be read', () => {
    const file = argon.replace('Memory: 64', 'Memory: 1048576').replace('Passes: 2', 'Passes: 4');
    expect(parsePpk(encodeUtf8(file), nodeCrypto).encrypted).toBe(true);
  });

  it('with a comment that is not UTF-8 is read, since the MAC is over its bytes', async () => {
    const { publicKey } = await parsePrivateKey(plain);
    const seed = (secretComponents(await parsePrivateKey(plain)) as { seed: Uint8Array }).seed;
    const comment = Uint8Array.of(0x6d, 0xfc, 0x6c, 0x6c);
    for (const version of [2, 3] as const) {
      const file = forged(version, comment, publicKey.blob, new Writer().string(seed).finish());
      expect((await parsePrivateKey(file)).comment).toBe('m\uFFFDll');
    }
  });

  it('is refused where numbers are too long, too many, or of another key', async () => {
    const seed = (secretComponents(await parsePrivateKey(plain)) as { seed: Uint8Array }).seed;
    const { blob } = knownKey('ed25519');
    const attempt = (numbers: Uint8Array, why: RegExp): Promise<void> =>
      refused(new TextDecoder().decode(forged(3, new Uint8Array(0), blob, numbers)), why);
    await attempt(new Writer().string(new Uint8Array(33)).finish(), /33 bytes, not 32/);
    await attempt(new Writer().string(seed).u8(0).finish(), /1 bytes too many/);
    await attempt(new Writer().string(new Uint8Array(32)).finish(), /does not belong to the private part/);
    await attempt(new Uint8Array(0), /4 bytes wanted/);
  });

  it('takes numbers without the zeros at their end, as old versions wrote them', async () => {
    const seed = concat(new Uint8Array(30).fill(7), Uint8Array.of(9, 0));
    const point = derivePoint({ kind: 'ed25519', seed, point: null });
    const blob = new Writer().string('ssh-ed25519').string(point).finish();
    const key = await parsePrivateKey(forged(2, new Uint8Array(0), blob, new Writer().string(seed.subarray(0, 31)).finish()));
    expect((secretComponents(key) as { seed: Uint8Array }).seed).toEqual(seed);
  });
});

/** A file with the right MAC around any content. */
function forged(version: PpkVersion, comment: Uint8Array, publicBlob: Uint8Array, numbers: Uint8Array): Uint8Array {
  const outside = { algorithm: 'ssh-ed25519', encrypted: false, comment, publicBlob };
  const mac = ppkMac(version, ppkPlainMacKey(version, nodeCrypto), outside, numbers, nodeCrypto);
  const head = `PuTTY-User-Key-File-${version}: ssh-ed25519\nEncryption: none\nComment: `;
  const lines = `Public-Lines: 1\n${toBase64(publicBlob)}\nPrivate-Lines: 1\n${toBase64(numbers)}\nPrivate-MAC: ${toHex(mac)}\n`;
  return concat(encodeUtf8(head), comment, encodeUtf8(`\n${lines}`));
}

describe('what is written as PPK', () => {
  it('is on one line whatever the comment, and different each time', async () => {
    const key = await generateKey('ed25519', { comment: 'a\nEncryption: none\r\n\u2028b\u0000' });
    const options = { format: 'ppk', passphrase: 'x', rounds: 1, memory: 64 } as const;
    const [one, two] = [await formatPrivateKey(key, options), await formatPrivateKey(key, options)];
    expect(one).not.toBe(two);
    expect((await parsePrivateKey(one, { passphrase: 'x' })).comment).toBe('a Encryption: none b ');
    expect(one).toMatch(/Argon2id\nArgon2-Memory: 64\nArgon2-Passes: 1\nArgon2-Parallelism: 1\n/);
  });

  it('takes 13 passes over 8 MiB unless told otherwise', { timeout: 60_000 }, async () => {
    const file = await formatPrivateKey(await generateKey('ed25519'), { format: 'ppk', passphrase: 'x' });
    expect(file).toMatch(/Argon2-Memory: 8192\nArgon2-Passes: 13\n/);
  });

  it('says what it says of a signal while deriving', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const slow = argon.replace('Memory: 64', 'Memory: 262144');
    const result = parsePrivateKey(slow, {
      passphrase: () => {
        setImmediate(() => controller.abort(reason));
        return passphrase;
      },
      signal: controller.signal,
    });
    await expect(result).rejects.toBe(reason);
  });
});
