// Public keys in files other than OpenSSH's: RFC 4716 with its headers, PEM, certificates where keys are due, and what is damaged.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8, toBase64 } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { KeyFormatError, SSHError, UsageError } from '../../../src/errors.ts';
import { der } from '../../../src/keys/formats/der.ts';
import { encodePem } from '../../../src/keys/formats/pem.ts';
import { PublicKey } from '../../../src/keys/public-key.ts';
import {
  formatPublicKey,
  generateKey,
  type PublicKeyFormat,
  parsePublicKey,
  readCertificate,
  readPublicKey,
  signCertificate,
} from '../../../src/keys.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { tempDir } from '../../support/peers.ts';
import { errorOf, knownKey } from './support.ts';
import { publicKeys } from './vectors.ts';

/** RFC 4716 section 3.6 has this form; the key is ours. */
const body = toBase64(knownKey('ed25519').blob);
const armour = (...lines: string[]): string =>
  ['---- BEGIN SSH2 PUBLIC KEY ----', ...lines, '---- END SSH2 PUBLIC KEY ----', ''].join('\n');
const formats: readonly PublicKeyFormat[] = ['openssh', 'rfc4716', 'pkcs8', 'pem', 'jwk'];
const names = Object.keys(publicKeys) as (keyof typeof publicKeys)[];
const written = names.flatMap((name) =>
  formats.filter((format) => format !== 'pem' || !name.startsWith('ed25519')).map((format) => [name, format] as const),
);

function refused(text: string | Uint8Array, why: RegExp): void {
  expect(() => parsePublicKey(text)).toThrow(KeyFormatError);
  expect(() => parsePublicKey(text)).toThrow(why);
}

describe('RFC 4716', () => {
  it.each<[string, string, string]>([
    ['no header', armour(body), ''],
    ['a comment', armour('Comment: a comment', body), 'a comment'],
    ['a quoted comment', armour('Comment: "a \'comment"', body), "a 'comment"],
    ['one quote', armour('Comment: "', body), '"'],
    ['an empty comment', armour('Comment: ""', body), ''],
    ['a comment without a space', armour('comment:x', body), 'x'],
    ['headers over several lines', armour('Comment: "this \\', 'goes \\', ' on"', 'Subject: m\\', 'e', body), 'this goes  on'],
    ['a continued line that looks like a header', armour('X-a: b\\', 'Comment: no', 'COMMENT: yes', body), 'yes'],
    ['other headers', armour('Subject: me', 'x-command: /bin/sh', body), ''],
    ['short lines', armour(...(body.match(/.{1,5}/g) ?? [])), ''],
    ['things around it', `# from the router\n\n${armour('Comment: c', '', body)}\n\n`, 'c'],
    ['CRLF', armour('Comment: c', body).replaceAll('\n', '\r\n'), 'c'],
    ['CR', armour('Comment: c', body).replaceAll('\n', '\r'), 'c'],
  ])('with %s is read', (_what, text, comment) => {
    for (const form of [text, `\uFEFF${text}`, encodeUtf8(text)]) {
      const key = parsePublicKey(form);
      expect([key.fingerprint, key.comment]).toEqual([publicKeys.ed25519.sha256, comment]);
    }
  });

  it.each<[string, string, RegExp]>([
    ['nothing in it', armour(), /not base64/],
    ['only headers', armour('Comment: x'), /not base64/],
    ['no end', armour(body).replace(/---- END.*/, ''), /^RFC 4716 public key: it is cut off/],
    ['two keys', armour(body) + armour(body), /more after the key/],
    ['text after it', `${armour(body)}more`, /more after the key/],
    ['another first line', armour(body).replace('KEY ----', 'KEYS ----'), /first line/],
    ['no base64', armour('*'), /not base64/],
    ['a header without end', armour('Comment: x\\'), /goes on and on/],
    ['a megabyte of header', armour(`Comment: x\\\n${'aa\\\n'.repeat(250_000)}`, body), /goes on and on/],
    ['a header behind the key', armour(body, 'Comment: x'), /not base64/],
    ['a long header', armour(`Comment: ${'x'.repeat(1025)}`, body), /more than 1024 bytes/],
    ['many headers', armour(...new Array<string>(65).fill('X-y: z'), body), /more than 64 headers/],
    ['half a key', armour(body.slice(0, 40)), /^RFC 4716 public key: SSH public key: /],
    ['DSA', armour(toBase64(new Writer().string('ssh-dss').finish())), /DSA/],
  ])('with %s is refused', (_what, text, why) => refused(text, why));

  it('is written in lines of at most 72 bytes, whatever the comment', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 250 }), (text) => {
        const key = PublicKey.parse(knownKey('rsa').blob, nodeCrypto, text.trim());
        const file = formatPublicKey(key, { format: 'rfc4716' });
        for (const line of file.split('\n')) expect(encodeUtf8(line).length).toBeLessThanOrEqual(72);
        const again = parsePublicKey(file);
        expect(again.equals(key)).toBe(true);
        expect(again.comment.trim()).toBe(
          text
            .trim()
            .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
            .trim(),
        );
      }),
      { numRuns: 300 },
    );
    const long = PublicKey.parse(knownKey('rsa').blob, nodeCrypto, 'x'.repeat(1023));
    expect(() => formatPublicKey(long, { format: 'rfc4716' })).toThrow(UsageError);
  });
});

describe('PEM', () => {
  const spki = (...parts: Uint8Array[]): string => encodePem('PUBLIC KEY', der.sequence(...parts), 64);
  const ed25519 = der.sequence(der.oid('1.3.101.112'));
  const point = knownKey('ed25519').blob.slice(-32);

  it('reads what this test writes', () => {
    expect(parsePublicKey(spki(ed25519, der.bitString(point))).equals(knownKey('ed25519'))).toBe(true);
  });

  it.each<[string, string, RegExp]>([
    ['bytes after the key', spki(ed25519, der.bitString(point), der.null()), /2 bytes too many/],
    ['parameters for Ed25519', spki(der.sequence(der.oid('1.3.101.112'), der.null()), der.bitString(point)), /too many/],
    ['X25519', spki(der.sequence(der.oid('1.3.101.110')), der.bitString(point)), /X25519, which cannot sign/],
    ['an unknown algorithm', spki(der.sequence(der.oid('1.2.3')), der.bitString(point)), /1\.2\.3/],
    ['secp256k1', spki(der.sequence(der.oid('1.2.840.10045.2.1'), der.oid('1.3.132.0.10')), der.bitString(point)), /1\.3\.132/],
    [
      'explicit curve parameters',
      spki(der.sequence(der.oid('1.2.840.10045.2.1'), der.sequence()), der.bitString(point)),
      /explicit/,
    ],
    ['a short point', spki(ed25519, der.bitString(point.subarray(1))), /31 bytes, not 32/],
    [
      'a small RSA key',
      encodePem('RSA PUBLIC KEY', der.sequence(der.integer(point), der.integer(Uint8Array.of(3))), 64),
      /modulus/,
    ],
    ['two keys', spki(ed25519, der.bitString(point)).repeat(2), /2 blocks/],
    ['headers', spki(ed25519, der.bitString(point)).replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'), /headers/],
    ['a malformed first line', '-----BEGIN public key-----\nAAAA\n', /malformed/],
    ['a private key', '-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n', /private key.*\.pub/],
  ])('with %s is refused', (_what, text, why) => refused(text, why));
});

describe.each(written)('%s as %s', (name, format) => {
  const key = knownKey(name);
  const text = formatPublicKey(key, { format });

  it('is itself again, with its comment where there is a place for one', () => {
    const again = parsePublicKey(text);
    expect(again.equals(key)).toBe(true);
    expect(again.comment).toBe(format === 'pkcs8' || format === 'pem' ? '' : key.comment);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('cut or changed anywhere is another key or an error, and never another error', () => {
    const bytes = encodeUtf8(text);
    const attempt = (data: Uint8Array): void => {
      try {
        // A public key has nothing that protects it: another one is as good, if it is one.
        const again = parsePublicKey(data);
        expect(PublicKey.parse(again.blob, nodeCrypto).equals(again)).toBe(true);
      } catch (error) {
        if (!(error instanceof SSHError)) throw error;
        expect(error).toBeInstanceOf(KeyFormatError);
      }
    };
    for (let end = 0; end < bytes.length; end++) attempt(bytes.subarray(0, end));
    fc.assert(
      fc.property(fc.nat({ max: bytes.length * 8 - 1 }), (bit) => {
        const changed = bytes.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        attempt(changed);
      }),
      { numRuns: 200 },
    );
  });
});

describe('formatPublicKey', () => {
  it('writes one line for OpenSSH, whatever the comment', () => {
    const key = PublicKey.parse(knownKey('ed25519').blob, nodeCrypto, 'a\nssh-rsa AAAA\r\u2028b');
    expect(formatPublicKey(key)).toBe(`ssh-ed25519 ${body} a ssh-rsa AAAA b\n`);
    expect(formatPublicKey(knownKey('ed25519Pkcs8'))).toBe(`${publicKeys.ed25519Pkcs8.line}\n`);
  });

  it('refuses what there is not', () => {
    expect(() => formatPublicKey(knownKey('ed25519'), { format: 'pem' })).toThrow(/'pem' has no place for an Ed25519 key/);
    expect(() => formatPublicKey(knownKey('ed25519'), { format: 'ppk' as 'pem' })).toThrow(UsageError);
    expect(() => formatPublicKey(knownKey('ed25519'), { format: 'toString' as 'pem' })).toThrow(UsageError);
  });
});

describe('certificates', () => {
  it('are refused by name where a key is due, and read from their files', async () => {
    await using dir = tempDir();
    const [ca, key] = [await generateKey('ed25519'), await generateKey('ecdsa')];
    const certificate = await signCertificate(ca, key.publicKey, { kind: 'user', keyId: 'me', principals: ['me'], comment: 'c' });
    const line = `${certificate.type} ${toBase64(certificate.blob)} c`;
    const file = dir.write('key-cert.pub', `${line}\n`);
    for (const data of [line, certificate.blob, armour(toBase64(certificate.blob))]) {
      refused(data, /OpenSSH certificate \(ecdsa-sha2-nistp256-cert-v01@openssh\.com\).*parseCertificate or readCertificate/);
    }
    expect(await errorOf(() => readPublicKey(file))).toMatchObject({ file, message: expect.stringMatching(/readCertificate/) });
    const read = await readCertificate(file);
    expect([read.keyId, read.comment, read.publicKey.equals(key.publicKey)]).toEqual(['me', 'c', true]);
    const plain = dir.write('key.pub', `${key}\n`);
    for (const wrong of [plain, dir.join('absent'), dir.write('damaged', line.replace('AAAA', 'AAAB'))]) {
      const error = await errorOf(() => readCertificate(wrong));
      expect(error).toBeInstanceOf(KeyFormatError);
      expect(error).toMatchObject({ file: wrong });
    }
  });
});
