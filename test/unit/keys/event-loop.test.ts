// Deriving a key from a passphrase takes long; the event loop must not notice. And where no worker can be had, it works all
// the same.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { KeyFormatError } from '../../../src/errors.ts';
import type { KeyFileKdf } from '../../../src/keys/formats/key-file.ts';
import { deriveKey } from '../../../src/keys/node/kdf.ts';
import { formatPrivateKey, parsePrivateKey } from '../../../src/keys.ts';
import { files, passphrase, publicKeys } from './vectors.ts';
import { ppkFiles } from './vectors-putty.ts';

const text = (name: string): string => files[name]?.text ?? '';

/** The longest time that the event loop did not come round while `run` ran, and how long that took, in milliseconds. */
async function longestBlock(run: () => Promise<unknown>): Promise<{ longest: number; total: number }> {
  let longest = 0;
  let last = performance.now();
  const start = last;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  try {
    await run();
    longest = Math.max(longest, performance.now() - last);
    return { longest, total: performance.now() - start };
  } finally {
    clearInterval(timer);
  }
}

describe('the event loop', () => {
  it('goes round while a key with many bcrypt rounds is written and read', { timeout: 60_000 }, async () => {
    const key = await parsePrivateKey(text('OpenSSH ed25519'));
    await formatPrivateKey(key, { passphrase: 'x', rounds: 1 });
    let file = '';
    const writing = await longestBlock(async () => {
      file = await formatPrivateKey(key, { passphrase: 'x', rounds: 100 });
    });
    const reading = await longestBlock(() => parsePrivateKey(file, { passphrase: 'x' }));
    for (const { longest, total } of [writing, reading]) {
      // 100 rounds are a second or two in one piece; a tenth of that allows for a busy machine.
      expect(total).toBeGreaterThan(300);
      expect(longest).toBeLessThan(total / 4);
    }
  });

  it('goes round while scrypt and PBKDF2 work', { timeout: 60_000 }, async () => {
    const salt = new Uint8Array(16);
    const kdfs: KeyFileKdf[] = [
      { name: 'scrypt', salt, cost: 131_072, blockSize: 8, parallelization: 1 },
      { name: 'pbkdf2', salt, hash: 'sha512', iterations: 1_000_000 },
    ];
    for (const kdf of kdfs) {
      const { longest, total } = await longestBlock(() => deriveKey(kdf, new Uint8Array(8), 32));
      expect(total).toBeGreaterThan(100);
      expect(longest).toBeLessThan(total / 2);
    }
  });

  it('goes round while Argon2 works', { timeout: 60_000 }, async () => {
    const key = await parsePrivateKey(text('OpenSSH ed25519'));
    let file = '';
    const writing = await longestBlock(async () => {
      file = await formatPrivateKey(key, { format: 'ppk', passphrase: 'x', rounds: 8 });
    });
    const reading = await longestBlock(() => parsePrivateKey(file, { passphrase: 'x' }));
    for (const { longest, total } of [writing, reading]) {
      expect(total).toBeGreaterThan(200);
      expect(longest).toBeLessThan(total / 2);
    }
  });

  it('is not kept alive, nor is the processor kept busy, after a signal', async () => {
    const key = await parsePrivateKey(text('OpenSSH ed25519'));
    const file = await formatPrivateKey(key, { passphrase: 'x', rounds: 24 });
    const controller = new AbortController();
    const before = process.getActiveResourcesInfo().filter((each) => each === 'MessagePort').length;
    const result = parsePrivateKey(file, { passphrase: 'x', signal: controller.signal });
    const settled = expect(result).rejects.toBe('enough');
    await sleep(20);
    controller.abort('enough');
    await settled;
    await expect
      .poll(() => process.getActiveResourcesInfo().filter((each) => each === 'MessagePort').length, { timeout: 5000 })
      .toBeLessThanOrEqual(before);
  });
});

it('Argon2 that fails is a KeyFormatError, not a crash', async () => {
  const salt = new Uint8Array(16);
  // Fewer bytes than Argon2 can give: what it throws then stands for memory that cannot be had.
  const impossible = deriveKey({ name: 'argon2', variant: 'id', salt, memory: 64, passes: 1, parallelism: 1 }, salt, 2);
  await expect(impossible).rejects.toBeInstanceOf(KeyFormatError);
});

describe('without a worker', () => {
  afterEach(() => {
    vi.doUnmock('node:worker_threads');
    vi.doUnmock('node:module');
    vi.resetModules();
  });

  const readsAgain = async (): Promise<void> => {
    vi.resetModules();
    const { parsePrivateKey: parse } = await import('../../../src/keys.ts');
    const key = await parse(text('OpenSSH ed25519 aes256-ctr'), { passphrase });
    expect(key.fingerprint).toBe(publicKeys.ed25519.sha256);
    await expect(parse(text('OpenSSH ed25519 aes256-ctr'), { passphrase: 'x' })).rejects.toMatchObject({ reason: 'wrong' });
    const argon2 = ppkFiles['PPK 3 ed25519 Argon2id']?.text ?? '';
    expect((await parse(argon2, { passphrase })).fingerprint).toBe(publicKeys.ed25519.sha256);
    await expect(parse(argon2, { passphrase: 'x' })).rejects.toMatchObject({ reason: 'wrong' });
  };

  it('keys are read where threads are forbidden', async () => {
    let asked = 0;
    vi.doMock('node:worker_threads', () => ({
      Worker: class {
        constructor() {
          asked++;
          throw Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' });
        }
      },
    }));
    await readsAgain();
    expect(asked).toBe(4);
  });

  it('keys are read where the package was bundled away', async () => {
    let asked = 0;
    vi.doMock('node:module', () => ({
      createRequire: () => ({
        resolve: () => {
          asked++;
          throw Object.assign(new Error("Cannot find module 'bcrypt-pbkdf'"), { code: 'MODULE_NOT_FOUND' });
        },
      }),
    }));
    await readsAgain();
    expect(asked).toBe(4);
  });

  it('keys are read where the worker dies', async () => {
    const real = await vi.importActual<typeof import('node:worker_threads')>('node:worker_threads');
    let asked = 0;
    vi.doMock('node:worker_threads', () => ({
      Worker: class extends real.Worker {
        constructor() {
          asked++;
          super('throw new Error("no")', { eval: true });
        }
      },
    }));
    await readsAgain();
    expect(asked).toBe(4);
  });
});
