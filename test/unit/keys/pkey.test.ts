// paramiko's PKey under its names: whatever a key comes from and goes to, with and without its private part, as a signer on both sides.
import { statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { KeyFormatError, PassphraseError, UsageError } from '../../../src/errors.ts';
import {
  formatPrivateKey,
  generateKey,
  PKey,
  type PrivateKey,
  type PublicKey,
  signatureAlgorithms,
  signCertificate,
} from '../../../src/keys.ts';
import { tempDir } from '../../support/peers.ts';
import { closePair, OpenServer, transportPair } from '../../support/transport-pair.ts';

const data = new Uint8Array([1, 2, 3]);
let ca: PrivateKey;

beforeAll(async () => {
  ca = await generateKey('ed25519');
});

const certificateFor = (key: PublicKey) => signCertificate(ca, key, { kind: 'user', keyId: 'id', principals: ['me'] });

it.each([
  ['ed25519', 'ssh-ed25519', 'ED25519', 256],
  ['ecdsa', 'ecdsa-sha2-nistp256', 'ECDSA', 256],
  ['rsa', 'ssh-rsa', 'RSA', 3072],
] as const)('%s: is what it is, signs, and comes out of a file as it went in', async (type, name, algorithmName, bits) => {
  await using dir = tempDir();
  const key = await PKey.generate(type, { comment: 'me' });
  expect([key.getName(), key.algorithmName, key.getBits(), key.canSign()]).toEqual([name, algorithmName, bits, true]);
  expect(key.getBase64()).toBe(Buffer.from(key.asBytes()).toString('base64'));
  expect([key.fingerprint, key.getFingerprint('md5')]).toEqual([key.getFingerprint(), key.publicKey.getFingerprint('md5')]);
  const signature = await key.signSshData(data);
  expect(key.verifySshSig(data, signature)).toBe(true);
  expect(key.verifySshSig(new Uint8Array(3), signature)).toBe(false);

  const file = dir.join('key');
  await key.writePrivateKeyFile(file, 'secret');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await expect(key.writePrivateKeyFile(file)).rejects.toThrow(UsageError);
  expect((await PKey.fromPrivateKeyFile(file, 'secret')).equals(key)).toBe(true);
  await expect(PKey.fromPrivateKeyFile(file)).rejects.toThrow(PassphraseError);
  await expect(PKey.fromPrivateKeyFile(file, 'wrong')).rejects.toThrow(PassphraseError);
  await key.writePrivateKeyFile(file, null, { overwrite: true, format: 'ppk' });
  expect((await PKey.fromPrivateKeyFile(file)).equals(key)).toBe(true);

  const written: string[] = [];
  await key.writePrivateKey({ write: (text) => written.push(text) });
  for (const source of [written[0] as string, Buffer.from(written[0] as string), Readable.from([...(written[0] as string)])]) {
    expect((await PKey.fromPrivateKey(source)).equals(key)).toBe(true);
  }
});

it('has a limit for streams', async () => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(65_536, 'x');
    })(),
  );
  await expect(PKey.fromPrivateKey(endless)).rejects.toThrow(/more than the 1048576 bytes/);
});

it('finds the certificate beside the file, and takes one as a file, a line, a blob and an object', async () => {
  await using dir = tempDir();
  const key = await PKey.generate('ed25519');
  const file = dir.join('key');
  await key.writePrivateKeyFile(file);
  expect((await PKey.fromPath(file)).publicBlob).toBeNull();
  const certificate = await certificateFor(key.publicKey);
  const beside = dir.write('key-cert.pub', `${certificate}\n`);
  expect((await PKey.fromPath(file)).publicBlob?.equals(certificate)).toBe(true);
  expect((await PKey.fromPrivateKeyFile(file)).publicBlob).toBeNull();
  for (const value of [beside, `${certificate}`, certificate.blob, certificate]) {
    const other = await PKey.fromPrivateKeyFile(file);
    await other.loadCertificate(value);
    expect(other.publicKey.certificate?.equals(certificate)).toBe(true);
    expect(other.equals(key)).toBe(true);
  }
  const stranger = await PKey.generate('ed25519');
  await expect(stranger.loadCertificate(beside)).rejects.toThrow(UsageError);
  await expect(stranger.loadCertificate(dir.join('none'))).rejects.toThrow(KeyFormatError);
  dir.write('key-cert.pub', 'nonsense\n');
  await expect(PKey.fromPath(file)).rejects.toThrow(/key-cert\.pub/);
});

it('is public only where there is no more', async () => {
  const { publicKey } = await PKey.generate('ecdsa');
  const key = PKey.fromTypeString('ecdsa-sha2-nistp256', publicKey.asBytes());
  expect([key.canSign(), key.algorithms, key.equals(publicKey)]).toEqual([false, [], true]);
  await expect(key.signSshData(data)).rejects.toThrow(UsageError);
  await expect(key.writePrivateKeyFile('/nowhere/key')).rejects.toThrow(UsageError);
  expect(() => PKey.fromTypeString('ssh-rsa', publicKey.asBytes())).toThrow(/ecdsa-sha2-nistp256, not ssh-rsa/);
  const certificate = await certificateFor(publicKey);
  expect(PKey.fromTypeString(certificate.type, certificate.blob).publicBlob?.equals(certificate)).toBe(true);
  expect(PKey.identifiers()).toEqual(signatureAlgorithms.map(({ name }) => name));
});

it('shows nothing of the secret, and cannot write one that is elsewhere', async () => {
  const secret = await generateKey('ed25519');
  const key = new PKey(secret);
  const text: string[] = [];
  await key.writePrivateKey({ write: (line) => text.push(line) });
  const shown = [
    inspect(key, { depth: 10, showHidden: true }),
    JSON.stringify(key),
    `${key}`,
    inspect(structuredClone(key)),
  ].join();
  expect(shown).toContain(key.fingerprint);
  for (const line of (text[0] as string).split('\n').slice(2, -2)) expect(shown).not.toContain(line);
  const { publicKey, algorithms } = secret;
  const remote = new PKey({ publicKey, algorithms, costly: true, sign: async (bytes, name) => secret.sign(bytes, name) });
  expect([remote.canSign(), remote.costly]).toEqual([true, true]);
  expect(key.verifySshSig(data, await remote.signSshData(data))).toBe(true);
  await expect(remote.writePrivateKey({ write: () => {} })).rejects.toThrow(/not in this process/);
  expect([key.privateKey === secret, remote.privateKey]).toEqual([true, null]);
  for (const none of [key, secret.publicKey, null, 'key']) {
    await expect(formatPrivateKey(none as never)).rejects.toThrow(UsageError);
  }
});

it('is a host key, and logs in with its certificate', async () => {
  const [host, user] = [await PKey.generate('ed25519'), await PKey.generate('ed25519')];
  const certificate = await certificateFor(user.publicKey);
  await user.loadCertificate(certificate);
  const seen: (string | undefined)[] = [];
  class Server extends OpenServer {
    override getAllowedAuths(): string[] {
      return ['publickey'];
    }
    override checkAuthPublickey(_name: string, key: PublicKey): 'successful' | 'failed' {
      seen.push(key.certificate?.keyId);
      return key.equals(user.publicKey) ? 'successful' : 'failed';
    }
  }
  const pair = transportPair({ interface: new Server() });
  try {
    pair.server.addServerKey(host);
    pair.client.getSecurityOptions().keyTypes = ['ssh-ed25519'];
    await pair.client.connect({ hostKey: host.publicKey, username: 'me', privateKey: user });
    expect(pair.client.isAuthenticated()).toBe(true);
    expect(seen).toContain('id');
  } finally {
    await closePair(pair);
  }
});
