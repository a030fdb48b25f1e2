// The table of signature algorithms and the SSH form of signatures: strict, one encoding per signature.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSignature, encodeSignature, signatureAlgorithms, signatureRow } from '../../../src/keys/signature.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { sshSignature } from './support.ts';

describe('the table of signature algorithms', () => {
  it('has the order of OpenSSH 10 and only ssh-rsa is legacy', () => {
    expect(signatureAlgorithms.map((row) => row.name)).toEqual([
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
      'sk-ssh-ed25519@openssh.com',
      'sk-ecdsa-sha2-nistp256@openssh.com',
      'webauthn-sk-ecdsa-sha2-nistp256@openssh.com',
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-rsa',
    ]);
    expect(signatureAlgorithms.filter((row) => row.status === 'legacy').map((row) => row.name)).toEqual(['ssh-rsa']);
  });

  it('is looked up by exact name', () => {
    expect(signatureRow('rsa-sha2-256')).toMatchObject({ keyType: 'ssh-rsa', hash: 'sha256' });
    for (const name of ['', 'RSA-SHA2-256', 'rsa-sha2-256 ', 'none', 'toString', '__proto__']) {
      expect(signatureRow(name)).toBeUndefined();
    }
  });
});

describe('the SSH form', () => {
  const half = 32;
  const ecdsa = (r: Uint8Array, s: Uint8Array, extra = new Uint8Array(0)): Uint8Array =>
    sshSignature('ecdsa-sha2-nistp256', new Writer().string(r).string(s).raw(extra).finish());

  it('gives back every raw signature', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (raw) => {
        expect(decodeSignature(encodeSignature('ssh-ed25519', raw), 'ssh-ed25519', 64)).toEqual(raw);
        const zero = raw.subarray(0, half).every((byte) => byte === 0) || raw.subarray(half).every((byte) => byte === 0);
        const decoded = decodeSignature(encodeSignature('ecdsa-sha2-nistp256', raw), 'ecdsa-sha2-nistp256', 64);
        expect(decoded).toEqual(zero ? null : raw);
      }),
    );
  });

  it('keeps leading zeros of r and s', () => {
    const raw = new Uint8Array(64);
    raw[31] = 1;
    raw[33] = 0x80;
    expect(decodeSignature(encodeSignature('ecdsa-sha2-nistp256', raw), 'ecdsa-sha2-nistp256', 64)).toEqual(raw);
  });

  it('refuses r and s that are zero, negative, not minimal or too long', () => {
    const one = Uint8Array.of(1);
    expect(decodeSignature(ecdsa(one, one), 'ecdsa-sha2-nistp256', 64)).not.toBeNull();
    const bad = [
      new Uint8Array(0),
      Uint8Array.of(0),
      Uint8Array.of(0x80),
      Uint8Array.of(0, 1),
      Uint8Array.of(0, 0, 0x80),
      new Uint8Array(33).fill(1),
      new Uint8Array(66).fill(1),
    ];
    for (const number of bad) {
      expect(decodeSignature(ecdsa(number, one), 'ecdsa-sha2-nistp256', 64)).toBeNull();
      expect(decodeSignature(ecdsa(one, number), 'ecdsa-sha2-nistp256', 64)).toBeNull();
    }
    expect(decodeSignature(ecdsa(one, one, one), 'ecdsa-sha2-nistp256', 64)).toBeNull();
  });

  it('refuses any name but the one that was asked for', () => {
    const signature = sshSignature('ssh-rsa', new Uint8Array(256).fill(1));
    expect(decodeSignature(signature, 'ssh-rsa', 256)).not.toBeNull();
    expect(decodeSignature(signature, 'rsa-sha2-256', 256)).toBeNull();
  });

  it('refuses RSA and Ed25519 blobs of any length but the right one', () => {
    for (const length of [0, 1, 63, 65, 255, 257]) {
      const blob = new Uint8Array(length).fill(1);
      expect(decodeSignature(sshSignature('rsa-sha2-256', blob), 'rsa-sha2-256', 256)).toBeNull();
      expect(decodeSignature(sshSignature('ssh-ed25519', blob), 'ssh-ed25519', 64)).toBeNull();
    }
  });

  it('is total', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...signatureAlgorithms), (bytes, row) => {
        const decoded = decodeSignature(bytes, row.name, 64);
        expect(decoded === null || decoded.length === 64).toBe(true);
      }),
    );
  });
});
