// Reading private keys: literal files in every format, and what is said about those that cannot be read.
import { writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { concat, encodeUtf8 } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { KeyFormatError, PassphraseError, UsageError } from '../../../src/errors.ts';
import { der } from '../../../src/keys/formats/der.ts';
import { encodePem } from '../../../src/keys/formats/pem.ts';
import { parsePrivateKeyFile } from '../../../src/keys/formats/private-key-file.ts';
import { secretComponents } from '../../../src/keys/private-key.ts';
import {
  formatPrivateKey,
  generateKey,
  parsePrivateKey,
  parsePublicKey,
  readPrivateKey,
  readPublicKey,
} from '../../../src/keys.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { tempDir } from '../../support/peers.ts';
import { bytes, errorOf, knownKey } from './support.ts';
import { files, passphrase, publicKeys } from './vectors.ts';

const text = (name: string): string => {
  const file = files[name];
  if (file === undefined) throw new Error(name);
  return file.text;
};
const encrypted = Object.entries(files).filter(([, file]) => file.encrypted);

async function refused(data: string | Uint8Array, why: RegExp, options = {}): Promise<void> {
  const error = await errorOf(() => parsePrivateKey(data, options));
  expect(error).toBeInstanceOf(KeyFormatError);
  expect((error as Error).message).toMatch(why);
}

describe.each(Object.entries(files))('%s', (_name, file) => {
  it('is read, as text and as bytes, with and without CRLF, BOM and things around it', async () => {
    const known = publicKeys[file.key];
    const around = `Bag Attributes\n    friendlyName: x\n${file.text}\ntrailing\n`;
    for (const data of [
      file.text,
      encodeUtf8(file.text),
      Buffer.from(file.text),
      file.text.replaceAll('\n', '\r\n'),
      `\uFEFF${file.text}`,
      around,
    ]) {
      const key = await parsePrivateKey(data, { passphrase });
      expect(key.fingerprint).toBe(known.sha256);
    }
  });
});

describe.each(encrypted)('%s, encrypted', (name, file) => {
  it('says that a passphrase is missing or wrong', async () => {
    const missing = await errorOf(() => parsePrivateKey(file.text, { file: '/a/key' }));
    expect(missing).toBeInstanceOf(PassphraseError);
    expect(missing).toMatchObject({ reason: 'missing', file: '/a/key', code: 'ERR_SSH_PASSPHRASE' });
    for (const wrong of ['', 'correct hors', 'correct horse ', '\u{1F511}']) {
      const error = await errorOf(() => parsePrivateKey(file.text, { passphrase: wrong, file: '/a/key' }));
      expect(error).toMatchObject({ name: 'PassphraseError', reason: 'wrong', file: '/a/key' });
    }
  });

  it('takes the passphrase as bytes, which it leaves alone, or from a function, asked once', async () => {
    for (const asBytes of [encodeUtf8(passphrase), Buffer.from(passphrase)]) {
      await parsePrivateKey(file.text, { passphrase: asBytes });
      expect(asBytes.toString()).toBe((asBytes instanceof Buffer ? Buffer.from(passphrase) : encodeUtf8(passphrase)).toString());
    }
    let asked = 0;
    const ask = async (): Promise<string> => {
      asked++;
      return passphrase;
    };
    await parsePrivateKey(file.text, { passphrase: ask });
    await parsePrivateKey(file.text, { passphrase: () => passphrase });
    expect(asked).toBe(1);
  });

  it('does not leave out a byte', async () => {
    // Ciphertext cut by one block, or with a changed byte: never a key.
    if (name.startsWith('OpenSSH')) return;
    const lines = file.text.trimEnd().split('\n');
    const cut = [...lines.slice(0, -2), lines.at(-1)].join('\n');
    await expect(parsePrivateKey(cut, { passphrase })).rejects.toSatisfy(
      (error: unknown) => error instanceof KeyFormatError || error instanceof PassphraseError,
    );
  });
});

describe('the passphrase function', () => {
  it('is not asked where the key is not encrypted', async () => {
    const ask = (): string => {
      throw new Error('asked');
    };
    await parsePrivateKey(text('OpenSSH ed25519'), { passphrase: ask });
    await refused('nonsense', /known format/, { passphrase: ask });
  });

  it("passes its own errors on, and a result that is no string is the caller's mistake", async () => {
    const own = new Error('no terminal');
    const file = text('OpenSSH ed25519 aes256-ctr');
    await expect(parsePrivateKey(file, { passphrase: () => Promise.reject(own), file: 'x' })).rejects.toBe(own);
    await expect(parsePrivateKey(file, { passphrase: () => undefined as unknown as string })).rejects.toBeInstanceOf(UsageError);
  });
});

describe('the signal', () => {
  it('ends the waiting: before, while asking, while deriving', async () => {
    const file = text('OpenSSH ed25519 aes256-ctr');
    const reason = new Error('enough');
    await expect(parsePrivateKey(file, { passphrase, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

    const asking = new AbortController();
    const never = (): Promise<string> => {
      queueMicrotask(() => asking.abort(reason));
      return new Promise(() => {});
    };
    await expect(parsePrivateKey(file, { passphrase: never, signal: asking.signal })).rejects.toBe(reason);

    for (const name of ['OpenSSH ed25519 aes256-ctr', 'PKCS#8 nistp256 PBKDF2 AES-256-CBC', 'PKCS#8 nistp256 scrypt']) {
      const deriving = new AbortController();
      const result = parsePrivateKey(text(name), {
        passphrase: () => {
          // Two turns later the derivation has begun and cannot have ended.
          queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => deriving.abort(reason)))));
          return passphrase;
        },
        signal: deriving.signal,
      });
      await expect(result).rejects.toBe(reason);
    }
  });

  it('is not in the way where it does not fire', async () => {
    const { signal } = new AbortController();
    for (const [name] of encrypted) {
      const key = await parsePrivateKey(text(name), { passphrase, signal });
      expect(key.canSign()).toBe(true);
    }
  });
});

describe('files that are something else', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /empty/],
    ['text', 'hello world', /not a private key in any known format/],
    ['text that begins with a zero', '0123456789', /not a private key in any known format/],
    ['a public key', publicKeys.rsa.line, /public key \(ssh-rsa\) where a private key is expected/],
    ['a FIDO public key', 'sk-ssh-ed25519@openssh.com AAAA', /public key \(sk-ssh-ed25519@openssh.com\)/],
    ['a certificate', 'ssh-ed25519-cert-v01@openssh.com AAAA', /certificate/],
    ['a DSA public key', 'ssh-dss AAAA', /DSA/],
    ['a PPK file that is cut off', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n', /PuTTY.*PPK 3.*'Comment:'/],
    ['PPK 1', 'PuTTY-User-Key-File-1: ssh-rsa\n', /PPK.*version 1.*puttygen/],
    ['ssh.com', '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n', /ssh\.com/],
    ['RFC 4716', '---- BEGIN SSH2 PUBLIC KEY ----\n', /public key \(RFC 4716\)/],
    ['SSH-1', 'SSH PRIVATE KEY FILE FORMAT 1.1\n', /SSH-1/],
    ['a JWK without anything', '{"kty":"OKP"}', /JSON Web Key.*public key where a private key/],
    ['DSA', '-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n', /DSA/],
    ['SPKI', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n', /public key/],
    ['X.509', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', /X\.509 certificate/],
    ['OpenPGP', '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n', /OpenPGP/],
    ['a block that nobody knows', '-----BEGIN FOO-----\nAAAA\n-----END FOO-----\n', /'FOO'/],
    [
      'a private key that nobody knows',
      '-----BEGIN FOO PRIVATE KEY-----\nAAAA\n-----END FOO PRIVATE KEY-----\n',
      /'FOO PRIVATE KEY'/,
    ],
    ['only curve parameters', '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n', /EC PARAMETERS/],
    ['an indented block', '  -----BEGIN PRIVATE KEY-----\nAAAA', /malformed/],
    ['a block without end', '-----BEGIN PRIVATE KEY-----\nAAAA\n', /cut off/],
    ['a block with another end', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n', /cut off/],
    ['no base64', '-----BEGIN PRIVATE KEY-----\nA*AA\n-----END PRIVATE KEY-----\n', /not base64/],
    ['UTF-16', new Uint8Array(Buffer.from('\uFEFF-----BEGIN', 'utf16le')), /UTF-16/],
    ['DER', der.sequence(der.integer(Uint8Array.of(0))), /binary DER/],
    ['PKCS#12', der.sequence(der.integer(Uint8Array.of(3)), der.octetString(new Uint8Array(300))), /PKCS#12/],
    ['too much', new Uint8Array(1_048_577), /1048577 bytes/],
  ])('%s', async (_what, data, why) => {
    await refused(data, why);
    await refused(data, /^\/a\/key: /, { file: '/a/key' });
  });

  it('two keys', async () => {
    await refused(text('OpenSSH ed25519') + text('PKCS#1 rsa'), /2 private keys/);
  });

  it('a key after its curve parameters is read', async () => {
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    expect((await parsePrivateKey(parameters + text('SEC1 nistp256'))).fingerprint).toBe(publicKeys.nistp256.sha256);
  });

  it('nothing of an unknown file gets into the message', async () => {
    const error = await errorOf(() => parsePrivateKey('hunter2-is-my-password\n'));
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
    const wrong = await errorOf(() => parsePublicKey('hunter2-is-my-password\n'));
    expect(inspect(wrong, { depth: 10, showHidden: true })).not.toContain('hunter2');
  });

  it('nothing of a key whose line ends were lost gets into the message', async () => {
    const key = await generateKey('ed25519', { comment: 'me' });
    for (const format of ['openssh', 'pkcs8', 'ppk', 'ppk2', 'jwk'] as const) {
      const written = await formatPrivateKey(key, { format });
      const lines = written.split('\n');
      // Any part of a line of it, wherever the message breaks off.
      const parts = (written.match(/[\w+/]{20,}/g) ?? []).flatMap((line) =>
        Array.from({ length: line.length - 13 }, (_, at) => line.slice(at, at + 14)),
      );
      expect(parts.length).toBeGreaterThan(20);
      let refusals = 0;
      // As environment variables have them; as copying leaves them; with the first one or two left.
      const joints = ['\\n', ' ', ''].flatMap((end) =>
        [0, 1, 2].map((whole) => [...lines.slice(0, whole), lines.slice(whole).join(end)].join('\n')),
      );
      for (const data of joints) {
        for (const read of [parsePrivateKey, parsePublicKey]) {
          const outcome = await Promise.resolve()
            .then<unknown>(() => read(data))
            .catch((error: Error) => error);
          if (!(outcome instanceof Error)) continue;
          refusals++;
          expect(parts.filter((part) => outcome.message.includes(part))).toEqual([]);
        }
      }
      expect(refusals).toBeGreaterThan(0);
    }
  });

  it('options of wrong type', async () => {
    for (const maxRounds of [0, -1, 1.5, Number.NaN]) {
      await expect(parsePrivateKey('x', { maxRounds })).rejects.toBeInstanceOf(UsageError);
    }
    await expect(parsePrivateKey(5 as unknown as string)).rejects.toBeInstanceOf(UsageError);
    expect(() => parsePublicKey(5 as unknown as string)).toThrow(UsageError);
  });
});

describe('the OpenSSH format', () => {
  const ed25519 = knownKey('ed25519');

  interface Parts {
    magic?: string;
    cipher?: string;
    kdf?: string;
    options?: Uint8Array;
    count?: number;
    outer?: Uint8Array;
    section?: Uint8Array;
    after?: Uint8Array;
  }
  const container = (parts: Parts): string => {
    const writer = new Writer().raw(encodeUtf8(parts.magic ?? 'openssh-key-v1\0'));
    writer
      .string(parts.cipher ?? 'none')
      .string(parts.kdf ?? 'none')
      .string(parts.options ?? new Uint8Array(0));
    writer
      .u32(parts.count ?? 1)
      .string(parts.outer ?? ed25519.blob)
      .string(parts.section ?? new Uint8Array(8));
    return encodePem('OPENSSH PRIVATE KEY', writer.raw(parts.after ?? new Uint8Array(0)).finish(), 70);
  };
  const section = async (change: {
    checks?: [number, number];
    padding?: number[];
    publicKey?: Uint8Array;
    half?: Uint8Array;
    type?: string;
  }) => {
    const key = await parsePrivateKey(text('OpenSSH ed25519'));
    const { seed, point } = secretComponents(key) as unknown as { seed: Uint8Array; point: Uint8Array };
    const [a, b] = change.checks ?? [7, 7];
    const writer = new Writer()
      .u32(a)
      .u32(b)
      .string(change.type ?? 'ssh-ed25519')
      .string(change.publicKey ?? point);
    writer.string(concat(seed, change.half ?? point)).string('8 bytes.');
    return writer.raw(Uint8Array.from(change.padding ?? [1, 2, 3, 4, 5])).finish();
  };

  it('reads what this test writes', async () => {
    const key = await parsePrivateKey(container({ section: await section({}) }));
    expect([key.fingerprint, key.comment]).toEqual([publicKeys.ed25519.sha256, '8 bytes.']);
  });

  it.each<[string, Parts, RegExp]>([
    ['another magic', { magic: 'openssh-key-v2\0' }, /does not begin/],
    ['no key', { count: 0 }, /0 keys/],
    ['two keys', { count: 2 }, /2 keys/],
    ['a cipher without a kdf', { cipher: 'aes256-ctr' }, /only one/],
    ['a kdf without a cipher', { kdf: 'bcrypt' }, /only one/],
    ['options for no kdf', { options: Uint8Array.of(0) }, /only one/],
    ['an unknown cipher', { cipher: 'rot13', kdf: 'bcrypt' }, /'rot13'/],
    ['an unknown kdf', { cipher: 'aes256-ctr', kdf: 'argon2' }, /'argon2'/],
    ['a section of 9 bytes', { section: new Uint8Array(9) }, /whole blocks/],
    ['an empty section', { section: new Uint8Array(0) }, /check numbers/],
    ['bytes after the section', { after: Uint8Array.of(0) }, /too many/],
    ['a FIDO key', { outer: new Writer().string('sk-ssh-ed25519@openssh.com').finish() }, /FIDO/],
    ['a certificate', { outer: new Writer().string('ssh-rsa-cert-v01@openssh.com').finish() }, /certificate/],
    ['a DSA key', { outer: new Writer().string('ssh-dss').finish() }, /DSA/],
  ])('refuses %s', async (_what, parts, why) => {
    await refused(container(parts), why);
    await refused(container(parts), /^OpenSSH private key: /);
  });

  it('refuses bad salts and rounds, and has a limit that can be raised', async () => {
    const options = (salt: number, rounds: number): Uint8Array => new Writer().string(new Uint8Array(salt)).u32(rounds).finish();
    const file = (salt: number, rounds: number): string =>
      container({ cipher: 'aes256-ctr', kdf: 'bcrypt', options: options(salt, rounds), section: new Uint8Array(16) });
    await refused(file(0, 16), /salt of 0 bytes/);
    await refused(file(1025, 16), /salt of 1025 bytes/);
    await refused(file(16, 0), /0 bcrypt rounds/);
    await refused(file(16, 2049), /2049 bcrypt rounds.*2048.*maxRounds/);
    await refused(file(16, 0xffff_ffff), /4294967295/);
    await refused(file(16, 5), /5 bcrypt rounds.*4/, { maxRounds: 4 });
    expect(parsePrivateKeyFile(encodeUtf8(file(16, 2048)), nodeCrypto).encrypted).toBe(true);
    expect(parsePrivateKeyFile(encodeUtf8(file(16, 100_000)), nodeCrypto, 100_000).encrypted).toBe(true);
    await refused(
      container({ cipher: 'aes256-ctr', kdf: 'bcrypt', options: options(16, 1), section: new Uint8Array(8) }),
      /blocks/,
    );
    await refused(
      container({ cipher: 'aes256-gcm@openssh.com', kdf: 'bcrypt', options: options(16, 1), section: new Uint8Array(16) }),
      /wanted/,
    );
  });

  it('refuses a section whose parts disagree', async () => {
    const other = knownKey('ed25519Pkcs8').blob.slice(-32);
    await refused(container({ section: await section({ checks: [1, 2] }) }), /damaged/);
    await refused(container({ section: await section({ publicKey: other }) }), /two versions/);
    await refused(container({ section: await section({ half: other }) }), /two versions/);
    await refused(container({ section: await section({ type: 'ssh-foobar1' }) }), /unsupported key type/);
    await refused(
      container({ outer: knownKey('ed25519Pkcs8').blob, section: await section({}) }),
      /outside is not the one inside/,
    );
    // All three copies of the public key agree with each other, but not with the seed.
    const forged = await section({ publicKey: other, half: other });
    await refused(container({ outer: knownKey('ed25519Pkcs8').blob, section: forged }), /does not belong to the private part/);
  });

  it('insists on padding 1, 2, 3, ...', async () => {
    for (const padding of [
      [0, 0, 0, 0, 0],
      [1, 2, 3, 4, 4],
      [5, 5, 5, 5, 5],
      [2, 3, 4, 5, 6],
    ]) {
      await refused(container({ section: await section({ padding }) }), /bad padding/);
    }
  });
});

describe('the ASN.1 formats', () => {
  const zero = der.integer(Uint8Array.of(0));
  const one = der.integer(Uint8Array.of(1));
  const pkcs8 = (...parts: Uint8Array[]): string => encodePem('PRIVATE KEY', der.sequence(...parts), 64);
  const ed25519 = der.sequence(der.oid('1.3.101.112'));
  const seed = bytes('zEmhEty6du+LrQrxELc4O/sJ2AIn++b6sPZJH5kfBIA=');
  const key = der.octetString(der.octetString(seed));
  const point = knownKey('ed25519Pkcs8').blob.slice(-32);
  const implicit = (content: Uint8Array): Uint8Array => concat(Uint8Array.of(0x81, content.length), content);

  it('reads PKCS#8 of version 1 and 2, with attributes, and with the public key where it is right', async () => {
    const bits = implicit(concat(Uint8Array.of(0), point));
    const attributes = der.explicit(0, new Uint8Array(0));
    for (const file of [
      pkcs8(zero, ed25519, key),
      pkcs8(zero, ed25519, key, attributes),
      pkcs8(one, ed25519, key, attributes, bits),
    ]) {
      expect((await parsePrivateKey(file)).fingerprint).toBe(publicKeys.ed25519Pkcs8.sha256);
    }
    const wrong = implicit(concat(Uint8Array.of(0), knownKey('ed25519').blob.slice(-32)));
    await refused(pkcs8(one, ed25519, key, wrong), /does not belong/);
    await refused(pkcs8(one, ed25519, key, implicit(concat(Uint8Array.of(1), point))), /whole bytes/);
    await refused(pkcs8(zero, ed25519, key, bits), /too many/);
  });

  it('refuses what PKCS#8 should not be', async () => {
    await refused(pkcs8(der.integer(Uint8Array.of(2)), ed25519, key), /version 2/);
    await refused(pkcs8(zero, der.sequence(der.oid('1.3.101.112'), der.null()), key), /too many/);
    for (const length of [0, 31, 33, 64]) {
      await refused(pkcs8(zero, ed25519, der.octetString(der.octetString(new Uint8Array(length)))), /not 32/);
    }
    for (const [oid, why] of [
      ['1.2.840.10040.4.1', /DSA/],
      ['1.3.101.110', /X25519/],
      ['1.2.840.113549.1.1.10', /PSS/],
      ['1.2.3', /1\.2\.3/],
    ] as const) {
      await refused(pkcs8(zero, der.sequence(der.oid(oid)), key), why);
    }
    const explicit = der.sequence(der.oid('1.2.840.10045.2.1'), der.sequence(one));
    await refused(pkcs8(zero, explicit, key), /explicit curve parameters/);
    const secp256k1 = der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.3.132.0.10'));
    await refused(pkcs8(zero, secp256k1, key), /1\.3\.132\.0\.10/);
  });

  it('refuses EC keys that are not consistent', async () => {
    const sec1 = (...parts: Uint8Array[]): string => encodePem('EC PRIVATE KEY', der.sequence(...parts), 64);
    const p256 = der.explicit(0, der.oid('1.2.840.10045.3.1.7'));
    const scalar = der.octetString(Uint8Array.of(5));
    expect((await parsePrivateKey(sec1(one, scalar, p256))).getBits()).toBe(256);
    // A zero in front of a first bit that is set, as PuTTY writes it; one, and no more.
    const high = new Uint8Array(32).fill(0x80);
    const plain = await parsePrivateKey(sec1(one, der.octetString(high), p256));
    const padded = await parsePrivateKey(sec1(one, der.octetString(concat(Uint8Array.of(0), high)), p256));
    expect(padded.fingerprint).toBe(plain.fingerprint);
    await refused(sec1(one, der.octetString(concat(Uint8Array.of(0, 0), high)), p256), /scalar is too long/);
    await refused(sec1(one, der.octetString(concat(Uint8Array.of(1), high)), p256), /scalar is too long/);
    await refused(sec1(one, scalar), /does not name its curve/);
    await refused(sec1(zero, scalar, p256), /unknown version/);
    await refused(sec1(one, der.octetString(new Uint8Array(34)), p256), /too long/);
    for (const bad of [new Uint8Array(0), new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
      await refused(sec1(one, der.octetString(bad), p256), /not valid/);
    }
    const other = der.explicit(1, der.bitString(knownKey('nistp256').blob.slice(-65)));
    await refused(sec1(one, scalar, p256, other), /does not belong/);
    const p384 = der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.3.132.0.34'));
    await refused(pkcs8(zero, p384, der.octetString(der.sequence(one, scalar, p256))), /two curves/);
  });

  it('refuses RSA keys that are not consistent', async () => {
    const { n, e, d, p, q, iqmp } = secretComponents(await parsePrivateKey(text('PKCS#1 rsa'))) as unknown as Record<
      string,
      Uint8Array
    >;
    const rsa = (version: Uint8Array, ...numbers: (Uint8Array | undefined)[]): string =>
      encodePem(
        'RSA PRIVATE KEY',
        der.sequence(version, ...numbers.map((number) => der.integer(number ?? Uint8Array.of(1)))),
        64,
      );
    const x = Uint8Array.of(1);
    // The CRT exponents are computed, not believed.
    expect((await parsePrivateKey(rsa(zero, n, e, d, p, q, x, x, iqmp))).fingerprint).toBe(publicKeys.rsa.sha256);
    await refused(rsa(one, n, e, d, p, q, x, x, iqmp), /two primes/);
    await refused(rsa(zero, n, e, d, q, p, x, x, iqmp), /valid ssh-rsa private key/);
    await refused(rsa(zero, n, e, d, p, q, x, x, x), /valid ssh-rsa private key/);
    await refused(rsa(zero, n, e, p, p, q, x, x, iqmp), /valid ssh-rsa private key/);
    await refused(rsa(zero, n, e, d, x, n, x, x, iqmp), /valid ssh-rsa private key/);
    await refused(rsa(zero, n, x, d, p, q, x, x, iqmp), /less than 3/);
  });

  it('refuses old PEM encryption that it does not know', async () => {
    const file = text('PKCS#1 rsa AES-128-CBC');
    await refused(file.replace('AES-128-CBC', 'DES-CBC'), /'DES-CBC'/, { passphrase });
    await refused(file.replace('AES-128-CBC', 'DES-EDE3-CBC'), /IV/, { passphrase });
    await refused(file.replace(/DEK-Info.*/, 'DEK-Info: AES-128-CBC'), /IV/, { passphrase });
    await refused(file.replace(/DEK-Info.*\n/, ''), /''/, { passphrase });
    await refused(file.replace('4,ENCRYPTED', '4,MIC-ONLY'), /Proc-Type/, { passphrase });
  });

  describe('PBES2', () => {
    const algorithm = (kdf: Uint8Array, cipher: Uint8Array, data = new Uint8Array(16)): string =>
      encodePem(
        'ENCRYPTED PRIVATE KEY',
        der.sequence(der.sequence(der.oid('1.2.840.113549.1.5.13'), der.sequence(kdf, cipher)), der.octetString(data)),
        64,
      );
    const number = (value: number): Uint8Array => der.integer(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
    const aes = der.sequence(der.oid('2.16.840.1.101.3.4.1.42'), der.octetString(new Uint8Array(16)));
    const salt = der.octetString(new Uint8Array(8));
    const pbkdf2 = (...parts: Uint8Array[]): Uint8Array => der.sequence(der.oid('1.2.840.113549.1.5.12'), der.sequence(...parts));
    const scrypt = (...parts: Uint8Array[]): Uint8Array =>
      der.sequence(der.oid('1.3.6.1.4.1.11591.4.11'), der.sequence(...parts));

    it.each<[string, string, RegExp]>([
      ['no iterations', algorithm(pbkdf2(salt, number(0)), aes), /0 iterations/],
      ['too many iterations', algorithm(pbkdf2(salt, number(10_000_001)), aes), /10000001 iterations/],
      ['a wrong key length', algorithm(pbkdf2(salt, number(1), number(16)), aes), /key length/],
      ['an unknown PRF', algorithm(pbkdf2(salt, number(1), der.sequence(der.oid('1.2.3'))), aes), /1\.2\.3/],
      ['a huge salt', algorithm(pbkdf2(der.octetString(new Uint8Array(1025)), number(1)), aes), /salt/],
      ['N that is no power of two', algorithm(scrypt(salt, number(1000), number(8), number(1)), aes), /not valid/],
      ['N of 1', algorithm(scrypt(salt, number(1), number(8), number(1)), aes), /not valid/],
      ['r of 0', algorithm(scrypt(salt, number(1024), number(0), number(1)), aes), /not valid/],
      ['a gigabyte of scrypt', algorithm(scrypt(salt, number(1 << 20), number(8), number(1)), aes), /beyond the limit/],
      ['many lanes of scrypt', algorithm(scrypt(salt, number(1024), number(8), number(17)), aes), /beyond the limit/],
      ['an unknown kdf', algorithm(der.sequence(der.oid('1.2.3')), aes), /key derivation \(1\.2\.3\)/],
      ['an unknown cipher', algorithm(pbkdf2(salt, number(1)), der.sequence(der.oid('1.2.3'))), /cipher \(1\.2\.3\)/],
      ['a short IV', algorithm(pbkdf2(salt, number(1)), der.sequence(der.oid('2.16.840.1.101.3.4.1.42'), salt)), /IV of 8 bytes/],
      ['half a block', algorithm(pbkdf2(salt, number(1)), aes, new Uint8Array(15)), /whole blocks/],
      [
        'PBES1',
        encodePem('ENCRYPTED PRIVATE KEY', der.sequence(der.sequence(der.oid('1.2.840.113549.1.5.3'), der.sequence()), salt), 64),
        /openssl pkcs8/,
      ],
    ])('refuses %s', (_what, file, why) => refused(file, why, { passphrase }));
  });
});

describe('files on disk', () => {
  it('are read, and named in every error', async () => {
    await using dir = tempDir();
    const file = dir.write('key', text('OpenSSH ed25519 aes256-ctr'));
    expect((await readPrivateKey(file, { passphrase })).fingerprint).toBe(publicKeys.ed25519.sha256);
    expect(await errorOf(() => readPrivateKey(file))).toMatchObject({
      reason: 'missing',
      file,
      format: 'OpenSSH private key',
      message: `${file}: OpenSSH private key: the key is encrypted and no passphrase was given`,
    });
    expect(await errorOf(() => readPrivateKey(file, { passphrase: 'x' }))).toMatchObject({ reason: 'wrong', file });

    const absent = dir.join('absent');
    const error = await errorOf(() => readPrivateKey(absent));
    expect(error).toMatchObject({ code: 'ERR_SSH_KEY_FORMAT', file: absent, cause: { code: 'ENOENT' } });
    expect((error as Error).message).toMatch(/absent: cannot be read: ENOENT/);
    expect(await errorOf(() => readPrivateKey(dir.path))).toMatchObject({ file: dir.path, cause: { code: 'EISDIR' } });
    expect(await errorOf(() => readPublicKey(absent))).toMatchObject({ file: absent, cause: { code: 'ENOENT' } });

    const bad = dir.write('bad', 'PuTTY-User-Key-File-2: x');
    expect(await errorOf(() => readPrivateKey(bad))).toMatchObject({
      file: bad,
      message: expect.stringMatching(/bad: PuTTY private key \(PPK 2\): unsupported key type 'x'/),
    });
  });

  it('of up to 1 MiB', async () => {
    await using dir = tempDir();
    const key = text('OpenSSH ed25519');
    const filled = dir.write('filled', key + '\n'.repeat(1_048_576 - key.length));
    expect((await readPrivateKey(filled)).fingerprint).toBe(publicKeys.ed25519.sha256);
    const large = dir.join('large');
    writeFileSync(large, key + '\n'.repeat(1_048_577 - key.length));
    expect(await errorOf(() => readPrivateKey(large))).toMatchObject({
      file: large,
      message: expect.stringMatching(/more than the 1048576/),
    });
    if (process.platform === 'linux') {
      expect(await errorOf(() => readPrivateKey('/dev/zero'))).toMatchObject({ message: expect.stringMatching(/more than/) });
    }
  });

  it('with a signal', async () => {
    await using dir = tempDir();
    const file = dir.write('key', text('OpenSSH ed25519'));
    const reason = new Error('enough');
    await expect(readPrivateKey(file, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('public keys', () => {
  it('are read from text, bytes of text, blobs and files', async () => {
    await using dir = tempDir();
    const { line, sha256 } = publicKeys.nistp521;
    const padded = `# a comment\n\n${line}\r\n\n`;
    const file = dir.write('key.pub', padded);
    for (const key of [line, padded, `\uFEFF${line}`, encodeUtf8(padded), knownKey('nistp521').blob].map(parsePublicKey)) {
      expect(key.fingerprint).toBe(sha256);
    }
    expect((await readPublicKey(file)).toString()).toBe(line);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /empty/],
    ['comments', '# x\n', /empty/],
    ['no bytes', new Uint8Array(0), /empty/],
    ['two keys', `${publicKeys.rsa.line}\n${publicKeys.ed25519.line}`, /2 lines/],
    ['a private key', text('OpenSSH ed25519'), /private key.*\.pub/],
    ['RFC 4716 that is cut off', '---- BEGIN SSH2 PUBLIC KEY ----', /RFC 4716 public key: it is cut off/],
    ['SPKI that is cut off', '-----BEGIN PUBLIC KEY-----', /PUBLIC KEY.*cut off/],
    ['PPK', 'PuTTY-User-Key-File-3: ssh-rsa', /PuTTY private key.*puttygen/],
    ['another armour', '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----', /a private key/],
    ['nonsense in armour', '---- BEGIN X ----', /'---- BEGIN X ----'/],
    ['X.509', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', /CERTIFICATE/],
    ['a certificate', 'ssh-rsa-cert-v01@openssh.com AAAA', /OpenSSH certificate.*parseCertificate or readCertificate/],
    ['too much text', 'x'.repeat(1_048_577), /too many/],
    ['too much', new Uint8Array(1_048_577), /too many/],
    ['UTF-16', new Uint8Array(Buffer.from(`\uFEFF${publicKeys.rsa.line}`, 'utf16le')), /UTF-16/],
  ])('refuses %s', (_what, data, why) => {
    expect(() => parsePublicKey(data)).toThrow(KeyFormatError);
    expect(() => parsePublicKey(data)).toThrow(why);
  });
});
