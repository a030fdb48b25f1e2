// Revocation lists: those of ssh-keygen mean the same here, and ours mean the same to ssh-keygen.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { encodeKrl, Krl } from '../../src/keys/krl.ts';
import { type Certificate, generateKey, type PublicKey, signCertificate } from '../../src/keys.ts';
import { describePeer, tempDir } from '../support/peers.ts';

describePeer('ssh-keygen', 'key revocation lists', () => {
  it('agree both ways about keys, serials, ranges, IDs, hashes and authorities', async () => {
    await using dir = tempDir();
    const at = (name: string) => join(dir.path, name);
    const [ca, other, lost, hashed, fine] = await Promise.all([0, 1, 2, 3, 4].map(() => generateKey('ed25519')));
    if (!ca || !other || !lost || !hashed || !fine) throw new Error('no keys');
    const make = (authority: typeof ca, serial: bigint, keyId: string) =>
      signCertificate(authority, fine.publicKey, { kind: 'user', keyId, principals: ['u'], serial });
    const cases: [string, PublicKey | Certificate, boolean][] = [
      ['lost', lost.publicKey, true],
      ['hashed', hashed.publicKey, true],
      ['fine', fine.publicKey, false],
      ['serial-5', await make(ca, 5n, 'a'), true],
      ['serial-6', await make(ca, 6n, 'a'), false],
      ['serial-99', await make(ca, 99n, 'a'), false],
      ['serial-100', await make(ca, 100n, 'a'), true],
      ['serial-200', await make(ca, 200n, 'a'), true],
      ['serial-201', await make(ca, 201n, 'a'), false],
      ['serial-0', await make(ca, 0n, 'a'), false],
      ['by-id', await make(ca, 0n, 'gone'), true],
      ['elsewhere-5', await make(other, 5n, 'a'), false],
      ['elsewhere-id', await make(other, 6n, 'gone'), false],
      ['by-lost', await make(lost, 6n, 'a'), true],
    ];
    for (const [name, key] of cases) writeFileSync(at(`${name}.pub`), `${key}\n`);
    writeFileSync(at('ca.pub'), `${ca.publicKey}\n`);
    const hash = createHash('sha256').update(hashed.publicKey.blob).digest();
    const spec = ['serial: 5', 'serial: 100-200', 'id: gone', `hash: SHA256:${hash.toString('base64').replace(/=+$/, '')}`];
    writeFileSync(at('spec'), [...spec, `key: ${lost.publicKey}`, ''].join('\n'));
    execFileSync('ssh-keygen', ['-q', '-k', '-z', '3', '-f', at('theirs'), '-s', at('ca.pub'), at('spec')]);
    const ours = encodeKrl({
      version: 3n,
      generated: new Date(),
      comment: 'ours',
      keys: [lost.publicKey],
      sha256: [hash],
      certificates: [{ authority: ca.publicKey, serials: [5n, { from: 100n, to: 200n }], keyIds: ['gone'] }],
    });
    writeFileSync(at('ours'), ours);
    for (const file of ['theirs', 'ours']) {
      const list = Krl.parse(readFileSync(at(file)), nodeCrypto);
      expect(list.version).toBe(3n);
      for (const [name, key, revoked] of cases) {
        expect(list.whyRevoked(key) !== null, `${file}: ${name}`).toBe(revoked);
        expect(
          spawnSync('ssh-keygen', ['-Q', '-f', at(file), at(`${name}.pub`)]).status !== 0,
          `ssh-keygen: ${file}: ${name}`,
        ).toBe(revoked);
      }
    }
  });

  it('of many serials are read, in whatever form ssh-keygen chooses', async () => {
    await using dir = tempDir();
    const at = (name: string) => join(dir.path, name);
    const ca = await generateKey('ed25519');
    writeFileSync(at('ca.pub'), `${ca.publicKey}\n`);
    const serials = new Set<number>();
    for (let i = 1; i < 3_000; i++) if ((i * 7_919) % 5 < 2 || i > 2_900) serials.add(i);
    writeFileSync(at('spec'), [...serials].map((serial) => `serial: ${serial}\n`).join(''));
    execFileSync('ssh-keygen', ['-q', '-k', '-f', at('krl'), '-s', at('ca.pub'), at('spec')]);
    const list = Krl.parse(readFileSync(at('krl')), nodeCrypto);
    const { certificate } = (await signCertificate(ca, ca.publicKey, { kind: 'user', keyId: 'x', principals: ['u'] })).publicKey;
    for (let i = 1; i < 3_100; i++) {
      const probe = Object.create(certificate, { serial: { value: BigInt(i) } }) as Certificate;
      expect(list.whyRevoked(probe) !== null, `serial ${i}`).toBe(serials.has(i));
    }
  });
});
