// JSON Web Keys: the RFCs' own, round trips, and everything that is not to be taken.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes/bytes.ts';
import { KeyFormatError, SSHError } from '../../../src/errors.ts';
import { secretComponents } from '../../../src/keys/private-key.ts';
import { formatPrivateKey, formatPublicKey, generateKey, parsePrivateKey, parsePublicKey } from '../../../src/keys.ts';
import { errorOf, knownKey } from './support.ts';
import { files, publicKeys } from './vectors.ts';

/** RFC 8037 appendix A.1, which is RFC 8032's test 1. */
const ed25519 = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};
/** RFC 7517 appendix A.2. */
const nistp256 = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
};

const json = (members: object): string => JSON.stringify(members);
const plain = Object.entries(files).filter(([, file]) => !file.encrypted);
const rsa = async () =>
  JSON.parse(await formatPrivateKey(await parsePrivateKey(files['PKCS#1 rsa']?.text ?? ''), { format: 'jwk' }));

async function refused(members: object | string, why: RegExp): Promise<void> {
  const error = await errorOf(() => parsePrivateKey(typeof members === 'string' ? members : json(members)));
  expect(error).toBeInstanceOf(KeyFormatError);
  expect((error as Error).message).toMatch(/^JSON Web Key \(JWK\): /);
  expect((error as Error).message).toMatch(why);
}

describe('the RFC keys', () => {
  it.each([
    ['ed25519', ed25519, 'ssh-ed25519', 'EdDSA'],
    ['nistp256', nistp256, 'ecdsa-sha2-nistp256', 'ES256'],
  ] as const)('%s', async (_name, jwk, type, alg) => {
    const key = await parsePrivateKey(json({ ...jwk, use: 'sig', key_ops: ['sign'], alg, kid: 'a key' }));
    expect([key.getName(), key.comment]).toEqual([type, 'a key']);
    expect(JSON.parse(await formatPrivateKey(key, { format: 'jwk' }))).toEqual({ ...jwk, kid: 'a key' });
    const { d: _secret, ...open } = jwk;
    const publicKey = parsePublicKey(`\uFEFF\n ${json({ ...open, key_ops: ['verify'] })}`);
    expect(publicKey.equals(key.publicKey)).toBe(true);
    expect(JSON.parse(formatPublicKey(publicKey, { format: 'jwk' }))).toEqual(open);
  });
});

describe.each(plain)('%s', (_name, file) => {
  it('comes back from JSON as it was', async () => {
    const key = await parsePrivateKey(file.text);
    const text = await formatPrivateKey(key, { format: 'jwk' });
    expect(secretComponents(await parsePrivateKey(encodeUtf8(text)))).toEqual(secretComponents(key));
    expect(parsePublicKey(formatPublicKey(key.publicKey, { format: 'jwk' })).equals(key.publicKey)).toBe(true);
  });
});

describe('a private JWK', () => {
  it.each<[string, object | string, RegExp]>([
    ['no JSON', '{"kty":', /not valid JSON/],
    ['JSON a hundred thousand deep', `{"a":${'['.repeat(100_000)}`, /not valid JSON/],
    ['a set', { keys: [nistp256] }, /a set of keys/],
    ['a JWE', { protected: '', ciphertext: 'AAAA' }, /JWE/],
    ['no type', { ...nistp256, kty: undefined }, /no 'kty'/],
    ['a type that is no text', { ...nistp256, kty: { toString: 1 } }, /no 'kty'/],
    ['a secret', { kty: 'oct', k: 'AAAA', d: '' }, /of type 'oct'/],
    ['a public key', { ...nistp256, d: undefined }, /public key where a private key/],
    ['no curve', { ...nistp256, crv: undefined }, /no 'crv'/],
    ['another curve', { ...nistp256, crv: 'secp256k1' }, /'secp256k1', which SSH does not use/],
    ['a curve from elsewhere', { ...nistp256, crv: 'toString' }, /'toString'/],
    ['X25519', { kty: 'OKP', crv: 'X25519', d: '', x: '' }, /'X25519'/],
    ['a curve of another type', { ...nistp256, kty: 'OKP' }, /'P-256'/],
    ['Ed25519 as EC', { ...nistp256, crv: 'Ed25519' }, /'Ed25519'/],
    ['a key for encryption', { ...nistp256, use: 'enc' }, /not for signatures/],
    ['operations without sign', { ...nistp256, key_ops: ['verify'] }, /do not have 'sign'/],
    ['operations that are no list', { ...nistp256, key_ops: 'sign' }, /do not have 'sign'/],
    ['another algorithm', { ...nistp256, alg: 'ECDH-ES' }, /'ECDH-ES'/],
    ['the algorithm of another curve', { ...nistp256, alg: 'ES384' }, /'ES384'/],
    ['an algorithm that is no text', { ...nistp256, alg: { toString: 1 } }, /that is no text/],
    ['a kid that is no text', { ...nistp256, kid: 5 }, /'kid' is not a string/],
    ['no y', { ...nistp256, y: undefined }, /no 'y'/],
    ['padding', { ...nistp256, d: `${nistp256.d}=` }, /'d' is not base64url/],
    ['plain base64', { ...nistp256, d: nistp256.d.replace('M', '+') }, /'d' is not base64url/],
    ['white space', { ...nistp256, d: ` ${nistp256.d}` }, /'d' is not base64url/],
    ['leftover bits', { ...nistp256, d: nistp256.d.replace(/.$/, 'F') }, /'d' is not base64url/],
    ['a number that is a number', { ...nistp256, d: 7 }, /'d' is not base64url/],
    ['a short d', { ...nistp256, d: 'AAAA' }, /'d' has 3 bytes, not 32/],
    ['a long x', { ...nistp256, x: `AAAA${nistp256.x}` }, /'x' has 35 bytes, not 32/],
    ['another y', { ...nistp256, y: nistp256.x }, /does not belong to the private part/],
    ['a secret of another key', { ...nistp256, d: nistp256.x }, /does not belong to the private part/],
    ['a secret of zero', { ...nistp256, d: 'A'.repeat(43) }, /not valid/],
  ])('is refused with %s', (_what, members, why) => refused(members, why));

  it('of RSA is refused where a number is missing, padded, or does not belong there', async () => {
    const good = await rsa();
    expect((await parsePrivateKey(json(good))).fingerprint).toBe(publicKeys.rsa.sha256);
    for (const name of ['n', 'e', 'q', 'dp', 'dq', 'qi']) {
      await refused({ ...good, [name]: undefined }, new RegExp(`no '${name}'`));
      await refused({ ...good, [name]: `AA${good[name]}`.slice(0, 4) }, new RegExp(`'${name}' is not a positive number`));
      await refused({ ...good, [name]: '' }, new RegExp(`'${name}' is not a positive number`));
    }
    await refused({ ...good, p: undefined }, /without its primes/);
    await refused({ ...good, oth: [] }, /more than two primes/);
    await refused({ ...good, alg: 'RSA-OAEP' }, /'RSA-OAEP'/);
    await refused({ ...good, p: good.q }, /do not make a valid/);
    await refused({ ...good, d: good.dp }, /do not make a valid/);
    await refused({ ...good, e: 'Aw' }, /do not make a valid/);
  });

  it('keeps its text to itself', async () => {
    const error = await errorOf(() => parsePrivateKey('{"d":"hunter2"'));
    expect((error as Error).message).not.toContain('hunter2');
  });

  it('is whatever JSON says, or an SSHError', async () => {
    const members = fc.dictionary(
      fc.constantFrom('kty', 'crv', 'd', 'x', 'y', 'n', 'e', 'kid', 'use', 'alg', '__proto__', 'toString', 'keys'),
      fc.oneof(fc.constantFrom('OKP', 'EC', 'RSA', 'Ed25519', 'P-256', 'A'.repeat(43)), fc.jsonValue()),
    );
    await fc.assert(
      fc.asyncProperty(members, async (jwk) => {
        const refusal = await parsePrivateKey(json({ ...nistp256, ...jwk })).then(
          () => null,
          (error: unknown) => error,
        );
        expect(refusal === null || refusal instanceof SSHError).toBe(true);
        const error = thrown(() => parsePublicKey(json(jwk)));
        expect(error === null || error instanceof SSHError).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('cut or changed anywhere is never another key', async () => {
    const own = (await parsePrivateKey(json(nistp256))).fingerprint;
    const text = encodeUtf8(json(nistp256));
    const read = async (bytes: Uint8Array): Promise<string | null> => {
      try {
        return (await parsePrivateKey(bytes)).fingerprint;
      } catch (error) {
        if (!(error instanceof SSHError)) throw error;
        return null;
      }
    };
    for (let end = 0; end < text.length; end++) expect(await read(text.subarray(0, end))).toBeNull();
    for (let bit = 0; bit < text.length * 8; bit++) {
      const changed = text.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect([null, own]).toContain(await read(changed));
    }
  });
});

describe('a public JWK', () => {
  it('is refused where it is a private one, or for another purpose', () => {
    const { d: _secret, ...open } = nistp256;
    expect(() => parsePublicKey(json(nistp256))).toThrow(/a private key where a public key is expected/);
    expect(() => parsePublicKey(json({ ...open, key_ops: ['sign'] }))).toThrow(/do not have 'verify'/);
    expect(() => parsePublicKey(json({ ...open, use: 'enc' }))).toThrow(/not for signatures/);
    expect(() => parsePublicKey(json({ ...open, y: open.x }))).toThrow(/^JSON Web Key \(JWK\): .*not on nistp256/);
  });

  it('has no form for FIDO keys', async () => {
    const line =
      'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIMXx1VzMYmlZ8vLxmX7Cd0N1AVBqzpaLXzGNLbfQ7bYXAAAABHNzaDo=';
    for (const format of ['jwk', 'pem', 'pkcs8'] as const) {
      expect(() => formatPublicKey(parsePublicKey(line), { format })).toThrow(/no place for a FIDO key/);
    }
  });

  it('has the comment as its kid', async () => {
    const { publicKey } = await generateKey('ed25519', { comment: 'ü "me"' });
    expect(parsePublicKey(formatPublicKey(publicKey, { format: 'jwk' })).comment).toBe('ü "me"');
    expect(JSON.parse(formatPublicKey(knownKey('ed25519Pkcs8'), { format: 'jwk' }))).not.toHaveProperty('kid');
  });
});

function thrown(run: () => unknown): unknown {
  try {
    run();
    return null;
  } catch (error) {
    return error;
  }
}
