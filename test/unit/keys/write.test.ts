// Writing and making keys: what is written is read again, files are created safely, options that make no sense are refused.
import { existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KeyFormatError, PassphraseError, UsageError } from '../../../src/errors.ts';
import { secretComponents } from '../../../src/keys/private-key.ts';
import type { SignatureAlgorithm } from '../../../src/keys/signature.ts';
import { formatPrivateKey, generateKey, parsePrivateKey, readPrivateKey, writePrivateKey } from '../../../src/keys.ts';
import { tempDir } from '../../support/peers.ts';
import { data, errorOf } from './support.ts';
import { files } from './vectors.ts';

const plain = Object.entries(files).filter(([, file]) => !file.encrypted);

describe.each(plain)('%s', (_name, file) => {
  it.each([{}, { format: 'openssh' }, { format: 'pkcs8' }, { passphrase: 'päss', rounds: 1 }] as const)(
    'is written with %j',
    async (options) => {
      const key = await parsePrivateKey(file.text);
      const text = await formatPrivateKey(key, options);
      expect(
        text.startsWith(
          options === undefined || !('format' in options && options.format === 'pkcs8')
            ? '-----BEGIN OPENSSH'
            : '-----BEGIN PRIV',
        ),
      ).toBe(true);
      const again = await parsePrivateKey(text, { passphrase: 'päss' });
      expect(secretComponents(again)).toEqual(secretComponents(key));
      expect(again.comment).toBe('format' in options && options.format === 'pkcs8' ? '' : key.comment);
      if ('passphrase' in options) {
        expect(await errorOf(() => parsePrivateKey(text))).toBeInstanceOf(PassphraseError);
        expect(await errorOf(() => parsePrivateKey(text, { passphrase: 'pass' }))).toMatchObject({ reason: 'wrong' });
      }
    },
  );
});

describe('formatPrivateKey', () => {
  it('encrypts differently each time, with 24 rounds unless told otherwise', async () => {
    const key = await parsePrivateKey(files['OpenSSH ed25519']?.text ?? '');
    const texts = [await formatPrivateKey(key, { passphrase: 'x' }), await formatPrivateKey(key, { passphrase: 'x' })];
    expect(texts[0]).not.toBe(texts[1]);
    await expect(parsePrivateKey(texts[0] ?? '', { passphrase: 'x', maxRounds: 24 })).resolves.toBeDefined();
    await expect(parsePrivateKey(texts[0] ?? '', { passphrase: 'x', maxRounds: 23 })).rejects.toBeInstanceOf(KeyFormatError);
  });

  it('refuses options that do not fit', async () => {
    const key = await parsePrivateKey(files['OpenSSH ed25519']?.text ?? '');
    const bad = [
      { passphrase: '' },
      { passphrase: 'x', format: 'pkcs8' as const },
      { rounds: 0 },
      { rounds: 1.5 },
      { rounds: 2049 },
      { format: 'ppk' as 'openssh' },
    ];
    for (const options of bad) await expect(formatPrivateKey(key, options)).rejects.toBeInstanceOf(UsageError);
  });

  it('keeps comments of any text', async () => {
    const comment = 'ü\u{1F511}\n"quoted" \u0000';
    const key = await generateKey('ed25519', { comment });
    expect((await parsePrivateKey(await formatPrivateKey(key))).comment).toBe(comment);
    const long = await generateKey('ed25519', { comment: 'x'.repeat(20_000) });
    expect((await parsePrivateKey(await formatPrivateKey(long))).comment).toBe(long.comment);
  });
});

describe('generateKey', () => {
  it.each([
    ['ed25519', undefined, 'ssh-ed25519', 256],
    ['ed25519', 256, 'ssh-ed25519', 256],
    ['ecdsa', undefined, 'ecdsa-sha2-nistp256', 256],
    ['ecdsa', 384, 'ecdsa-sha2-nistp384', 384],
    ['ecdsa', 521, 'ecdsa-sha2-nistp521', 521],
    ['rsa', 2048, 'ssh-rsa', 2048],
  ] as const)('%s %s', async (type, bits, name, size) => {
    const key = await generateKey(type, { bits, comment: 'new' });
    expect([key.getName(), key.getBits(), key.comment, key.publicKey.comment]).toEqual([name, size, 'new', 'new']);
    for (const algorithm of key.algorithms) expect(key.publicKey.verify(data, key.sign(data, algorithm), algorithm)).toBe(true);
    expect((await parsePrivateKey(await formatPrivateKey(key))).publicKey.equals(key.publicKey)).toBe(true);
  });

  it('makes RSA keys of 3072 bits by default', { timeout: 60_000 }, async () => {
    expect((await generateKey('rsa')).getBits()).toBe(3072);
  });

  it('refuses what there is not', async () => {
    for (const [type, bits] of [
      ['ed25519', 255],
      ['ecdsa', 255],
      ['rsa', 1024],
      ['rsa', 16_385],
      ['rsa', 2048.5],
      ['dsa', 1024],
    ] as const) {
      await expect(generateKey(type as 'rsa', { bits })).rejects.toBeInstanceOf(UsageError);
    }
  });
});

describe('writePrivateKey', () => {
  it('creates a file that only its owner can read', async () => {
    await using dir = tempDir();
    const file = dir.join('key');
    const key = await generateKey('ed25519', { comment: 'c' });
    const umask = process.umask(0);
    try {
      await writePrivateKey(file, key, { passphrase: 'x', rounds: 1 });
    } finally {
      process.umask(umask);
    }
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await readPrivateKey(file, { passphrase: 'x' });
    const algorithm = again.algorithms[0] as SignatureAlgorithm;
    expect(key.publicKey.verify(data, again.sign(data, algorithm), algorithm)).toBe(true);
  });

  it('never writes over a file, nor through a link', async () => {
    await using dir = tempDir();
    const key = await generateKey('ed25519');
    const file = dir.write('key', 'precious');
    const error = await errorOf(() => writePrivateKey(file, key));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(file);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    const link = dir.join('link');
    symlinkSync(dir.join('target'), link);
    await expect(writePrivateKey(link, key)).rejects.toBeInstanceOf(UsageError);
    expect(existsSync(dir.join('target'))).toBe(false);
    await expect(writePrivateKey(dir.join('no', 'such', 'directory'), key)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
