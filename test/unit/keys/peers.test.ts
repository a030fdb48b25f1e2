// Against the real programs: every type in every format that ssh-keygen and openssl write is read, and what we write is read
// by them; fingerprints and signatures agree.
import { chmodSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeSignature, type SignatureAlgorithm } from '../../../src/keys/signature.ts';
import {
  formatPrivateKey,
  generateKey,
  parsePrivateKey,
  parsePublicKey,
  readPrivateKey,
  readPublicKey,
  writePrivateKey,
} from '../../../src/keys.ts';
import { describePeer, type KeyType, keyPair, runPeer, tempDir } from '../../support/peers.ts';
import { data, describeOpenssl, openssl } from './support.ts';

const types: KeyType[] = ['ed25519', 'ecdsa', 'ecdsa-384', 'ecdsa-521', 'rsa-2048'];
const generated = [
  ['ed25519', undefined],
  ['ecdsa', 256],
  ['ecdsa', 384],
  ['ecdsa', 521],
  ['rsa', 2048],
] as const;

async function keygen(...args: string[]): Promise<string> {
  const result = await runPeer('ssh-keygen', args);
  if (result.code !== 0) throw new Error(`ssh-keygen ${args.join(' ')}: ${result.stderr}${result.stdout}`);
  return result.stdout.toString().trim();
}

describePeer('ssh-keygen', 'with ssh-keygen', () => {
  const combinations = types.flatMap((type) =>
    (['openssh', 'pem', 'pkcs8'] as const)
      // ssh-keygen writes Ed25519 in its own format only.
      .filter((format) => type !== 'ed25519' || format === 'openssh')
      .flatMap((format) => ['', 'pass phrase ü'].map((passphrase) => ({ type, format, passphrase }))),
  );

  it.each(combinations)(
    'reads its $type in $format under "$passphrase"',
    { timeout: 30_000 },
    async ({ type, format, passphrase }) => {
      const pair = keyPair(type, { format, passphrase });
      const key = await readPrivateKey(pair.path, { passphrase });
      expect(key.fingerprint).toBe(pair.fingerprint);
      expect((await readPublicKey(pair.publicPath)).toString()).toBe(pair.publicLine);
      if (format === 'openssh') expect(key.toString()).toBe(pair.publicLine);
      if (passphrase !== '') {
        await expect(readPrivateKey(pair.path)).rejects.toMatchObject({ reason: 'missing', file: pair.path });
        await expect(readPrivateKey(pair.path, { passphrase: 'wrong' })).rejects.toMatchObject({
          reason: 'wrong',
          file: pair.path,
        });
      }
    },
  );

  it.each([
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
    'aes128-cbc',
    'aes192-cbc',
    'aes256-cbc',
    '3des-cbc',
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
  ])('reads its files under %s', { timeout: 30_000 }, async (cipher) => {
    await using dir = tempDir();
    for (const type of ['ed25519', 'rsa-2048'] as const) {
      const pair = keyPair(type);
      const file = dir.write(type, pair.privateText);
      await keygen('-q', '-p', '-P', '', '-N', 'x', '-Z', cipher, '-a', '2', '-f', file);
      expect((await readPrivateKey(file, { passphrase: 'x' })).fingerprint).toBe(pair.fingerprint);
      await expect(readPrivateKey(file, { passphrase: 'y' })).rejects.toMatchObject({ reason: 'wrong' });
    }
  });

  it.each(types)('agrees about the fingerprints of %s', async (type) => {
    const pair = keyPair(type);
    const key = await readPublicKey(pair.publicPath);
    expect(await keygen('-l', '-f', pair.publicPath)).toContain(`${key.bits} ${key.fingerprint} `);
    expect(await keygen('-l', '-E', 'md5', '-f', pair.publicPath)).toContain(`${key.bits} ${key.getFingerprint('md5')} `);
  });

  it.each(generated)('its program reads our %s %s in every format', { timeout: 60_000 }, async (type, bits) => {
    await using dir = tempDir();
    const key = await generateKey(type, { bits, comment: `our ${type}` });
    const formats = [{}, { passphrase: 'pass phrase ü', rounds: 3 }, { format: 'pkcs8' }] as const;
    for (const [i, options] of formats.entries()) {
      const file = dir.join(String(i));
      await writePrivateKey(file, key, options);
      const passphrase = 'passphrase' in options ? options.passphrase : '';
      // OpenSSH does not read Ed25519 in PKCS#8 before 9.6; openssl does, below.
      if (type === 'ed25519' && 'format' in options) continue;
      const line = await keygen('-y', '-P', passphrase, '-f', file);
      expect(line.split(' ').slice(0, 2)).toEqual(key.toString().split(' ').slice(0, 2));
      if (!('format' in options)) {
        expect(line).toBe(key.toString());
        expect(await keygen('-l', '-f', file)).toContain(` ${key.fingerprint} `);
      }
      // What it writes from ours is a key of ours again.
      await keygen('-q', '-p', '-P', passphrase, '-N', 'new', '-a', '1', '-f', file);
      expect((await readPrivateKey(file, { passphrase: 'new' })).fingerprint).toBe(key.fingerprint);
    }
  });

  it('refuses our encrypted file under another passphrase, and with the same words', async () => {
    await using dir = tempDir();
    const file = dir.join('key');
    await writePrivateKey(file, await generateKey('ed25519'), { passphrase: 'x', rounds: 1 });
    expect((await runPeer('ssh-keygen', ['-y', '-P', 'y', '-f', file])).stderr).toMatch(/incorrect passphrase/);
  });

  it.each(types)('its program verifies our %s signatures (SSHSIG)', async (type) => {
    await using dir = tempDir();
    const pair = keyPair(type);
    // The signature of OpenSSH over a file, by our key file: it has to be the same key.
    const key = await readPrivateKey(pair.path);
    const copy = dir.write('key', await formatPrivateKey(key));
    chmodSync(copy, 0o600);
    const message = dir.write('message', data);
    await keygen('-q', '-Y', 'sign', '-n', 'test', '-f', copy, message);
    const signers = dir.write('signers', `me ${key.toString()}\n`);
    const verify = ['-Y', 'verify', '-f', signers, '-I', 'me', '-n', 'test', '-s', `${message}.sig`];
    expect((await runPeer('ssh-keygen', verify, { input: readFileSync(message) })).stdout.toString()).toContain(
      'Good "test" signature',
    );
  });
});

describeOpenssl('with openssl', () => {
  const kinds = [
    ['ed25519', ['-algorithm', 'ed25519']],
    ['nistp256', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['nistp384', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['nistp521', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521']],
    ['rsa', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
  ] as const;

  describe.each(kinds)('%s', (kind, options) => {
    it('is read in every format that it writes', { timeout: 60_000 }, async () => {
      await using dir = tempDir();
      const pass = ['-passout', 'pass:pass phrase'];
      const plain = dir.write('plain', openssl(['genpkey', ...options]));
      const { fingerprint } = await readPrivateKey(plain);
      const pkcs8 = [
        ['-v2', 'aes-128-cbc'],
        ['-v2', 'aes-192-cbc'],
        ['-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA512', '-iter', '10000'],
        ['-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA384'],
        ['-v2', 'des3', '-v2prf', 'hmacWithSHA1'],
        ['-scrypt'],
        ['-scrypt', '-scrypt_N', '2048', '-scrypt_r', '4', '-scrypt_p', '2'],
      ];
      const traditional = ['-aes128', '-aes192', '-aes256', '-des3'];
      const written = [
        ...pkcs8.map((args) => openssl(['pkcs8', '-topk8', '-in', plain, ...args, ...pass])),
        ...(kind === 'ed25519'
          ? []
          : traditional.map((cipher) => openssl(['pkey', '-traditional', '-in', plain, cipher, ...pass]))),
      ];
      for (const [i, content] of written.entries()) {
        const file = dir.write(`encrypted-${i}`, content);
        expect((await readPrivateKey(file, { passphrase: 'pass phrase' })).fingerprint).toBe(fingerprint);
        await expect(readPrivateKey(file, { passphrase: 'other' })).rejects.toMatchObject({ reason: 'wrong', file });
        await expect(readPrivateKey(file)).rejects.toMatchObject({ reason: 'missing', file });
      }
      if (kind === 'ed25519') return;
      const old = dir.write('traditional', openssl(['pkey', '-traditional', '-in', plain]));
      expect(readFileSync(old, 'utf8')).toMatch(/BEGIN (RSA|EC) PRIVATE KEY/);
      expect((await readPrivateKey(old)).fingerprint).toBe(fingerprint);
    });

    it('verifies our signatures with our key in PKCS#8, and we verify its own', async () => {
      await using dir = tempDir();
      const theirs = await readPrivateKey(dir.write('theirs', openssl(['genpkey', ...options])));
      const ours = dir.write('ours', await formatPrivateKey(theirs, { format: 'pkcs8' }));
      openssl(['pkey', '-in', ours, '-check', '-noout']);
      const publicFile = dir.write('public', openssl(['pkey', '-in', ours, '-pubout']));
      const message = dir.write('message', data);
      for (const algorithm of theirs.algorithms) {
        const signature = theirs.sign(data, algorithm);
        const raw = decodeSignature(signature, algorithm, signature.length < 100 ? 64 : rawBytes(algorithm));
        if (raw === null) throw new Error('no signature');
        const file = dir.write('signature', algorithm.startsWith('ecdsa') ? derSignature(raw) : raw);
        const check =
          kind === 'ed25519'
            ? ['pkeyutl', '-verify', '-pubin', '-inkey', publicFile, '-rawin', '-in', message, '-sigfile', file]
            : ['dgst', `-${hashOf(algorithm)}`, '-verify', publicFile, '-signature', file, message];
        expect(openssl(check).toString()).toMatch(/Verified|Successfully/);
      }
    });
  });

  it('writes a public key file that is read', async () => {
    const key = openssl(['genpkey', '-algorithm', 'ed25519']);
    const pem = openssl(['pkey', '-pubout'], key);
    expect(parsePublicKey(pem).fingerprint).toBe((await parsePrivateKey(key)).fingerprint);
  });

  it('says of PKCS#12 and curves that SSH has not what they are', async () => {
    await using dir = tempDir();
    const file = dir.write('secp256k1', openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1']));
    await expect(readPrivateKey(file)).rejects.toThrow(/1\.3\.132\.0\.10/);
    const x25519 = dir.write('x25519', openssl(['genpkey', '-algorithm', 'X25519']));
    await expect(readPrivateKey(x25519)).rejects.toThrow(/X25519, which cannot sign/);
    const key = dir.write('key', openssl(['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']));
    const p12 = dir.write('p12', openssl(['pkcs12', '-export', '-nocerts', '-inkey', key, '-passout', 'pass:x']));
    await expect(readPrivateKey(p12)).rejects.toThrow(/PKCS#12/);
  });
});

function rawBytes(algorithm: SignatureAlgorithm): number {
  return { 'ecdsa-sha2-nistp256': 64, 'ecdsa-sha2-nistp384': 96, 'ecdsa-sha2-nistp521': 132 }[algorithm as string] ?? 256;
}

function hashOf(algorithm: SignatureAlgorithm): string {
  if (algorithm === 'ssh-rsa') return 'sha1';
  return algorithm.endsWith('256') ? 'sha256' : algorithm.endsWith('384') ? 'sha384' : 'sha512';
}

/** r || s as the SEQUENCE of two INTEGERs that openssl wants. */
function derSignature(raw: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array): number[] => {
    const start = bytes.findIndex((byte) => byte !== 0);
    const digits = [...bytes.subarray(start)];
    if ((digits[0] ?? 0) >= 0x80) digits.unshift(0);
    return [2, digits.length, ...digits];
  };
  const content = [...integer(raw.subarray(0, raw.length / 2)), ...integer(raw.subarray(raw.length / 2))];
  return Uint8Array.from([0x30, ...(content.length < 0x80 ? [] : [0x81]), content.length, ...content]);
}
