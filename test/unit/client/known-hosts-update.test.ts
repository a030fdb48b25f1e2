// KnownHosts.update: a file follows a host's keys, and nothing else in it changes.
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateKey, type PublicKey } from '../../../src/keys.ts';
import { KnownHosts } from '../../../src/known-hosts.ts';
import { tempDir } from '../../support/peers.ts';

let a: PublicKey;
let b: PublicKey;
let c: PublicKey;
let other: PublicKey;
const line = (name: string, key: PublicKey, rest = '') => `${name} ${key.type} ${key.getBase64()}${rest}\n`;

beforeAll(async () => {
  [b, a, c, other] = (await Promise.all([generateKey('ecdsa').then(({ publicKey }) => publicKey), ...fresh(3)])) as [
    PublicKey,
    PublicKey,
    PublicKey,
    PublicKey,
  ];
});

function fresh(count: number): Promise<PublicKey>[] {
  return Array.from({ length: count }, async () => (await generateKey('ed25519')).publicKey);
}

async function updated(text: string, keys: readonly PublicKey[], options: { host?: string; port?: number; hash?: boolean } = {}) {
  await using dir = tempDir();
  const file = dir.write('known_hosts', text);
  const hosts = await KnownHosts.read([file]);
  const { host = 'h', port = 22, hash } = options;
  const result = await hosts.update(file, host, port, keys, hash);
  expect(readdirSync(dir.path)).toEqual(['known_hosts']);
  const now = readFileSync(file, 'utf8');
  // What is known in memory is what is in the file.
  const read = await KnownHosts.read([file]);
  for (const key of [a, b, c]) expect(hosts.check(host, port, key)).toEqual(read.check(host, port, key));
  return { ...result, text: now };
}

describe('update', () => {
  it('adds and removes; comments, order and what is not understood stay', async () => {
    const before = `# cömment\n${line('x', other)}\n${line('h', a, ' mine')}nonsense\n${line('h', c)}${line('[h]:23', other)}`;
    const { text, added, removed, skipped } = await updated(before, [a, b]);
    expect(text).toBe(
      `# cömment\n${line('x', other)}\n${line('h', a, ' mine')}nonsense\n${line('[h]:23', other)}${line('h', b)}`,
    );
    expect([added, removed, skipped]).toEqual([[b], [c], null]);
  });

  it('leaves a file as it is where there is nothing to do', async () => {
    await using dir = tempDir();
    const file = dir.write('known_hosts', line('h', a));
    const before = statSync(file);
    const result = await (await KnownHosts.read([file])).update(file, 'h', 22, [a]);
    expect(result).toEqual({ added: [], removed: [], skipped: null });
    expect(statSync(file)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it('writes names as the file has them, with their port', async () => {
    expect((await updated(line('[h]:2222', a), [a, b], { port: 2222 })).text).toBe(line('[h]:2222', a) + line('[h]:2222', b));
    const { text } = await updated(line('h', a), [a, b], { hash: true });
    expect(text).toMatch(/^h ssh-ed25519 .*\n\|1\|\S+ ecdsa-sha2-nistp256 \S+\n$/);
    const hashed = text.split('\n')[1] as string;
    const name = hashed.split(' ')[0] as string;
    const again = await updated(`${name} ${a.type} ${a.getBase64()}`, [a, c]);
    expect(again.added).toEqual([c]);
    expect(again.text.split('\n')[1]).toMatch(/^\|1\|/);
    expect(again.text.split('\n')[1]?.split(' ')[0]).not.toBe(name);
  });

  it('adds a key that is named twice once', async () => {
    expect((await updated(line('h', a), [b, a, b])).added).toEqual([b]);
  });

  it.each([
    ['a pattern', () => line('h*', a)],
    ['several hosts', () => line('h,i', a)],
    ['a marker', () => line('h', a) + line('@cert-authority h', c)],
    ['a revocation', () => line('h', a) + line('@revoked *', c)],
    ['a negation', () => line('!i,h', a)],
  ])('touches nothing where there is %s', async (_what, lines) => {
    const { text, added, removed, skipped } = await updated(lines(), [a, b]);
    expect(text).toBe(lines());
    expect([added, removed]).toEqual([[], []]);
    expect(skipped).toMatch(/pattern, several names or a marker/);
  });

  it.each([
    ['a key that stays', () => line('h', a) + line('i', a)],
    ['a new key', () => line('i', b) + line('h', a)],
    ['a key that goes', () => line('h', a) + line('h', c) + line('[h]:23', c)],
  ])('touches nothing where another name has %s', async (_what, lines) => {
    const { text, skipped } = await updated(lines(), [a, b]);
    expect(text).toBe(lines());
    expect(skipped).toMatch(/by another name/);
  });

  it('needs a key that is known', async () => {
    const { text, skipped } = await updated(line('h', c), [a, b]);
    expect(text).toBe(line('h', c));
    expect(skipped).toMatch(/not known by any of these keys/);
  });

  it('keeps rights, links, and a last line without its end', async () => {
    await using dir = tempDir();
    const real = dir.write('real', line('h', a).trimEnd());
    chmodSync(real, 0o640);
    const file = dir.join('known_hosts');
    symlinkSync(real, file);
    await (await KnownHosts.read([file])).update(file, 'h', 22, [a, b]);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toBe(line('h', a) + line('h', b));
    expect(statSync(real).mode & 0o777).toBe(0o640);
  });

  it('replaces the file at once: who has it open reads the old one', async () => {
    await using dir = tempDir();
    const file = dir.write('known_hosts', line('h', a));
    linkSync(file, dir.join('old'));
    await (await KnownHosts.read([file])).update(file, 'h', 22, [a, b]);
    expect(readFileSync(dir.join('old'), 'utf8')).toBe(line('h', a));
  });

  it('many writers lose nothing', async () => {
    await using dir = tempDir();
    const names = Array.from({ length: 12 }, (_none, index) => `h${index}`);
    const [known, learned] = await Promise.all([Promise.all(fresh(names.length)), Promise.all(fresh(names.length))]);
    const keys = (index: number) => [known[index], learned[index]] as [PublicKey, PublicKey];
    const file = dir.write('known_hosts', names.map((name, index) => line(name, keys(index)[0])).join(''));
    const writers = await Promise.all(names.map(() => KnownHosts.read([file])));
    await Promise.all(
      names.flatMap((name, index) => [
        writers[index]?.update(file, name, 22, keys(index)),
        writers[index]?.append(file, `new${index}`, 22, c),
      ]),
    );
    const now = await KnownHosts.read([file]);
    for (const [index, name] of names.entries()) {
      expect(now.check(name, 22, keys(index)[1]).status).toBe('ok');
      expect(now.check(`new${index}`, 22, c).status).toBe('ok');
    }
    expect(readdirSync(dir.path)).toEqual(['known_hosts']);
  });

  it('takes a lock that somebody has left, and waits for a fresh one in vain', async () => {
    await using dir = tempDir();
    const file = dir.write('known_hosts', line('h', a));
    const lock = dir.write('known_hosts.lock', '');
    await expect((await KnownHosts.read([file])).update(file, 'h', 22, [a, b])).rejects.toMatchObject({
      code: 'ERR_SSH_TIMEOUT',
    });
    expect(readFileSync(file, 'utf8')).toBe(line('h', a));
    const longAgo = Date.now() / 1000 - 60;
    utimesSync(lock, longAgo, longAgo);
    await (await KnownHosts.read([file])).update(file, 'h', 22, [a, b]);
    expect(readFileSync(file, 'utf8')).toBe(line('h', a) + line('h', b));
    expect(existsSync(lock)).toBe(false);
  });

  it('leaves what is no file alone', async () => {
    const hosts = new KnownHosts();
    await hosts.append('/dev/null', 'h', 22, a);
    expect(existsSync('/dev/null.lock')).toBe(false);
    expect(await hosts.update('/dev/null', 'h', 22, [a, b])).toMatchObject({ added: [], skipped: 'it is not a regular file' });
    await using dir = tempDir();
    await expect(hosts.update(dir.join('none'), 'h', 22, [a])).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
