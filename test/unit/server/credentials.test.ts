// Who may log in to `amiko serve`: names, passwords, keys and the file that they come from.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Credentials, makePassword } from '../../../src/cli/serve/credentials.ts';
import { TrustedKeys } from '../../../src/cli/serve/trusted-keys.ts';
import { encodeKrl } from '../../../src/keys/krl.ts';
import { formatPrivateKey, formatPublicKey, generateKey, type PublicKey, signCertificate } from '../../../src/keys.ts';
import { tempDir } from '../../support/peers.ts';

const one = (await generateKey('ed25519')).publicKey;
const two = (await generateKey('ecdsa')).publicKey;

const files = { authorizedKeys: [], userCas: [], revoked: [], principals: null };
const noKeys = await TrustedKeys.read(files);

async function keysOf(...lines: readonly unknown[]): Promise<TrustedKeys> {
  await using dir = tempDir();
  writeFileSync(join(dir.path, 'keys'), lines.join('\n'));
  // Awaited here, or the folder would be gone before the file is read.
  return await TrustedKeys.read({ ...files, authorizedKeys: [join(dir.path, 'keys')] });
}

const isKey = (credentials: Credentials, user: string, key: PublicKey): boolean =>
  credentials.authorize({ user, key, address: '127.0.0.1', now: Date.now() / 1000 }).granted !== null;

describe('credentials', () => {
  it('take one name with its password', () => {
    const credentials = new Credentials('me', 'pässword', noKeys);
    expect(credentials.isPassword('me', 'pässword')).toBe(true);
    for (const [user, password] of [
      ['me', 'passwort'],
      ['me', ''],
      ['you', 'pässword'],
      ['', ''],
      ['pässword', 'me'],
    ]) {
      expect(credentials.isPassword(user as string, password as string)).toBe(false);
    }
    expect(isKey(credentials, 'me', one)).toBe(false);
    expect(credentials.methods).toEqual(['password', 'keyboard-interactive']);
  });

  it('take Kerberos principals as a whole, under one name', () => {
    const credentials = new Credentials('me', null, noKeys, ['me@REALM', 'other@REALM']);
    expect(credentials.isPrincipal('me', 'me@REALM')).toBe(true);
    expect(credentials.isPrincipal('me', 'other@REALM')).toBe(true);
    for (const principal of ['me', 'me@', 'me@OTHER', 'me@REALM.EVIL', 'ME@REALM', ''])
      expect(credentials.isPrincipal('me', principal), principal).toBe(false);
    expect(credentials.isPrincipal('other', 'other@REALM')).toBe(false);
    expect(credentials.methods).toEqual(['gssapi-with-mic']);
    expect(new Credentials('me', 'p', noKeys).takesKerberos).toBe(false);
  });

  it('take one of several keys, and without a password none at all', async () => {
    const credentials = new Credentials('me', null, await keysOf('# mine', '', `${one} a comment\r`, two));
    expect(isKey(credentials, 'me', one)).toBe(true);
    expect(isKey(credentials, 'me', two)).toBe(true);
    expect(isKey(credentials, 'you', one)).toBe(false);
    expect(isKey(new Credentials('me', null, await keysOf(one)), 'me', two)).toBe(false);
    for (const password of ['', 'null', 'undefined']) expect(credentials.isPassword('me', password)).toBe(false);
    expect(credentials.methods).toEqual(['publickey']);
    expect(credentials.takesPassword).toBe(false);
  });

  it('make passwords that differ', () => {
    const made = new Set(Array.from({ length: 100 }, makePassword));
    expect(made.size).toBe(100);
    for (const password of made) expect(password).toMatch(/^(?:[a-z2-9]{5}-){3}[a-z2-9]{5}$/);
  });
});

describe('files of keys', () => {
  it('that are wrong are named, with the line, and nothing starts', async () => {
    await expect(keysOf(one, 'nonsense')).rejects.toThrow(/keys:2: /);
    await expect(keysOf('ssh-ed25519 AAAA')).rejects.toThrow(/keys:1: /);
    for (const kind of ['authorizedKeys', 'userCas', 'revoked'] as const) {
      await expect(TrustedKeys.read({ ...files, [kind]: ['/no/such/file'] })).rejects.toThrow(
        /^\/no\/such\/file: cannot be read/,
      );
    }
  });

  it('of authorities may be in formats of several lines; a private key is told so', async () => {
    await using dir = tempDir();
    const ca = await generateKey('ed25519');
    const rfc4716 = dir.write('rfc4716', formatPublicKey(ca.publicKey, { format: 'rfc4716' }));
    const userCas = [dir.write('pem', formatPublicKey(ca.publicKey, { format: 'pkcs8' })), rfc4716];
    expect((await TrustedKeys.read({ ...files, userCas })).some).toBe(true);
    const secret = dir.write('secret', await formatPrivateKey(ca));
    await expect(TrustedKeys.read({ ...files, userCas: [secret] })).rejects.toThrow(
      /secret: a private key .* give the \.pub file/,
    );
  });

  it('may revoke what others let in: keys, authorities, and lists of both kinds', async () => {
    await using dir = tempDir();
    const at = (name: string, text: string | Uint8Array) => {
      writeFileSync(join(dir.path, name), text);
      return join(dir.path, name);
    };
    const ca = await generateKey('ed25519');
    const { publicKey: certified } = await signCertificate(ca, one, { kind: 'user', keyId: 'x', principals: ['me'], serial: 5n });
    const authorizedKeys = [at('keys', `${one}\n${two}\n`)];
    const userCas = [at('cas', `# ours\n${ca.publicKey}\n`)];
    const krl = encodeKrl({ generated: new Date(), certificates: [{ authority: ca.publicKey, serials: [5n] }] });
    for (const [revoked, lets] of [
      [[], [true, true, true]],
      [[at('r1', `${one}\n`)], [false, true, false]],
      [[at('r2', `${ca.publicKey}\n`)], [true, true, false]],
      [[at('r3', krl)], [true, true, false]],
      [
        [at('r4', encodeKrl({ generated: new Date(), keys: [two] })), at('r5', '')],
        [true, false, true],
      ],
    ] as const) {
      const credentials = new Credentials('me', null, await TrustedKeys.read({ ...files, authorizedKeys, userCas, revoked }));
      expect([one, two, certified].map((key) => isKey(credentials, 'me', key))).toEqual(lets);
    }
    const others = { ...files, userCas, principals: ['somebody'] };
    expect(isKey(new Credentials('me', null, await TrustedKeys.read(others)), 'me', certified)).toBe(false);
    await expect(TrustedKeys.read({ ...files, revoked: [at('r6', krl.subarray(0, 40))] })).rejects.toThrow(
      /r6: .*revocation list/,
    );
  });
});
