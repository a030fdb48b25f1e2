// PrivateKey by itself: signing, naming, and never showing its secret.
import { inspect } from 'node:util';
import { serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { toBase64, toHex } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import type { PrivateComponents } from '../../../src/crypto/provider.ts';
import { KeyFormatError, UsageError } from '../../../src/errors.ts';
import { PrivateKey, secretComponents } from '../../../src/keys/private-key.ts';
import type { SignatureAlgorithm } from '../../../src/keys/signature.ts';
import type { Signer } from '../../../src/keys/signer.ts';
import { parsePrivateKey } from '../../../src/keys.ts';
import { bytes, data, errorOf, sshSignature } from './support.ts';
import { files, publicKeys, signatures } from './vectors.ts';

const load = (name: string): Promise<PrivateKey> => parsePrivateKey(files[name]?.text ?? '');
const plain = Object.entries(files).filter(([, file]) => !file.encrypted);

describe.each(plain)('%s', (name, file) => {
  it('is the key that ssh-keygen says it is', async () => {
    const key = await load(name);
    const known = publicKeys[file.key];
    expect([key.fingerprint, key.getFingerprint('md5')]).toEqual([known.sha256, known.md5]);
    expect([key.getName(), key.getBase64()]).toEqual(known.line.split(' ').slice(0, 2));
    expect(key.getBits()).toBe(known.bits);
    expect(key.canSign()).toBe(true);
    expect(toBase64(key.asBytes())).toBe(key.getBase64());
  });

  it('signs what its public half verifies', async () => {
    const key: Signer = await load(name);
    expect(key.algorithms.filter((algorithm) => algorithm !== 'ssh-rsa')).toEqual(key.publicKey.algorithms);
    for (const algorithm of key.algorithms) {
      const signature = await key.sign(data, algorithm);
      expect(key.publicKey.verify(data, signature, algorithm)).toBe(true);
      expect(key.publicKey.verify(data.subarray(1), signature, algorithm)).toBe(false);
    }
    expect(key.costly).toBeUndefined();
  });

  it("has the seed's names", async () => {
    const key = await load(name);
    expect([key.algorithmName, key.publicKey.algorithmName]).toEqual(
      new Array(2).fill(
        file.key
          .replace(/^nist.*/, 'ecdsa')
          .replace(/Pkcs8/, '')
          .toUpperCase(),
      ),
    );
    const signature = key.signSshData(data);
    expect(key.publicKey.verify(data, signature, key.algorithms[0] as string)).toBe(true);
    for (const verifier of [key, key.publicKey]) {
      expect(verifier.verifySshSig(data, signature)).toBe(true);
      expect(verifier.verifySshSig(data.subarray(1), signature)).toBe(false);
      expect(verifier.verifySshSig(data, new Uint8Array(0))).toBe(false);
      if (file.key === 'rsa') {
        expect(verifier.verifySshSig(data, key.signSshData(data, 'rsa-sha2-256'))).toBe(true);
        // SHA-1 proves nothing unless it was asked for by name.
        expect(verifier.verifySshSig(data, key.signSshData(data, 'ssh-rsa'))).toBe(false);
      }
    }
  });

  it('shows its secret nowhere', async () => {
    const key = await load(name);
    key.sign(data, key.algorithms[0] as SignatureAlgorithm);
    const components = secretComponents(key);
    const { n, e, point, ...secrets } = components as unknown as Record<string, Uint8Array>;
    const shown = [
      inspect(key, { depth: 10, showHidden: true }),
      inspect(key, { depth: 10, showHidden: true, customInspect: false, maxArrayLength: null, getters: true }),
      inspect({ nested: [key] }, { depth: 10, showHidden: true, getters: true }),
      JSON.stringify(key),
      JSON.stringify({ ...key }),
      String(key),
      `${key}`,
      Object.values(Object.getOwnPropertyDescriptors(key))
        .map((each) => inspect(each, { depth: 10 }))
        .join(''),
    ].join('\n');
    const looked: string[] = [];
    for (const secret of Object.values(secrets)) {
      if (!(secret instanceof Uint8Array) || secret.length < 16) continue;
      looked.push(toHex(secret));
      const decimal = [...secret.subarray(0, 8)].join(', ');
      const json = [...secret.subarray(0, 8)].map((byte, i) => `"${i}":${byte}`).join(',');
      const base64 = toBase64(secret).slice(0, 16);
      for (const form of [toHex(secret.subarray(0, 8)), decimal, json, base64]) expect(shown).not.toContain(form);
    }
    expect(looked.length).toBe(components.kind === 'rsa' ? 4 : 1);
    expect([n ?? point, e ?? point]).not.toContain(undefined);
    expect(inspect(key)).toBe(
      `PrivateKey { ${key.getName()}, ${key.fingerprint}${key.comment === '' ? '' : `, ${key.comment}`} }`,
    );
  });
});

describe('PrivateKey', () => {
  it('makes exactly the signatures that openssl makes', async () => {
    const rsa = await load('PKCS#1 rsa');
    expect(rsa.sign(data, 'rsa-sha2-512')).toEqual(sshSignature('rsa-sha2-512', bytes(signatures.rsaSha512)));
    expect(rsa.sign(data, 'rsa-sha2-256')).toEqual(sshSignature('rsa-sha2-256', bytes(signatures.rsaSha256)));
    expect(rsa.sign(data, 'ssh-rsa')).toEqual(sshSignature('ssh-rsa', bytes(signatures.rsaSha1)));
    const ed25519 = await load('PKCS#8 ed25519');
    expect(ed25519.sign(data, 'ssh-ed25519')).toEqual(sshSignature('ssh-ed25519', bytes(signatures.ed25519Pkcs8)));
  });

  it('refuses algorithms of other keys and unknown ones', async () => {
    const rsa = await load('PKCS#1 rsa');
    for (const algorithm of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'none', ''] as SignatureAlgorithm[]) {
      expect(() => rsa.sign(data, algorithm)).toThrow(UsageError);
    }
    expect(() => rsa.sign(data, 'bad\u001b' as SignatureAlgorithm)).toThrow(/'bad\\x1b'/);
  });

  it('can sign with SHA-1, which its public half does not take for a proof', async () => {
    const key = await load('PKCS#1 rsa');
    expect(key.algorithms).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa']);
    expect(key.publicKey.algorithms).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
  });

  it('imports the key at the first signature, once', async () => {
    let imports = 0;
    const counting = {
      ...nodeCrypto,
      importPrivateKey: (components: PrivateComponents) => {
        imports++;
        return nodeCrypto.importPrivateKey(components);
      },
    };
    const key = new PrivateKey(secretComponents(await load('OpenSSH nistp256')), counting, 'c');
    expect([imports, key.comment]).toEqual([0, 'c']);
    key.sign(data, 'ecdsa-sha2-nistp256');
    key.sign(data, 'ecdsa-sha2-nistp256');
    expect(imports).toBe(1);
  });

  it('copies what it is given', async () => {
    const asBuffer = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value) : value);
    for (const [name] of plain) {
      const original = secretComponents(await load(name));
      const buffers = Object.fromEntries(Object.entries(original).map(([field, value]) => [field, asBuffer(value)]));
      for (const given of [structuredClone(original), buffers as unknown as PrivateComponents]) {
        const key = new PrivateKey(given, nodeCrypto);
        for (const value of Object.values(given)) if (value instanceof Uint8Array) value.fill(0);
        const algorithm = key.algorithms[0] as SignatureAlgorithm;
        expect(key.publicKey.verify(data, key.sign(data, algorithm), algorithm)).toBe(true);
      }
    }
  });

  it('refuses components of wrong length at once, and wrong ones at the first signature, without saying what they are', async () => {
    const point = (await load('OpenSSH ed25519')).publicKey.blob.slice(-32);
    const short: PrivateComponents = { kind: 'ed25519', point, seed: new Uint8Array(31) };
    expect(() => new PrivateKey(short, nodeCrypto)).toThrow(KeyFormatError);
    const p256 = secretComponents(await load('OpenSSH nistp256')) as Extract<PrivateComponents, { kind: 'ecdsa' }>;
    expect(() => new PrivateKey({ ...p256, scalar: new Uint8Array(31) }, nodeCrypto)).toThrow(KeyFormatError);
    const rsa = secretComponents(await load('OpenSSH rsa')) as Extract<PrivateComponents, { kind: 'rsa' }>;
    expect(() => new PrivateKey({ ...rsa, d: new Uint8Array(257).fill(1) }, nodeCrypto)).toThrow(KeyFormatError);

    const seed = new Uint8Array(32).fill(0x5a);
    const wrong = [
      new PrivateKey({ kind: 'ed25519', point, seed }, nodeCrypto),
      new PrivateKey({ ...p256, scalar: seed }, nodeCrypto),
      new PrivateKey({ ...p256, scalar: new Uint8Array(32) }, nodeCrypto),
      new PrivateKey({ ...rsa, iqmp: seed }, nodeCrypto),
      new PrivateKey({ ...rsa, d: seed }, nodeCrypto),
      new PrivateKey({ ...rsa, p: rsa.q, q: rsa.p }, nodeCrypto),
    ];
    for (const key of wrong) {
      const error = await errorOf(() => key.sign(data, key.algorithms[0] as SignatureAlgorithm));
      expect(error).toBeInstanceOf(KeyFormatError);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/5a5a5a|90, 90, 90|WlpaWlpa/);
    }
  });

  it('does not carry its secret into another thread or a file by accident', async () => {
    const key = await load('OpenSSH ed25519');
    const components = secretComponents(key) as Extract<PrivateComponents, { kind: 'ed25519' }>;
    const copy = serialize(Object.assign(Object.create(null) as object, key, { publicKey: undefined }));
    expect(copy.includes(Buffer.from(components.seed))).toBe(false);
  });
});
