// Who may log in to `amiko serve`: names, passwords, keys and the file that they come from.
import { describe, expect, it } from 'vitest';
import { parseAuthorizedKeys, readAuthorizedKeys } from '../../../src/cli/serve/authorized-keys.ts';
import { Credentials, makePassword } from '../../../src/cli/serve/credentials.ts';
import { KeyFormatError } from '../../../src/errors.ts';
import { generateKey } from '../../../src/keys.ts';

const one = (await generateKey('ed25519')).publicKey;
const two = (await generateKey('ecdsa')).publicKey;

describe('credentials', () => {
  it('take one name with its password', () => {
    const credentials = new Credentials('me', 'pässword', []);
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
    expect(credentials.isKey('me', one)).toBe(false);
    expect(credentials.methods).toEqual(['password', 'keyboard-interactive']);
  });

  it('take Kerberos principals as a whole, under one name', () => {
    const credentials = new Credentials('me', null, [], ['me@REALM', 'other@REALM']);
    expect(credentials.isPrincipal('me', 'me@REALM')).toBe(true);
    expect(credentials.isPrincipal('me', 'other@REALM')).toBe(true);
    for (const principal of ['me', 'me@', 'me@OTHER', 'me@REALM.EVIL', 'ME@REALM', ''])
      expect(credentials.isPrincipal('me', principal), principal).toBe(false);
    expect(credentials.isPrincipal('other', 'other@REALM')).toBe(false);
    expect(credentials.methods).toEqual(['gssapi-with-mic']);
    expect(new Credentials('me', 'p', []).takesKerberos).toBe(false);
  });

  it('take one of several keys, and without a password none at all', () => {
    const credentials = new Credentials('me', null, [one, two]);
    expect(credentials.isKey('me', one)).toBe(true);
    expect(credentials.isKey('me', two)).toBe(true);
    expect(credentials.isKey('you', one)).toBe(false);
    expect(new Credentials('me', null, [one]).isKey('me', two)).toBe(false);
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

describe('authorized keys', () => {
  it('are read line by line', () => {
    const keys = parseAuthorizedKeys(`# mine\n\n  ${one} a comment\r\n${two}\n`, 'keys');
    expect(keys.map((key) => key.fingerprint)).toEqual([one.fingerprint, two.fingerprint]);
    expect(parseAuthorizedKeys('', 'keys')).toEqual([]);
  });

  it.each([
    ['restrict', /^keys:2: the line does not begin with a key type; options/],
    ['command="rm -rf /"', /^keys:2: .*options/],
    ['from="10.0.0.0/8",no-pty', /^keys:2: .*options/],
    ['cert-authority', /^keys:2: .*options/],
  ])('with the option %s are refused, by file and line', (option, message) => {
    const read = () => parseAuthorizedKeys(`${two}\n${option} ${one}\n`, 'keys');
    expect(read).toThrow(KeyFormatError);
    expect(read).toThrow(message);
  });

  it.each(['ssh-ed25519 AAAA', 'ssh-ed25519', 'nonsense', `ssh-rsa ${one.getBase64()}`, 'sk-ssh-ed25519@openssh.com AAAA'])(
    'that are none are refused, by file and line: %s',
    (line) => {
      expect(() => parseAuthorizedKeys(line, 'keys')).toThrow(/^keys:1: /);
    },
  );

  it('whose file is not there are named', async () => {
    await expect(readAuthorizedKeys('/no/such/file')).rejects.toThrow(/^\/no\/such\/file: cannot be read/);
  });
});
