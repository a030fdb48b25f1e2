// Writing and making keys: what is written is read again, files are created safely, options that make no sense are refused.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KeyFormatError, PassphraseError, UsageError } from '../../../src/errors.ts';
import { secretComponents } from '../../../src/keys/private-key.ts';
import type { SignatureAlgorithm } from '../../../src/keys/signature.ts';
import {
  type FormatPrivateKeyOptions,
  formatPrivateKey,
  generateKey,
  parsePrivateKey,
  readPrivateKey,
  writePrivateKey,
} from '../../../src/keys.ts';
import { tempDir } from '../../support/peers.ts';
import { data, errorOf } from './support.ts';
import { files } from './vectors.ts';

const plain = Object.entries(files).filter(([, file]) => !file.encrypted);

const written = [
  { options: {}, start: '-----BEGIN OPENSSH' },
  { options: { format: 'openssh', passphrase: 'päss', rounds: 1 }, start: '-----BEGIN OPENSSH' },
  { options: { format: 'pkcs8' }, start: '-----BEGIN PRIVATE KEY' },
  { options: { format: 'pkcs8', passphrase: 'päss', rounds: 100 }, start: '-----BEGIN ENCRYPTED PRIVATE KEY' },
  { options: { format: 'pem' }, start: '-----BEGIN ' },
  { options: { format: 'ppk' }, start: 'PuTTY-User-Key-File-3: ' },
  { options: { format: 'ppk', passphrase: 'päss', rounds: 1, memory: 64 }, start: 'PuTTY-User-Key-File-3: ' },
  { options: { format: 'ppk2' }, start: 'PuTTY-User-Key-File-2: ' },
  { options: { format: 'ppk2', passphrase: 'päss' }, start: 'PuTTY-User-Key-File-2: ' },
  { options: { format: 'jwk' }, start: '{' },
] as const satisfies { options: FormatPrivateKeyOptions; start: string }[];

describe.each(plain)('%s', (_name, file) => {
  it.each(written)('is written with $options', async ({ options, start }) => {
    const format = 'format' in options ? options.format : 'openssh';
    if (format === 'pem' && file.key.startsWith('ed25519')) return;
    const key = await parsePrivateKey(file.text);
    const text = await formatPrivateKey(key, options);
    expect(text.startsWith(start)).toBe(true);
    expect(text.endsWith('\n')).toBe(true);
    const again = await parsePrivateKey(text, { passphrase: 'päss' });
    expect(secretComponents(again)).toEqual(secretComponents(key));
    expect(again.comment).toBe(format === 'pkcs8' || format === 'pem' ? '' : key.comment);
    if ('passphrase' in options) {
      expect(await errorOf(() => parsePrivateKey(text))).toBeInstanceOf(PassphraseError);
      expect(await errorOf(() => parsePrivateKey(text, { passphrase: 'pass' }))).toMatchObject({ reason: 'wrong' });
    }
  });
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
      { passphrase: 'x', format: 'pem' as const },
      { passphrase: 'x', format: 'jwk' as const },
      { format: 'pem' as const },
      { format: 'ppk2' as const, rounds: 1 },
      { format: 'jwk' as const, rounds: 1 },
      { format: 'pkcs8' as const, rounds: 10_000_001 },
      { format: 'ppk' as const, rounds: 1000 },
      { format: 'ppk' as const, memory: 7 },
      { format: 'ppk' as const, memory: 1_048_577 },
      { format: 'ppk' as const, memory: 1_048_576 },
      { format: 'openssh' as const, memory: 8192 },
      { rounds: 0 },
      { rounds: 1.5 },
      { rounds: 2049 },
      { format: 'ppk4' as 'openssh' },
      { format: 'toString' as 'openssh' },
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
    await expect(writePrivateKey(file, key, { overwrite: false })).rejects.toBeInstanceOf(UsageError);
    expect(existsSync(dir.join('target'))).toBe(false);
    await expect(writePrivateKey(dir.join('no', 'such', 'directory'), key)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('replaces a file all at once where it is told to, and leaves nothing beside it', async () => {
    await using dir = tempDir();
    const [old, key] = [await generateKey('ed25519'), await generateKey('ed25519')];
    const file = dir.join('key');
    await writePrivateKey(file, old, { overwrite: true });
    chmodSync(file, 0o644);
    const before = statSync(file).ino;
    await writePrivateKey(file, key, { overwrite: true, format: 'pkcs8' });
    expect((await readPrivateKey(file)).fingerprint).toBe(key.fingerprint);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    // Another file under the same name: whoever had the old one open still reads that one.
    expect(statSync(file).ino).not.toBe(before);
    const target = dir.write('target', 'precious');
    symlinkSync(target, dir.join('link'));
    await writePrivateKey(dir.join('link'), key, { overwrite: true });
    expect(readFileSync(target, 'utf8')).toBe('precious');
    // What cannot be replaced stays, and so does not what was to replace it.
    mkdirSync(dir.join('directory'));
    await expect(writePrivateKey(dir.join('directory'), key, { overwrite: true })).rejects.toMatchObject({ syscall: 'rename' });
    expect(readdirSync(dir.path).sort()).toEqual(['directory', 'key', 'link', 'target']);
  });
});
