// Signatures of FIDO devices. There is no device here: a software key signs what a device would (OpenSSH PROTOCOL.u2f), and
// ssh-keygen judges one of them as SSHSIG, so that the format is not only our own idea of it.

import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { concat, encodeUtf8, toBase64 } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { PublicKey } from '../../../src/keys.ts';
import { Writer } from '../../../src/wire/writer.ts';

const sha256 = (data: Uint8Array) => new Uint8Array(createHash('sha256').update(data).digest());
const ED = 'sk-ssh-ed25519@openssh.com';
const EC = 'sk-ecdsa-sha2-nistp256@openssh.com';
const WEB = 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com';
const message = encodeUtf8('what is to be signed');

interface Device {
  readonly key: PublicKey;
  raw(data: Uint8Array): Uint8Array;
}

/** The last bytes of SubjectPublicKeyInfo are the point: nothing needs to be exported as JWK. */
function point(key: KeyObject, length: number): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(-length));
}

function device(type: typeof ED | typeof EC, application = 'ssh:'): Device {
  if (type === ED) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const blob = new Writer().string(ED).string(point(publicKey, 32)).string(application).finish();
    return { key: PublicKey.parse(blob, nodeCrypto), raw: (data) => new Uint8Array(sign(null, data, privateKey)) };
  }
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const blob = new Writer().string(EC).string('nistp256').string(point(publicKey, 65)).string(application).finish();
  const raw = (data: Uint8Array) => {
    const rs = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return new Writer()
      .mpint(strip(rs.subarray(0, 32)))
      .mpint(strip(rs.subarray(32)))
      .finish();
  };
  return { key: PublicKey.parse(blob, nodeCrypto), raw };
}

function strip(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  return new Uint8Array(bytes.subarray(start));
}

function signature(from: Device, algorithm: string, flags: number, data = message, application = 'ssh:'): Uint8Array {
  const stamp = Uint8Array.of(flags, 0, 0, 0, 9);
  const signed = concat(sha256(encodeUtf8(application)), stamp, sha256(data));
  return new Writer().string(algorithm).string(from.raw(signed)).raw(stamp).finish();
}

describe.each([ED, EC] as const)('%s', (type) => {
  const own = device(type);

  it('reads as a key', () => {
    expect(own.key).toMatchObject({ type, application: 'ssh:', bits: 256, algorithms: type === ED ? [ED] : [EC, WEB] });
    expect(PublicKey.fromText(own.key.toString(), nodeCrypto).equals(own.key)).toBe(true);
  });

  it('verifies what the device signed, and says what the device says', () => {
    expect(own.key.verify(message, signature(own, type, 0x01), type)).toBe(true);
    expect(own.key.examine(message, signature(own, type, 0x05), type)).toEqual({
      userPresent: true,
      userVerified: true,
      counter: 9,
    });
  });

  it('does not count what nobody has touched', () => {
    expect(own.key.verify(message, signature(own, type, 0x00), type)).toBe(false);
    expect(own.key.verify(message, signature(own, type, 0x04), type)).toBe(false);
    expect(own.key.examine(message, signature(own, type, 0x00), type)).toMatchObject({ userPresent: false });
  });

  it('refuses what is for something else, or changed', () => {
    const good = signature(own, type, 0x01);
    expect(own.key.verify(encodeUtf8('another'), good, type)).toBe(false);
    expect(own.key.verify(message, signature(own, type, 0x01, message, 'web:'), type)).toBe(false);
    expect(own.key.verify(message, signature(device(type), type, 0x01), type)).toBe(false);
    for (let i = 0; i < good.length; i++) {
      const changed = good.slice();
      changed[i] = (changed[i] as number) ^ 0x40;
      expect(own.key.verify(message, changed, type)).toBe(false);
      expect(own.key.verify(message, good.slice(0, i), type)).toBe(false);
    }
    expect(own.key.verify(message, concat(good, Uint8Array.of(0)), type)).toBe(false);
  });
});

describe('the WebAuthn form', () => {
  const own = device(EC, 'https://example.com');
  const challenge = toBase64(message).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  const make = ({
    type = 'webauthn.get',
    site = 'https://example.com' as string,
    origin = site as string,
    flags = 0x01,
    extensions = '',
    of = challenge,
  } = {}) => {
    const client = encodeUtf8(`{"type":"${type}","challenge":"${of}","origin":"${site}","crossOrigin":false}`);
    const stamp = Uint8Array.of(flags, 0, 0, 0, 9);
    const signed = concat(sha256(encodeUtf8('https://example.com')), stamp, encodeUtf8(extensions), sha256(client));
    return new Writer().string(WEB).string(own.raw(signed)).raw(stamp).string(origin).string(client).string(extensions).finish();
  };

  it('verifies', () => {
    expect(own.key.verify(message, make(), WEB)).toBe(true);
    expect(own.key.verify(message, make({ flags: 0x81, extensions: 'cbor' }), WEB)).toBe(true);
  });

  it.each([
    ['made for another purpose', { type: 'webauthn.create' }],
    ['over another message', { of: 'AAAA' }],
    ['whose origin is not the one inside', { origin: 'https://example.org' }],
    ['whose origin could end its string', { site: 'https://example.com","x":"' }],
    ['that brings a key', { flags: 0x41 }],
    ['with extensions that the flags deny', { extensions: 'cbor' }],
    ['without the extensions that the flags promise', { flags: 0x81 }],
    ['untouched', { flags: 0x00 }],
  ])('refuses one %s', (_name, how) => {
    expect(own.key.verify(message, make(how), WEB)).toBe(false);
  });

  it('is not the plain form', () => {
    expect(own.key.verify(message, make(), EC)).toBe(false);
    expect(own.key.verify(message, signature(own, EC, 0x01, message, 'https://example.com'), WEB)).toBe(false);
  });
});

describe('ssh-keygen', () => {
  it.each([ED, EC] as const)('agrees about %s', (type) => {
    const own = device(type);
    const signed = new Writer().raw(encodeUtf8('SSHSIG')).string('file').string('').string('sha512');
    signed.string(new Uint8Array(createHash('sha512').update(message).digest()));
    const blob = new Writer().raw(encodeUtf8('SSHSIG')).u32(1).string(own.key.blob).string('file').string('').string('sha512');
    blob.string(signature(own, type, 0x01, signed.finish()));
    const dir = mkdtempSync(join(tmpdir(), 'amiko-sk-'));
    try {
      const armour = `-----BEGIN SSH SIGNATURE-----\n${toBase64(blob.finish()).replace(/.{70}/g, '$&\n')}\n-----END SSH SIGNATURE-----\n`;
      writeFileSync(join(dir, 'sig'), armour);
      writeFileSync(join(dir, 'allowed'), `me ${own.key}\n`);
      const args = ['-Y', 'verify', '-f', join(dir, 'allowed'), '-I', 'me', '-n', 'file', '-s', join(dir, 'sig')];
      expect(execFileSync('ssh-keygen', args, { input: message, encoding: 'utf8' })).toMatch(/^Good "file" signature for me/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
