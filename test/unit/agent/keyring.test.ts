// A keyring by itself: who may sign and when, and what a wrong passphrase costs.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Keyring, type KeyUse } from '../../../src/agent.ts';
import { UsageError } from '../../../src/errors.ts';
import { generateKey } from '../../../src/keys.ts';

const key = await generateKey('ed25519', { comment: 'k' });
const { blob } = key.publicKey;
const destinations = [{ to: { hostname: 'h', hostKeys: [key.publicKey] } }];
const use: KeyUse = { username: 'me', hostname: 'h' };
const secret = Buffer.from('secret');
const wrong = Buffer.from('wrong');

afterEach(() => vi.useRealTimers());

describe('a key that is limited to hosts', () => {
  it('signs only where somebody says what for', async () => {
    const keyring = new Keyring();
    keyring.add(key, { destinations });
    expect(await keyring.signer(blob)).toBeNull();
    expect(await keyring.signer(blob, () => null)).toBeNull();
    expect(await keyring.signer(blob, (entry) => (entry.destinations === destinations ? use : null))).toBe(key);
    keyring.add(key);
    expect(await keyring.signer(blob, () => null)).toBe(key);
  });

  it('is limited to some', () => {
    expect(() => new Keyring().add(key, { destinations: [] })).toThrow(UsageError);
  });
});

describe('a key that asks first', () => {
  it('says where it is used, one question at a time', async () => {
    const asked: (KeyUse | null)[] = [];
    const answers: ((yes: boolean) => void)[] = [];
    const keyring = new Keyring({
      onConfirm: (_key, _comment, where) => {
        asked.push(where);
        return new Promise((resolve) => answers.push(resolve));
      },
    });
    keyring.add(key, { confirm: true, destinations });
    const signers = [keyring.signer(blob, () => use), keyring.signer(blob, () => ({ ...use, username: 'you' }))];
    await vi.waitFor(() => expect(asked).toEqual([use]));
    answers[0]?.(false);
    expect(await signers[0]).toBeNull();
    await vi.waitFor(() => expect(asked.length).toBe(2));
    answers[1]?.(true);
    expect(await signers[1]).toBe(key);
  });

  it.each(['is removed', 'is replaced', 'is locked away'])('signs nothing if it %s meanwhile', async (how) => {
    let agree = (_yes: boolean) => {};
    const asked = vi.fn(
      () =>
        new Promise<boolean>((resolve) => {
          agree = resolve;
        }),
    );
    const keyring = new Keyring({ onConfirm: asked });
    keyring.add(key, { confirm: true });
    const signers = [keyring.signer(blob), keyring.signer(blob)];
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(1));
    if (how === 'is removed') keyring.removeAll();
    else if (how === 'is replaced') keyring.add(key, { confirm: true });
    else keyring.lock(secret);
    agree(true);
    expect(await Promise.all(signers)).toEqual([null, null]);
    // The second one was not even asked about.
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it('signs nothing where asking fails, and the next one may ask again', async () => {
    const keyring = new Keyring({ onConfirm: vi.fn().mockRejectedValueOnce(new Error('no display')).mockResolvedValue(true) });
    keyring.add(key, { confirm: true });
    await expect(keyring.signer(blob)).rejects.toThrow('no display');
    expect(await keyring.signer(blob)).toBe(key);
  });
});

it('forgets keys in time, also while the machine sleeps and timers do not run', async () => {
  vi.useFakeTimers();
  const keyring = new Keyring();
  keyring.add(key, { lifetime: 10 });
  vi.advanceTimersByTime(9_999);
  expect(keyring.list().length).toBe(1);
  vi.advanceTimersByTime(1);
  expect(keyring.list()).toEqual([]);
  keyring.add(key, { lifetime: 10 });
  vi.setSystemTime(Date.now() + 11_000);
  expect(keyring.list()).toEqual([]);
  expect(keyring.find(blob)).toBeNull();
  expect(await keyring.signer(blob)).toBeNull();
});

describe('the lock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  it('lets guesses wait for each other, longer each time', async () => {
    const keyring = new Keyring();
    expect(keyring.lock(secret)).toBe(true);
    const done: string[] = [];
    for (const name of ['a', 'b', 'c']) void keyring.unlock(wrong).then((opened) => done.push(`${name} ${opened}`));
    void keyring.unlock(secret).then((opened) => done.push(`right ${opened}`));
    await vi.advanceTimersByTimeAsync(100);
    expect(done).toEqual(['a false']);
    await vi.advanceTimersByTimeAsync(199);
    expect(done).toEqual(['a false']);
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toEqual(['a false', 'b false']);
    expect(keyring.locked).toBe(true);
    await vi.advanceTimersByTimeAsync(400);
    expect(done).toEqual(['a false', 'b false', 'c false', 'right true']);
    expect(keyring.locked).toBe(false);
  });

  it('needs a passphrase, and holds no other one', async () => {
    const keyring = new Keyring();
    expect(keyring.lock(new Uint8Array(0))).toBe(false);
    expect(await keyring.unlock(secret)).toBe(false);
    expect(keyring.lock(secret)).toBe(true);
    expect(keyring.lock(wrong)).toBe(false);
    keyring.add(key);
    expect(keyring.list()).toEqual([]);
    expect(keyring.find(blob)).toBeNull();
    expect(await keyring.signer(blob)).toBeNull();
    expect(await keyring.unlock(secret)).toBe(true);
    expect(keyring.list().length).toBe(1);
  });
});
