// Certificates as bytes: what is in them counts only where the authority has signed it.

import { beforeAll, describe, expect, it } from 'vitest';
import { concat, encodeUtf8 } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { KeyFormatError, UsageError } from '../../../src/errors.ts';
import { certificateBody, FOREVER, optionText } from '../../../src/keys/certificate.ts';
import {
  Certificate,
  generateKey,
  type PrivateKey,
  parseCertificate,
  signCertificate,
  withCertificate,
} from '../../../src/keys.ts';
import { Writer } from '../../../src/wire/writer.ts';

let ca: PrivateKey;
let key: PrivateKey;
let good: Certificate;

beforeAll(async () => {
  ca = await generateKey('ed25519');
  key = await generateKey('ed25519');
  good = await signCertificate(ca, key.publicKey, { kind: 'user', keyId: 'id', principals: ['alice', 'bob'] });
});

/** Signed by the authority, whatever it says. */
function signed(body: Uint8Array): Uint8Array {
  return new Writer().raw(body).string(ca.sign(body, 'ssh-ed25519')).finish();
}

function contents(change: object = {}) {
  const none = new Map<string, Uint8Array>();
  const plain = { publicKey: key.publicKey, serial: 1n, kind: 'user' as const, keyId: 'id', principals: ['alice'] };
  return { ...plain, validAfter: 100n, validBefore: 200n, criticalOptions: none, extensions: none, ...change };
}

function certificate(change: object = {}): Certificate {
  return Certificate.parse(signed(certificateBody(contents(change), new Uint8Array(32), ca.publicKey)), nodeCrypto);
}

describe('a certificate', () => {
  it('comes out as it went in', () => {
    const options = new Map([
      ['force-command', new Writer().string('true').finish()],
      ['source-address', new Writer().string('10.0.0.0/8').finish()],
    ]);
    const read = certificate({ serial: 2n ** 64n - 1n, validBefore: FOREVER, criticalOptions: options });
    expect(read).toMatchObject({
      serial: 2n ** 64n - 1n,
      kind: 'user',
      keyId: 'id',
      principals: ['alice'],
      validBefore: FOREVER,
    });
    expect(optionText(read.criticalOptions.get('force-command') as Uint8Array)).toBe('true');
    expect(read.publicKey.certificate).toBe(read);
    expect(read.publicKey.equals(key.publicKey)).toBe(true);
    expect(parseCertificate(`${good}`).equals(good)).toBe(true);
    expect(parseCertificate(good.blob).equals(good)).toBe(true);
  });

  it('is nothing once a byte has changed, is missing, or was added', () => {
    for (let i = 0; i < good.blob.length; i++) {
      const changed = good.blob.slice();
      changed[i] = (changed[i] as number) ^ 1;
      expect(() => Certificate.parse(changed, nodeCrypto), `byte ${i}`).toThrow(KeyFormatError);
      expect(() => Certificate.parse(good.blob.slice(0, i), nodeCrypto)).toThrow(KeyFormatError);
    }
    expect(() => Certificate.parse(concat(good.blob, Uint8Array.of(0)), nodeCrypto)).toThrow(KeyFormatError);
  });

  it.each([
    ['an option twice', () => concat(...['a', 'a'].map((name) => new Writer().string(name).string('').finish()))],
    ['half an option', () => new Writer().string('a').finish()],
  ])('with %s is refused', (_name, options) => {
    const body = certificateBody(
      contents({ criticalOptions: new Map([['x', encodeUtf8('')]]) }),
      new Uint8Array(32),
      ca.publicKey,
    );
    const one = new Writer().string(new Writer().string('x').string('').finish()).finish();
    const at = Buffer.from(body).indexOf(one);
    const other = concat(body.subarray(0, at), new Writer().string(options()).finish(), body.subarray(at + one.length));
    expect(() => Certificate.parse(signed(other), nodeCrypto)).toThrow(KeyFormatError);
  });

  it.each([
    ['its key ID', { keyId: 'id\0' }, /NUL byte in the key ID/],
    ['a principal', { principals: ['bob', 'alice\0bob'] }, /NUL byte in a principal/],
  ])('with a NUL byte in %s is refused, as by OpenSSH', (_name, change, why) => {
    expect(() => certificate(change)).toThrow(KeyFormatError);
    expect(() => certificate(change)).toThrow(why);
  });

  it('has no text in an option with a NUL byte, nor with something behind it', () => {
    expect(optionText(new Writer().string('tr\0ue').finish())).toBeNull();
    expect(optionText(new Writer().string('true').u8(0).finish())).toBeNull();
  });

  it('names at most 256 principals', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`);
    expect(certificate({ principals: names(256) }).principals.length).toBe(256);
    expect(() => certificate({ principals: names(257) })).toThrow(/more than 256/);
  });

  it('by an authority that is a certificate itself is refused by name', () => {
    const body = certificateBody(contents(), new Uint8Array(32), good as never);
    expect(() => Certificate.parse(signed(body), nodeCrypto)).toThrow(/is an OpenSSH certificate, where a plain key is due/);
  });

  it('signed with SHA-1 is refused', async () => {
    const old = await generateKey('rsa', { bits: 2048 });
    const body = certificateBody(contents(), new Uint8Array(32), old.publicKey);
    const blob = (algorithm: 'ssh-rsa' | 'rsa-sha2-256') => new Writer().raw(body).string(old.sign(body, algorithm)).finish();
    expect(Certificate.parse(blob('rsa-sha2-256'), nodeCrypto).signatureAlgorithm).toBe('rsa-sha2-256');
    expect(() => Certificate.parse(blob('ssh-rsa'), nodeCrypto)).toThrow(/ssh-rsa/);
  });
});

describe('refusal', () => {
  it.each([
    [{}, 'user', 'alice', 100, null],
    [{}, 'user', null, 199.9, null],
    [{}, 'user', 'alice', 99.9, /not yet valid/],
    [{}, 'user', 'alice', 200, /expired/],
    [{}, 'host', 'alice', 150, /user certificate/],
    [{ kind: 'host' }, 'user', 'alice', 150, /host certificate/],
    [{}, 'user', 'ali', 150, /not one of its principals/],
    [{ principals: ['alice,bob'] }, 'user', 'bob', 150, /not one of its principals/],
    [{ principals: [] }, 'user', 'alice', 150, /no principals/],
    [{ principals: [] }, 'user', null, 150, /no principals/],
    [{ validBefore: FOREVER }, 'user', 'alice', 2 ** 40, null],
    [{ validAfter: FOREVER - 1n, validBefore: FOREVER }, 'user', 'alice', 2 ** 40, /not yet valid/],
  ] as const)('%o for %s %s at %d', (change, kind, principal, now, expected) => {
    const why = certificate(change).refusal(kind, principal, now);
    if (expected === null) expect(why).toBeNull();
    else expect(why).toMatch(expected);
  });
});

describe('signCertificate and withCertificate', () => {
  it.each([
    [{ principals: [] }, /principal/],
    [{ principals: ['a,b'] }, /comma/],
    [{ kind: 'host', criticalOptions: { 'force-command': 'x' } }, /host certificates/],
    [{ validAfter: new Date(2000), validBefore: new Date(1000) }, /end before/],
    [{ validAfter: new Date(Number.NaN) }, /date/],
    [{ kind: 'usr' }, /'user' or a 'host'/],
    [{ serial: -1n }, /serial/],
    [{ serial: 2n ** 64n }, /serial/],
    [{ serial: 1 }, /serial/],
  ] as const)('refuse %o', async (change, why) => {
    const options = { kind: 'user', keyId: 'x', principals: ['a'], ...change } as never;
    const made = signCertificate(ca, key.publicKey, options);
    await expect(made).rejects.toThrow(UsageError);
    await expect(made).rejects.toThrow(why);
  });

  it('refuse a certificate for another key', () => {
    expect(withCertificate(key, good).publicKey.certificate).toBe(good);
    expect(() => withCertificate(ca, good)).toThrow(UsageError);
  });
});
