// What connect takes as a private key: signers, and what key files hold.

import { describe, expect, it } from 'vitest';
import type { ConnectOptions } from '../../../src/client/connect-options.ts';
import { withSigners } from '../../../src/client/private-keys.ts';
import { KeyFormatError, PassphraseError, UsageError } from '../../../src/errors.ts';
import { connect } from '../../../src/index.ts';
import { formatPrivateKey, generateKey, type PrivateKey } from '../../../src/keys.ts';

const key = await generateKey('ed25519');
const plain = await formatPrivateKey(key);
const locked = await formatPrivateKey(key, { passphrase: 'open', rounds: 1 });
const asked = (options: Partial<ConnectOptions>) => ({ host: 'h', username: 'u', ...options });
const keysOf = async (options: Partial<ConnectOptions>) => {
  const { privateKey } = await withSigners(asked(options));
  return (privateKey as PrivateKey[]).map(({ publicKey }) => publicKey.equals(key.publicKey));
};

describe('the keys for a login', () => {
  it('are signers, texts and bytes, in any mixture', async () => {
    expect(await keysOf({ privateKey: key })).toEqual([true]);
    expect(await keysOf({ privateKey: plain })).toEqual([true]);
    const jwk = await formatPrivateKey(key, { format: 'jwk' });
    expect(await keysOf({ privateKey: [Buffer.from(plain), key, jwk, locked], passphrase: 'open' })).toEqual([
      true,
      true,
      true,
      true,
    ]);
    const { privateKey } = await withSigners(asked({ privateKey: key }));
    expect((privateKey as PrivateKey[])[0]).toBe(key);
  });

  it('stay locked without their passphrase, which is asked for only where it is needed', async () => {
    const names: string[] = [];
    const passphrase = (name: string) => {
      names.push(name);
      return 'open';
    };
    expect(await keysOf({ privateKey: [plain, locked], passphrase })).toEqual([true, true]);
    expect(names).toEqual(['privateKey']);
    await expect(keysOf({ privateKey: locked })).rejects.toThrow(PassphraseError);
    await expect(keysOf({ privateKey: locked, passphrase: () => null })).rejects.toThrow(PassphraseError);
    await expect(keysOf({ privateKey: locked, passphrase: 'shut' })).rejects.toThrow(PassphraseError);
  });

  it.each([
    ['a path', '/home/me/.ssh/id_ed25519', UsageError, 'readPrivateKey'],
    ['a public key', `${key.publicKey.toString()}\n`, KeyFormatError, 'privateKey'],
    ['something else', { path: 'x' }, UsageError, 'the content of a key file'],
    ['null', null, UsageError, 'the content of a key file'],
  ])('are refused where it is %s', async (_name, privateKey, kind, says) => {
    const refused = connect(asked({ privateKey: privateKey as string }));
    await expect(refused).rejects.toThrow(kind);
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(says) });
  });

  it('need no passphrase, and a passphrase needs a key', async () => {
    await expect(connect(asked({ passphrase: 'x' }))).rejects.toMatchObject({ message: expect.stringContaining('privateKey') });
  });
});
