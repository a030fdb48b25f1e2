// PublicKey: what it accepts, what it refuses, what it prints and what it verifies. Literal vectors only.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, toBase64, toHex } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { KeyFormatError, SSHError, UsageError } from '../../../src/errors.ts';
import { encodePublicBlob } from '../../../src/keys/public-blob.ts';
import { PublicKey } from '../../../src/keys/public-key.ts';
import { encodeSignature, signatureAlgorithms } from '../../../src/keys/signature.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { bytes, data, knownKey, sshSignature } from './support.ts';
import { type KnownKey, publicKeys, signatures } from './vectors.ts';

const parse = (blob: Uint8Array): PublicKey => PublicKey.parse(blob, nodeCrypto);
const names = Object.keys(publicKeys) as (keyof typeof publicKeys)[];

const rsaBlob = (n: Uint8Array, e: Uint8Array): Uint8Array => new Writer().string('ssh-rsa').mpint(e).mpint(n).finish().slice();
const ed25519Blob = (point: Uint8Array): Uint8Array => new Writer().string('ssh-ed25519').string(point).finish().slice();
const odd = (length: number): Uint8Array => new Uint8Array(length).fill(0xff);
const e65537 = Uint8Array.of(1, 0, 1);

describe.each(names)('the known %s key', (name) => {
  const known: KnownKey = publicKeys[name];
  const key = knownKey(name);

  it('has the fingerprints that ssh-keygen prints', () => {
    expect(key.fingerprint).toBe(known.sha256);
    expect(key.getFingerprint()).toBe(known.sha256);
    expect(key.getFingerprint('md5')).toBe(known.md5);
    // By another hash it would be one that says it is by SHA-256.
    expect(() => key.getFingerprint('sha1' as never)).toThrow(UsageError);
  });

  it('prints as the line that it came from', () => {
    expect(key.toString()).toBe(known.line);
    expect(JSON.stringify({ key })).toBe(JSON.stringify({ key: known.line }));
    expect(inspect(key)).toContain(known.sha256);
  });

  it('knows its type and size', () => {
    const [type, base64 = ''] = known.line.split(' ');
    expect([key.type, key.getName()]).toEqual([type, type]);
    expect([key.bits, key.getBits()]).toEqual([known.bits, known.bits]);
    expect(key.getBase64()).toBe(base64);
    expect(key.asBytes()).toEqual(bytes(base64));
    expect(key.canSign()).toBe(false);
  });

  it('equals itself without the comment, and no other', () => {
    expect(key.equals(parse(key.blob))).toBe(true);
    for (const other of names) expect(key.equals(knownKey(other))).toBe(other === name);
  });

  it('does not share memory with the blob that it was read from', () => {
    // A Buffer's slice() is a view where an array's is a copy.
    for (const blob of [key.asBytes(), Buffer.from(key.blob)]) {
      const copy = parse(blob);
      blob.fill(0);
      expect(copy.fingerprint).toBe(known.sha256);
    }
    key.asBytes().fill(0);
    expect(key.fingerprint).toBe(known.sha256);
  });

  it('is refused when anything follows or is missing', () => {
    expect(() => parse(concat(key.blob, Uint8Array.of(0)))).toThrow(KeyFormatError);
    for (let end = 0; end < key.blob.length; end++) expect(() => parse(key.blob.subarray(0, end))).toThrow(KeyFormatError);
  });
});

describe('algorithms', () => {
  it('are what the key verifies by default: never SHA-1', () => {
    expect(knownKey('rsa').algorithms).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
    for (const name of names.filter((each) => each !== 'rsa')) expect(knownKey(name).algorithms).toEqual([knownKey(name).type]);
    expect(Object.isFrozen(knownKey('rsa').algorithms)).toBe(true);
  });
});

describe('verify', () => {
  const rsa = knownKey('rsa');
  const known: [keyof typeof publicKeys, string, Uint8Array][] = [
    ['ed25519Pkcs8', 'ssh-ed25519', sshSignature('ssh-ed25519', bytes(signatures.ed25519Pkcs8))],
    ['rsa', 'rsa-sha2-512', sshSignature('rsa-sha2-512', bytes(signatures.rsaSha512))],
    ['rsa', 'rsa-sha2-256', sshSignature('rsa-sha2-256', bytes(signatures.rsaSha256))],
    ['rsa', 'ssh-rsa', sshSignature('ssh-rsa', bytes(signatures.rsaSha1))],
    ['nistp256', 'ecdsa-sha2-nistp256', encodeSignature('ecdsa-sha2-nistp256', bytes(signatures.nistp256))],
  ];

  it.each(known)('accepts what openssl made with %s (%s), and nothing else under it', (name, algorithm, signature) => {
    const key = knownKey(name);
    expect(key.verify(data, signature, algorithm)).toBe(true);
    expect(key.verify(data.subarray(1), signature, algorithm)).toBe(false);
    for (const row of signatureAlgorithms) expect(key.verify(data, signature, row.name)).toBe(row.name === algorithm);
    for (const other of names) expect(knownKey(other).verify(data, signature, algorithm)).toBe(other === name);
    for (const wrong of ['', 'none', 'ssh-dss', `${algorithm}-cert-v01@openssh.com`]) {
      expect(key.verify(data, signature, wrong)).toBe(false);
    }
    for (let bit = 0; bit < signature.length * 8; bit += 7) {
      const changed = signature.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(key.verify(data, changed, algorithm)).toBe(false);
    }
    for (let end = 0; end < signature.length; end++) expect(key.verify(data, signature.subarray(0, end), algorithm)).toBe(false);
    expect(key.verify(data, concat(signature, Uint8Array.of(0)), algorithm)).toBe(false);
  });

  it('refuses a good signature under another name: no downgrade to SHA-1, no claim of SHA-512', () => {
    expect(rsa.verify(data, sshSignature('rsa-sha2-512', bytes(signatures.rsaSha1)), 'rsa-sha2-512')).toBe(false);
    expect(rsa.verify(data, sshSignature('ssh-rsa', bytes(signatures.rsaSha512)), 'rsa-sha2-512')).toBe(false);
  });

  it('refuses signatures that were shortened or padded with zeros', () => {
    const blob = bytes(signatures.rsaSha512);
    expect(rsa.verify(data, sshSignature('rsa-sha2-512', concat(Uint8Array.of(0), blob)), 'rsa-sha2-512')).toBe(false);
    for (const short of [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(1), blob.subarray(1)]) {
      expect(rsa.verify(data, sshSignature('rsa-sha2-512', short), 'rsa-sha2-512')).toBe(false);
    }
  });

  it('refuses Ed25519 signatures of 0, 63 and 65 bytes, and S + L', () => {
    const key = knownKey('ed25519Pkcs8');
    const good = bytes(signatures.ed25519Pkcs8);
    for (const blob of [new Uint8Array(0), good.subarray(1), concat(good, Uint8Array.of(0))]) {
      expect(key.verify(data, sshSignature('ssh-ed25519', blob), 'ssh-ed25519')).toBe(false);
    }
    // RFC 8032 section 5.1.7: S must be below the order L, or there are two signatures for one message.
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    let s = BigInt(`0x${toHex(good.slice(32).reverse())}`) + order;
    const malleable = good.slice();
    for (let i = 32; i < 64; i++, s >>= 8n) malleable[i] = Number(s & 0xffn);
    expect(key.verify(data, sshSignature('ssh-ed25519', malleable), 'ssh-ed25519')).toBe(false);
  });

  it('refuses ECDSA with r or s zero or the order', () => {
    const key = knownKey('nistp256');
    const order = bytes('/////wAAAAD//////////7zm+q2nF56E87nKwvxjJVE=');
    const good = bytes(signatures.nistp256);
    const one = Uint8Array.of(1);
    for (const bad of [new Uint8Array(32), order]) {
      for (const raw of [concat(bad, bad), concat(bad, good.subarray(32)), concat(good.subarray(0, 32), bad)]) {
        expect(key.verify(data, encodeSignature('ecdsa-sha2-nistp256', raw), 'ecdsa-sha2-nistp256')).toBe(false);
      }
    }
    expect(key.verify(data, sshSignature('ecdsa-sha2-nistp256', one), 'ecdsa-sha2-nistp256')).toBe(false);
  });

  it('never throws, and takes only true for true', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...names), fc.string(), (signature, name, algorithm) => {
        expect(knownKey(name).verify(data, signature, algorithm)).toBe(false);
        expect(knownKey(name).verify(data, sshSignature(knownKey(name).type, signature), knownKey(name).type)).toBe(false);
      }),
    );
    const broken = { ...nodeCrypto, verify: () => 1 as unknown as boolean };
    const throwing = {
      ...nodeCrypto,
      verify: (): boolean => {
        throw new Error('broken');
      },
    };
    const signature = sshSignature('ssh-ed25519', bytes(signatures.ed25519Pkcs8));
    for (const crypto of [broken, throwing]) {
      const key = PublicKey.fromText(publicKeys.ed25519Pkcs8.line, crypto);
      expect(key.verify(data, signature, 'ssh-ed25519')).toBe(false);
    }
    expect(rsa.verify(data, undefined as unknown as Uint8Array, 'rsa-sha2-512')).toBe(false);
  });
});

describe('RFC 8032 section 7.1', () => {
  it.each([
    [
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
  ])('verifies the vector of %s', (point, message, signature) => {
    const key = parse(ed25519Blob(Buffer.from(point, 'hex')));
    const blob = sshSignature('ssh-ed25519', Buffer.from(signature, 'hex'));
    expect(key.verify(Buffer.from(message, 'hex'), blob, 'ssh-ed25519')).toBe(true);
  });
});

describe('parse refuses', () => {
  const refuse = (blob: Uint8Array, why: RegExp): void => {
    expect(() => parse(blob)).toThrow(KeyFormatError);
    expect(() => parse(blob)).toThrow(why);
  };

  it('Ed25519 keys of any length but 32', () => {
    for (const length of [0, 31, 33, 64]) refuse(ed25519Blob(odd(length)), /not 32/);
  });

  it('Ed25519 points of small order, with either sign', () => {
    const little = (value: bigint): Uint8Array => {
      const out = new Uint8Array(32);
      let rest = value;
      for (let i = 0; i < 32; i++, rest >>= 8n) out[i] = Number(rest & 0xffn);
      return out;
    };
    const p = 2n ** 255n - 19n;
    const eighth = BigInt(
      `0x${toHex(Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex').reverse())}`,
    );
    // A point has order 8 where its double has y = 0, so x^2 = -y^2; with that the curve's equation says 2 y^2 = 1 - d y^4.
    const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
    expect((2n * eighth ** 2n - 1n + d * eighth ** 4n) % p).toBe(0n);
    for (const y of [0n, 1n, p - 1n, p, p + 1n, eighth, p - eighth]) {
      for (const sign of [0, 0x80]) {
        const point = little(y);
        point[31] = (point[31] ?? 0) | sign;
        refuse(ed25519Blob(point), /small order/);
      }
    }
  });

  it('RSA with a bad exponent', () => {
    refuse(rsaBlob(odd(256), Uint8Array.of(1)), /less than 3/);
    refuse(rsaBlob(odd(256), new Uint8Array(0)), /less than 3/);
    refuse(rsaBlob(odd(256), Uint8Array.of(2)), /even/);
    refuse(rsaBlob(odd(256), Uint8Array.of(1, 0, 0)), /even/);
    refuse(rsaBlob(odd(256), odd(33)), /264 bits/);
    refuse(rsaBlob(odd(512), odd(9)), /72 bits/);
    expect(parse(rsaBlob(odd(256), odd(32))).bits).toBe(2048);
    expect(parse(rsaBlob(odd(256), Uint8Array.of(3))).bits).toBe(2048);
  });

  it('RSA with a bad modulus', () => {
    const even = odd(256);
    even[255] = 0xfe;
    refuse(rsaBlob(even, e65537), /even/);
    refuse(rsaBlob(odd(127), e65537), /1016 bits/);
    refuse(rsaBlob(new Uint8Array(0), e65537), /0 bits/);
    refuse(rsaBlob(concat(Uint8Array.of(1), odd(2048)), e65537), /16385 bits/);
    expect(parse(rsaBlob(odd(2048), e65537)).bits).toBe(16_384);
    expect(parse(rsaBlob(odd(128), e65537)).bits).toBe(1024);
  });

  it('RSA with numbers that are negative or not minimal', () => {
    const raw = (n: Uint8Array, e: Uint8Array): Uint8Array => new Writer().string('ssh-rsa').string(e).string(n).finish();
    refuse(raw(odd(256), e65537), /negative or not minimal/);
    refuse(raw(concat(Uint8Array.of(0, 0), odd(256)), e65537), /negative or not minimal/);
    refuse(raw(concat(Uint8Array.of(0), odd(256)), concat(Uint8Array.of(0), e65537)), /negative or not minimal/);
  });

  it('ECDSA whose type and curve differ', () => {
    const { blob } = knownKey('nistp256');
    const point = blob.slice(blob.length - 65);
    refuse(new Writer().string('ecdsa-sha2-nistp384').string('nistp256').string(point).finish(), /the curve is 'nistp256'/);
    refuse(new Writer().string('ecdsa-sha2-nistp256').string('nistp384').string(point).finish(), /the curve is 'nistp384'/);
    refuse(new Writer().string('ecdsa-sha2-nistp256').string('secp256k1').string(point).finish(), /the curve is 'secp256k1'/);
  });

  it('ECDSA points that are compressed, infinite, hybrid, of wrong length or off the curve', () => {
    const { blob } = knownKey('nistp256');
    const point = blob.slice(blob.length - 65);
    const withPoint = (bad: Uint8Array): Uint8Array =>
      new Writer().string('ecdsa-sha2-nistp256').string('nistp256').string(bad).finish();
    expect(parse(withPoint(point)).fingerprint).toBe(publicKeys.nistp256.sha256);
    refuse(withPoint(concat(Uint8Array.of(2), point.subarray(1, 33))), /uncompressed/);
    refuse(withPoint(Uint8Array.of(0)), /uncompressed/);
    refuse(withPoint(concat(Uint8Array.of(6), point.subarray(1))), /uncompressed/);
    refuse(withPoint(point.subarray(0, 64)), /uncompressed/);
    refuse(withPoint(concat(Uint8Array.of(4), odd(64))), /not on/);
    for (const i of [1, 32, 33, 64]) {
      const moved = point.slice();
      moved[i] = (moved[i] ?? 0) ^ 1;
      refuse(withPoint(moved), /not on/);
    }
  });

  it('types that it knows of, saying what they are', () => {
    const typed = (type: string): Uint8Array => new Writer().string(type).string('x').finish();
    refuse(typed('ssh-dss'), /DSA/);
    refuse(typed('sk-ssh-ed25519@openssh.com'), /1 bytes/);
    refuse(typed('ssh-ed25519-cert-v01@openssh.com'), /certificate/);
    refuse(typed('sk-ssh-ed25519-cert-v01@openssh.com'), /certificate/);
    refuse(typed('rsa-sha2-512'), /unsupported key type/);
    refuse(typed(''), /unsupported key type/);
    refuse(typed('ssh-\u001b[31m'), /US-ASCII/);
  });
});

describe('fromText', () => {
  const { line } = publicKeys.ed25519;
  const [type = '', base64 = ''] = line.split(' ');

  it('accepts white space, no comment, and comments with spaces', () => {
    expect(PublicKey.fromText(`  ${type}\t ${base64}  \r\n`, nodeCrypto).comment).toBe('');
    expect(PublicKey.fromText(`${type} ${base64} a  b `, nodeCrypto).comment).toBe('a  b');
  });

  it('refuses a type in front that is not the type inside', () => {
    expect(() => PublicKey.fromText(`ssh-rsa ${base64}`, nodeCrypto)).toThrow(/says ssh-rsa, the key in it is ssh-ed25519/);
  });

  it.each([
    ['', /key type/],
    ['ssh-ed25519', /form/],
    [`no-pty ${line}`, /key type/],
    [`ssh-ed25519 ${base64.slice(0, -1)}*`, /form/],
    [`${line}\n${line}`, /more than one line/],
    [`ssh-dss ${base64}`, /DSA/],
    [`ssh-ed25519-cert-v01@openssh.com ${base64}`, /certificate/],
    [`${line}${' '.repeat(70_000)}x`, /characters/],
  ])('refuses %j', (text, why) => {
    expect(() => PublicKey.fromText(text, nodeCrypto)).toThrow(KeyFormatError);
    expect(() => PublicKey.fromText(text, nodeCrypto)).toThrow(why);
  });

  it('cannot be made to print more than one line, or to drive a terminal', () => {
    const key = PublicKey.parse(knownKey('ed25519').blob, nodeCrypto, 'a\nssh-rsa AAAA evil\u001b[2J');
    expect(key.toString()).toBe(`${type} ${base64} a\\x0assh-rsa AAAA evil\\x1b[2J`);
    expect([...inspect(key)].every((character) => character >= ' ')).toBe(true);
  });
});

describe('totality', () => {
  it('any bytes are a key or an SSHError', () => {
    const attempt = (run: () => unknown): void => {
      try {
        run();
      } catch (error) {
        expect(error).toBeInstanceOf(SSHError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (blob) => attempt(() => parse(blob))));
    fc.assert(fc.property(fc.string(), (text) => attempt(() => PublicKey.fromText(text, nodeCrypto))));
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), fc.nat(), (name, at, bit) => {
        const blob = knownKey(name).asBytes();
        const index = at % blob.length;
        blob[index] = (blob[index] ?? 0) ^ (1 << (bit % 8));
        attempt(() => {
          // What is accepted has one encoding: it decodes to itself.
          const key = parse(blob);
          expect(PublicKey.fromText(key.toString(), nodeCrypto).blob).toEqual(blob);
          expect(toBase64(key.blob)).toBe(key.getBase64());
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('encoding checks what it encodes', () => {
    expect(() => encodePublicBlob({ kind: 'ed25519', point: odd(31) })).toThrow(KeyFormatError);
    expect(() => encodePublicBlob({ kind: 'rsa', n: odd(16), e: e65537 })).toThrow(KeyFormatError);
  });

  it('the largest key verifies in bounded time', () => {
    const key = parse(rsaBlob(odd(2048), odd(8)));
    const signature = sshSignature('rsa-sha2-512', concat(Uint8Array.of(0x7f), odd(2047)));
    const start = performance.now();
    expect(key.verify(data, signature, 'rsa-sha2-512')).toBe(false);
    // 50 ms is the requirement; the rest is for a busy machine.
    expect(performance.now() - start).toBeLessThan(500);
  });
});
