// Which key a file stands for before anybody is asked for a passphrase, and what happens when it turns out to be another.
import { describe, expect, it } from 'vitest';
import { LockedKeyError, peekPublicKey, readIdentity } from '../../../src/client/identity-files.ts';
import { generateKey, type PrivateKey, readPrivateKey, writePrivateKey } from '../../../src/keys.ts';
import { tempDir } from '../../support/peers.ts';

const passphrase = 'secret';

function port(unlock: ((file: string) => Promise<PrivateKey | null>) | null) {
  const errors: string[] = [];
  return { errors, unlock, log: { error: (text: string) => void errors.push(text), debug: () => {} } };
}

describe('an encrypted key file', () => {
  it.each([
    ['openssh', true],
    ['ppk', true],
    ['pkcs8', false],
  ] as const)('in the format %s tells its public half: %s', async (format, tells) => {
    await using dir = tempDir();
    const [key, file] = [await generateKey('ed25519'), dir.join('id')];
    await writePrivateKey(file, key, { format, passphrase });
    expect((await peekPublicKey(file))?.equals(key.publicKey) ?? false).toBe(tells);
    dir.write('id.pub', `${key.publicKey}\n`);
    expect((await peekPublicKey(file))?.equals(key.publicKey)).toBe(true);
  });

  it('is opened when something is to be signed', async () => {
    await using dir = tempDir();
    const [key, file] = [await generateKey('ed25519'), dir.join('id')];
    await writePrivateKey(file, key, { passphrase });
    let opened = 0;
    const open = port((name) => {
      opened++;
      return readPrivateKey(name, { passphrase });
    });
    const signer = await readIdentity(file, null, open);
    expect(signer?.costly).toBe(true);
    expect(opened).toBe(0);
    for (const data of [Uint8Array.of(1), Uint8Array.of(2)]) {
      const signature = await signer?.sign(data, 'ssh-ed25519');
      expect(key.publicKey.verify(data, signature as Uint8Array, 'ssh-ed25519')).toBe(true);
    }
    expect(opened).toBe(1);
    const closed = port(null);
    expect(await readIdentity(file, null, closed)).toBeNull();
    expect(closed.errors).toEqual([`identity ${file} is encrypted, and there is no passphrase`]);
  });

  it('signs for no other key than the one that was offered', async () => {
    await using dir = tempDir();
    const [key, other, file] = [await generateKey('ed25519'), await generateKey('ed25519'), dir.join('id')];
    await writePrivateKey(file, key, { passphrase });
    dir.write('id.pub', `${other.publicKey}\n`);
    const told = port((name) => readPrivateKey(name, { passphrase }));
    const signer = await readIdentity(file, null, told);
    expect(signer?.publicKey.equals(other.publicKey)).toBe(true);
    await expect(async () => signer?.sign(Uint8Array.of(1), 'ssh-ed25519')).rejects.toThrow(LockedKeyError);
    expect(told.errors).toEqual([`identity the public key beside ${file} is not its own`]);
  });
});
