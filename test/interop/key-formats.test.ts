// Key files in both directions: each format that ssh-keygen, puttygen and openssl write is read here, and what is written here is
// read by them, under passphrases and without. Which pairs there are is a table, so that their number is known and checked.

import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  formatPrivateKey,
  formatPublicKey,
  type PrivateKeyFormat,
  type PublicKeyFormat,
  parsePrivateKey,
  parsePublicKey,
  readPrivateKey,
  readPublicKey,
} from '../../src/keys.ts';
import { describePeer, type KeyPair, type KeyType, keyPair, peerCommand, type TempDir, tempDir } from '../support/peers.ts';
import { openssl } from '../unit/keys/support.ts';

const kinds: readonly KeyType[] = ['ed25519', 'ecdsa', 'ecdsa-384', 'ecdsa-521', 'rsa-2048'];
const PASS = 'pass phrase ü';
const notEdwards = kinds.filter((kind) => kind !== 'ed25519');

/** What a test about one file works with. */
interface Bench {
  readonly pair: KeyPair;
  readonly dir: TempDir;
  /** A file that holds {@link PASS}, for puttygen. */
  readonly passFile: string;
}

/** A file that another program writes. */
interface Theirs {
  readonly name: string;
  readonly kinds: readonly KeyType[];
  readonly encrypted?: boolean;
  readonly isPublic?: boolean;
  /** The file's path. */
  make(bench: Bench): string;
}

/** A file that we write. */
interface Ours {
  readonly name: string;
  readonly kinds: readonly KeyType[];
  readonly format: PrivateKeyFormat | PublicKeyFormat;
  readonly encrypted?: boolean;
  readonly isPublic?: boolean;
  readonly rounds?: number;
  /** Has another program read the file: the key's public line, as far as its base64. */
  read(file: string, bench: Bench): string;
}

function program(name: 'ssh-keygen' | 'puttygen', args: readonly string[]): string {
  const [command, all] = peerCommand(name, args);
  const { status, stdout, stderr } = spawnSync(command, all, { encoding: 'utf8', input: '', timeout: 60_000 });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

/** A copy of the pair's private key, which the program changes in place. */
function copy({ pair, dir }: Bench): string {
  const file = dir.join('copy');
  copyFileSync(pair.path, file);
  chmodSync(file, 0o600);
  return file;
}

function keygenFile(format: string, encrypted: boolean, of: readonly KeyType[], cipher: string[] = []): Theirs {
  const make = (bench: Bench): string => {
    const file = copy(bench);
    const encoding = format === 'OPENSSH' ? [] : ['-m', format];
    program('ssh-keygen', ['-q', '-p', '-a', '2', ...encoding, ...cipher, '-P', '', '-N', encrypted ? PASS : '', '-f', file]);
    return file;
  };
  return { name: `ssh-keygen ${format} ${cipher.join(' ')}${encrypted ? ' encrypted' : ''}`, kinds: of, encrypted, make };
}

function keygenPublic(format: string, of: readonly KeyType[]): Theirs {
  const make = ({ pair, dir }: Bench): string =>
    dir.write('public', program('ssh-keygen', ['-e', '-m', format, '-f', pair.publicPath]));
  return { name: `ssh-keygen -e -m ${format}`, kinds: of, isPublic: true, make };
}

function putty(output: string, encrypted: boolean, parameters = ''): Theirs {
  const make = ({ pair, dir, passFile }: Bench): string => {
    const file = dir.join('putty');
    const extra = parameters === '' ? [] : ['--ppk-param', parameters];
    const pass = encrypted ? ['-P', '--new-passphrase', passFile] : [];
    program('puttygen', [pair.path, '-O', output, ...extra, ...pass, '-o', file]);
    return file;
  };
  const isPublic = output.startsWith('public');
  return { name: `puttygen ${output} ${parameters}${encrypted ? ' encrypted' : ''}`, kinds, encrypted, isPublic, make };
}

function opensslFile(name: string, of: readonly KeyType[], args: readonly string[], encrypted = false): Theirs {
  const make = (bench: Bench): string => {
    const pass = encrypted ? ['-passout', `pass:${PASS}`] : [];
    return bench.dir.write('openssl', openssl([...args, ...pass, '-in', pkcs8Of(bench)]));
  };
  return {
    name: `openssl ${name}`,
    kinds: of,
    encrypted,
    isPublic: args.includes('-pubout') || args.includes('-RSAPublicKey_out'),
    make,
  };
}

/** What openssl can read: it does not know OpenSSH's format. Made once for each pair. */
function pkcs8Of(bench: Bench): string {
  const { pair, dir } = bench;
  const text = pkcs8Texts.get(pair.path) ?? (pair.type === 'ed25519' ? pkcs8OfSeed(pair) : pkcs8OfPem(bench));
  pkcs8Texts.set(pair.path, text);
  return dir.write('pkcs8', text);
}

const pkcs8Texts = new Map<string, string>();

function pkcs8OfPem(bench: Bench): string {
  const file = copy(bench);
  program('ssh-keygen', ['-q', '-p', '-m', 'PEM', '-P', '', '-N', '', '-f', file]);
  return openssl(['pkey'], readFileSync(file)).toString();
}

/** ssh-keygen writes Ed25519 in its own format only; the seed stands at a fixed place from the end of the public point. */
function pkcs8OfSeed(pair: KeyPair): string {
  const blob = Buffer.from(pair.privateText.split('\n').slice(1, -2).join(''), 'base64');
  const point = Buffer.from(pair.publicLine.split(' ')[1] ?? '', 'base64').subarray(-32);
  const second = blob.indexOf(point, blob.indexOf(point) + 1);
  const seed = blob.subarray(second + 36, second + 68);
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

const nodeJwk = (isPublic: boolean): Theirs => ({
  name: `node ${isPublic ? 'public' : 'private'} JWK`,
  kinds,
  isPublic,
  make: (bench) => {
    const key = readFileSync(pkcs8Of(bench));
    const jwk = (isPublic ? createPublicKey(key) : createPrivateKey(key)).export({ format: 'jwk' });
    return bench.dir.write('jwk', JSON.stringify(jwk));
  },
});

const small = 'memory=512,passes=2';
const theirs: readonly Theirs[] = [
  keygenFile('OPENSSH', false, kinds),
  keygenFile('OPENSSH', true, kinds),
  keygenFile('OPENSSH', true, kinds, ['-Z', 'chacha20-poly1305@openssh.com']),
  keygenFile('PEM', false, notEdwards),
  keygenFile('PEM', true, notEdwards),
  keygenFile('PKCS8', false, notEdwards),
  keygenFile('PKCS8', true, notEdwards),
  keygenPublic('RFC4716', kinds),
  keygenPublic('PKCS8', notEdwards),
  keygenPublic('PEM', notEdwards),
  putty('private', false),
  putty('private', false, 'version=2'),
  putty('private', true, 'version=2'),
  putty('private', true, `kdf=argon2id,${small}`),
  putty('private', true, `kdf=argon2i,${small}`),
  putty('private', true, `kdf=argon2d,${small},parallelism=3`),
  putty('private-openssh', false),
  putty('private-openssh-new', true),
  putty('public', false),
  putty('public-openssh', false),
  opensslFile('pkcs8', kinds, ['pkcs8', '-topk8', '-nocrypt']),
  opensslFile('pkcs8 aes256', kinds, ['pkcs8', '-topk8', '-v2', 'aes-256-cbc'], true),
  opensslFile('pkcs8 scrypt', kinds, ['pkcs8', '-topk8', '-scrypt', '-scrypt_N', '1024'], true),
  opensslFile('pkcs8 des3', kinds, ['pkcs8', '-topk8', '-v2', 'des3', '-v2prf', 'hmacWithSHA512'], true),
  opensslFile('traditional', notEdwards, ['pkey', '-traditional']),
  opensslFile('traditional aes128', notEdwards, ['pkey', '-traditional', '-aes128'], true),
  opensslFile('pubout', kinds, ['pkey', '-pubout']),
  opensslFile('RSAPublicKey', ['rsa-2048'], ['rsa', '-RSAPublicKey_out']),
  nodeJwk(false),
  nodeJwk(true),
];

const byKeygen = (file: string): string => program('ssh-keygen', ['-y', '-P', '', '-f', file]);
const byKeygenEncrypted = (file: string): string => program('ssh-keygen', ['-y', '-P', PASS, '-f', file]);
const byPutty = (file: string): string => program('puttygen', [file, '-O', 'public-openssh']);
const byPuttyEncrypted = (file: string, { dir, passFile }: Bench): string => {
  // Its public part would be read without the passphrase: have it write the private one.
  const opened = dir.join('opened');
  program('puttygen', [file, '--old-passphrase', passFile, '-O', 'private-openssh-new', '-o', opened]);
  return byKeygenEncrypted(opened);
};
const importing = (format: string) => (file: string) => program('ssh-keygen', ['-i', '-m', format, '-f', file]);
/** SubjectPublicKeyInfo of openssl, to a line by what was tested the other way round. */
const byOpenssl = (file: string): string =>
  parsePublicKey(openssl(['pkey', '-pubout', '-passin', `pass:${PASS}`, '-in', file])).toString();
const byOpensslPublic = (file: string): string => parsePublicKey(openssl(['pkey', '-pubin', '-in', file])).toString();
const byNode = (file: string): string => {
  const key = createPublicKey(createPrivateKey({ key: JSON.parse(readFileSync(file, 'utf8')), format: 'jwk' }));
  return parsePublicKey(key.export({ format: 'pem', type: 'spki' }).toString()).toString();
};
const byNodePublic = (file: string): string => {
  const key = createPublicKey({ key: JSON.parse(readFileSync(file, 'utf8')), format: 'jwk' });
  return parsePublicKey(key.export({ format: 'pem', type: 'spki' }).toString()).toString();
};

const ours: readonly Ours[] = [
  { name: 'OpenSSH to ssh-keygen', kinds, format: 'openssh', read: byKeygen },
  { name: 'OpenSSH to ssh-keygen', kinds, format: 'openssh', encrypted: true, rounds: 2, read: byKeygenEncrypted },
  { name: 'OpenSSH to puttygen', kinds, format: 'openssh', read: byPutty },
  { name: 'PKCS#1 and SEC1 to ssh-keygen', kinds: notEdwards, format: 'pem', read: byKeygen },
  { name: 'PKCS#1 and SEC1 to openssl', kinds: notEdwards, format: 'pem', read: byOpenssl },
  { name: 'PKCS#1 and SEC1 to puttygen', kinds: notEdwards, format: 'pem', read: byPutty },
  { name: 'PKCS#8 to ssh-keygen', kinds: notEdwards, format: 'pkcs8', read: byKeygen },
  { name: 'PKCS#8 to ssh-keygen', kinds: notEdwards, format: 'pkcs8', encrypted: true, rounds: 1000, read: byKeygenEncrypted },
  { name: 'PKCS#8 to openssl', kinds, format: 'pkcs8', read: byOpenssl },
  { name: 'PKCS#8 to openssl', kinds, format: 'pkcs8', encrypted: true, rounds: 1000, read: byOpenssl },
  { name: 'PPK 3 to puttygen', kinds, format: 'ppk', read: byPutty },
  { name: 'PPK 3 to puttygen', kinds, format: 'ppk', encrypted: true, rounds: 1, read: byPuttyEncrypted },
  { name: 'PPK 2 to puttygen', kinds, format: 'ppk2', read: byPutty },
  { name: 'PPK 2 to puttygen', kinds, format: 'ppk2', encrypted: true, read: byPuttyEncrypted },
  { name: 'JWK to node', kinds, format: 'jwk', read: byNode },
  { name: 'OpenSSH to puttygen', kinds, format: 'openssh', isPublic: true, read: byPutty },
  { name: 'RFC 4716 to ssh-keygen', kinds, format: 'rfc4716', isPublic: true, read: importing('RFC4716') },
  { name: 'RFC 4716 to puttygen', kinds, format: 'rfc4716', isPublic: true, read: byPutty },
  { name: 'PKCS#8 to ssh-keygen', kinds: notEdwards, format: 'pkcs8', isPublic: true, read: importing('PKCS8') },
  { name: 'PKCS#8 to openssl', kinds, format: 'pkcs8', isPublic: true, read: byOpensslPublic },
  { name: 'PKCS#1 to ssh-keygen', kinds: ['rsa-2048'], format: 'pem', isPublic: true, read: importing('PEM') },
  { name: 'JWK to node', kinds, format: 'jwk', isPublic: true, read: byNodePublic },
];

const count = [...theirs, ...ours].reduce((sum, row) => sum + row.kinds.length, 0);

describePeer(['ssh-keygen', 'puttygen'], 'key files', () => {
  it('are 200 and more', () => expect(count).toBeGreaterThanOrEqual(200));

  describe.each(kinds)('%s', (kind) => {
    const with_ = async (run: (bench: Bench) => unknown): Promise<void> => {
      await using dir = tempDir();
      await run({ pair: keyPair(kind), dir, passFile: dir.write('pass', PASS) });
    };

    it.each(theirs.filter((row) => row.kinds.includes(kind)))('of $name are read', (row) =>
      with_(async (bench) => {
        const file = row.make(bench);
        const { publicLine, fingerprint } = bench.pair;
        if (row.isPublic === true) {
          expect((await readPublicKey(file)).fingerprint).toBe(fingerprint);
          return;
        }
        const key = await readPrivateKey(file, { passphrase: PASS });
        expect(key.fingerprint).toBe(fingerprint);
        // The comment, where the format has a place for one.
        if (row.name.includes('puttygen private ') || row.name.includes('OPENSSH')) expect(key.toString()).toBe(publicLine);
        if (row.encrypted !== true) return;
        expect(await readPrivateKey(file).catch((error: unknown) => error)).toMatchObject({ reason: 'missing', file });
        const wrong = await readPrivateKey(file, { passphrase: 'wrong' }).catch((error: unknown) => error);
        expect(wrong).toMatchObject({ name: 'PassphraseError', reason: 'wrong', file });
      }),
    );

    it.each(ours.filter((row) => row.kinds.includes(kind)))('from $name are read there (encrypted: $encrypted)', (row) =>
      with_(async (bench) => {
        const { format, rounds } = row;
        const passphrase = row.encrypted === true ? PASS : undefined;
        const key = await readPrivateKey(bench.pair.path);
        const memory = format === 'ppk' && row.encrypted === true ? 1024 : undefined;
        const text =
          row.isPublic === true
            ? formatPublicKey(key.publicKey, { format: format as PublicKeyFormat })
            : await formatPrivateKey(key, { format: format as PrivateKeyFormat, passphrase, rounds, memory });
        const file = bench.dir.write('ours', text);
        chmodSync(file, 0o600);
        expect(row.read(file, bench).trim().split(' ').slice(0, 2)).toEqual(bench.pair.publicLine.split(' ').slice(0, 2));
      }),
    );
  });

  it('with long comments go both ways in RFC 4716 and PPK', async () => {
    await using dir = tempDir();
    const comment = `a comment with "quotes", a \\, ümläute and ${'many words '.repeat(20)}at its end`;
    const { privateText } = keyPair('ed25519');
    const file = dir.write('key', privateText);
    chmodSync(file, 0o600);
    program('ssh-keygen', ['-q', '-c', '-P', '', '-C', comment, '-f', file]);
    const key = await readPrivateKey(file);
    expect(key.comment).toBe(comment);
    const text = formatPublicKey(key.publicKey, { format: 'rfc4716' });
    expect(Math.max(...text.split('\n').map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(72);
    expect(parsePublicKey(text).comment).toBe(comment);
    // PuTTY does not know headers of several lines.
    const imported = program('ssh-keygen', ['-i', '-f', dir.write('4716', text)]).trim();
    expect(imported.split(' ')[1]).toBe(key.getBase64());
    const ppk = dir.write('ppk', await formatPrivateKey(key, { format: 'ppk' }));
    expect(program('puttygen', [ppk, '-O', 'public-openssh']).trim()).toBe(key.toString());
    program('puttygen', [file, '-O', 'private', '-o', dir.join('theirs')]);
    expect((await readPrivateKey(dir.join('theirs'))).comment).toBe(comment);
    const again = dir.write('again', program('puttygen', [dir.join('theirs'), '-O', 'public']));
    expect((await readPublicKey(again)).fingerprint).toBe(key.fingerprint);
  });

  it('of FIDO keys as RFC 4716', async () => {
    await using dir = tempDir();
    const key = parsePublicKey(
      'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIMXx1VzMYmlZ8vLxmX7Cd0N1AVBqzpaLXzGNLbfQ7bYXAAAABHNzaDo= sk',
    );
    const theirs = program('ssh-keygen', ['-e', '-f', dir.write('sk.pub', `${key}\n`)]);
    expect(parsePublicKey(theirs).equals(key)).toBe(true);
    const ours = dir.write('ours', formatPublicKey(key, { format: 'rfc4716' }));
    expect(program('ssh-keygen', ['-i', '-f', ours]).trim().split(' ').slice(0, 2).join(' ')).toBe(
      `${key.type} ${key.getBase64()}`,
    );
  });

  it('that puttygen was given are told apart: wrong passphrase, changed comment, damaged', async () => {
    await using dir = tempDir();
    const pass = dir.write('pass', PASS);
    for (const version of [2, 3]) {
      const file = dir.join(`key-${version}`);
      const parameters = `version=${version},${small}`;
      program('puttygen', [keyPair('ecdsa').path, '-P', '--new-passphrase', pass, '--ppk-param', parameters, '-o', file]);
      const text = readFileSync(file, 'utf8');
      const changed = text.replace('Comment: ', 'Comment: x');
      await expect(parsePrivateKey(text, { passphrase: 'x' })).rejects.toMatchObject({ reason: 'wrong' });
      await expect(parsePrivateKey(changed, { passphrase: 'x' })).rejects.toMatchObject({ reason: 'wrong' });
      await expect(parsePrivateKey(changed, { passphrase: PASS })).rejects.toThrow(
        `PuTTY private key (PPK ${version}): the passphrase is right but the MAC does not fit`,
      );
    }
  });
});
