// Files of revoked keys: what they revoke, and that anything of them which is not understood is an error, never "not revoked".

import { describe, expect, it } from 'vitest';
import { encodeKrl, generateKey, RevokedKeys, signCertificate } from '../../../src/keys.ts';
import { tempDir } from '../../support/peers.ts';

const [ca, lost, fine] = (await Promise.all([0, 1, 2].map(() => generateKey('ed25519')))) as [Key, Key, Key];
type Key = Awaited<ReturnType<typeof generateKey>>;
const certify = (by: Key, key: Key) =>
  signCertificate(by, key.publicKey, { kind: 'host', keyId: 'x', principals: ['h'], serial: 7n });

describe('RevokedKeys', () => {
  const generated = new Date(0);
  const plain = (key: Key) => `${key.publicKey.type} ${key.publicKey.getBase64()}`;

  it.each([
    ['a plain list', `# lost\n\n  ${plain(lost)} with a comment\r\n`],
    ['a list in a single line', plain(lost)],
    ['a revocation list', encodeKrl({ generated, keys: [lost.publicKey] })],
  ])('%s revokes a key as such, in a certificate, and as an authority', async (_, content) => {
    await using dir = tempDir();
    const file = dir.write('revoked', content);
    const revoked = await RevokedKeys.read([file]);
    const [itself, byLost] = [await certify(ca, lost), await certify(lost, fine)];
    expect(revoked.whyRevoked(lost.publicKey)).toMatch(new RegExp(`^the key is listed \\(${file}`));
    for (const key of [itself, itself.publicKey]) expect(revoked.whyRevoked(key)).toMatch(/^the key is listed/);
    for (const key of [byLost, byLost.publicKey]) expect(revoked.whyRevoked(key)).toMatch(/its authority.* is listed/);
    expect(revoked.whyRevoked(fine.publicKey)).toBeNull();
    expect(revoked.whyRevoked(await certify(ca, fine))).toBeNull();
  });

  it('a certificate in a plain list means its key', async () => {
    await using dir = tempDir();
    const revoked = await RevokedKeys.read([dir.write('revoked', `${await certify(ca, lost)}\n`)]);
    expect(revoked.whyRevoked(lost.publicKey)).not.toBeNull();
    expect(revoked.whyRevoked(ca.publicKey)).toBeNull();
  });

  it('all files count', async () => {
    await using dir = tempDir();
    const list = encodeKrl({ generated, certificates: [{ authority: ca.publicKey, serials: [7n] }] });
    const revoked = await RevokedKeys.read([dir.write('a', plain(lost)), dir.write('b', list), dir.write('c', '')]);
    expect(revoked.whyRevoked(lost.publicKey)).toContain(dir.join('a:1'));
    expect(revoked.whyRevoked((await certify(ca, fine)).publicKey)).toContain(dir.join('b'));
  });

  it.each([
    ['an unknown type', `${plain(fine)}\nssh-unknown AAAA\n`, ':2'],
    ['half a key', plain(lost).slice(0, 40), ':1'],
    ['words', 'nothing is revoked\n', ':1'],
    ['options in front', `restrict ${plain(lost)}\n`, ':1'],
    ['a revocation list that is cut', encodeKrl({ generated, keys: [lost.publicKey] }).subarray(0, -1), ''],
    ['another magic', encodeKrl({ generated }).map((byte, at) => (at === 7 ? 1 : byte)), ''],
  ])('%s is an error that names the place', async (_, content, place) => {
    await using dir = tempDir();
    const file = dir.write('revoked', content);
    const error = { code: 'ERR_SSH_KEY_FORMAT', message: expect.stringContaining(`${file}${place}: `) };
    await expect(RevokedKeys.read([file])).rejects.toMatchObject(error);
  });

  it('a file that is not there is an error', async () => {
    await using dir = tempDir();
    await expect(RevokedKeys.read([dir.join('none')])).rejects.toMatchObject({ code: 'ERR_SSH_KEY_FORMAT' });
  });
});
