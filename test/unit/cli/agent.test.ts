// `amiko agent` without any other program: what it says to an agent of ours, and what an agent of ours does.
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AgentServer, Keyring, listenAgent, openAgent } from '../../../src/agent.ts';
import { main } from '../../../src/cli/agent/main.ts';
import { lifetimeOf } from '../../../src/cli/agent/serve.ts';
import { generateKey, type PrivateKey, signCertificate, writePrivateKey } from '../../../src/keys.ts';
import { type TempDir, tempDir } from '../../support/peers.ts';

const written = { stdout: '', stderr: '' };
let dir: TempDir;
let keyring: Keyring;
let server: AgentServer;

beforeEach(async () => {
  dir = tempDir();
  keyring = new Keyring();
  server = await listenAgent(keyring, dir.join('socket'));
  vi.stubEnv('SSH_AUTH_SOCK', dir.join('socket'));
  vi.stubEnv('SSH_ASKPASS', '');
  for (const name of ['stdout', 'stderr'] as const) {
    written[name] = '';
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    });
  }
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await server.close();
  await dir.remove();
});

function answers(text: string): void {
  vi.stubEnv('SSH_ASKPASS', dir.write('ask', `#!/bin/sh\necho '${text}'\n`, 0o700));
  vi.stubEnv('SSH_ASKPASS_REQUIRE', 'force');
}

/** A key in a file, with a certificate beside it. */
async function certified(type: 'ed25519' | 'ecdsa' | 'rsa', name: string = type): Promise<PrivateKey> {
  const key = await generateKey(type, { comment: `my ${type}`, ...(type === 'rsa' && { bits: 2048 }) });
  const certificate = await signCertificate(key, key.publicKey, { kind: 'user', keyId: `id of ${type}`, principals: ['u'] });
  await writePrivateKey(dir.join(name), key);
  dir.write(`${name}.pub`, `${key.publicKey}\n`);
  dir.write(`${name}-cert.pub`, `${certificate}\n`);
  return key;
}

describe('keys and their certificates', () => {
  it.each(['ed25519', 'ecdsa', 'rsa'] as const)('of type %s are added, used and removed', async (type) => {
    const key = await certified(type);
    expect(await main(['add', dir.join(type)])).toBe(0);
    expect(written.stderr).toContain(`Identity added: ${dir.join(type)} (my ${type})\n`);
    expect(written.stderr).toContain(`Certificate added: ${dir.join(type)}-cert.pub (id of ${type})\n`);
    {
      await using agent = await openAgent();
      const keys = await agent.getKeys();
      expect(keys.map(({ publicKey }) => publicKey.certificate !== null)).toEqual([false, true]);
      const data = new Uint8Array([1, 2, 3]);
      for (const one of keys) {
        const algorithm = one.algorithms[0] as (typeof one.algorithms)[number];
        expect(key.publicKey.verify(data, await one.sign(data, algorithm), algorithm)).toBe(true);
      }
    }
    expect(await main(['list'])).toBe(0);
    expect(written.stdout).toMatch(new RegExp(`^\\d+ \\S+ my ${type} \\(\\w+\\)\n\\d+ \\S+ my ${type} \\(\\w+-CERT\\)\n$`));
    expect(await main(['remove', dir.join(`${type}.pub`)])).toBe(0);
    expect(keyring.list()).toEqual([]);
    expect(await main(['remove', dir.join(`${type}.pub`)])).toBe(1);
  });

  it('of another key are refused by our agent', async () => {
    const key = await certified('ed25519');
    const other = await generateKey('ed25519');
    const certificate = await signCertificate(other, other.publicKey, { kind: 'user', keyId: 'x', principals: ['u'] });
    dir.write('ed25519-cert.pub', `${certificate}\n`);
    expect(await main(['add', dir.join('ed25519')])).toBe(1);
    expect(written.stderr).toContain('the certificate is for another key');
    expect(keyring.list().map(({ publicKey }) => publicKey.fingerprint)).toEqual([key.fingerprint]);
  });
});

it('goes on after a key that cannot be added', async () => {
  await certified('ed25519');
  expect(await main(['add', dir.join('nothing'), dir.join('ed25519.pub'), dir.join('ed25519')])).toBe(1);
  expect(keyring.list().length).toBe(2);
});

it.skipIf(process.platform === 'win32')('does not add a key that others can read, as ssh-add', async () => {
  await certified('ed25519');
  chmodSync(dir.join('ed25519'), 0o640);
  expect(await main(['add', dir.join('ed25519')])).toBe(1);
  expect(written.stderr).toContain(`${dir.join('ed25519')} is not added: others have rights to the file (0640)`);
  expect(keyring.list()).toEqual([]);
});

it('names keys without a comment by their files', async () => {
  await writePrivateKey(dir.join('plain'), await generateKey('ecdsa', { comment: 'lost' }), { format: 'pkcs8' });
  expect(await main(['add', '-q', dir.join('plain')])).toBe(0);
  expect(keyring.list().map(({ comment }) => comment)).toEqual([dir.join('plain')]);
  expect(written.stderr).toBe('');
});

it('limits keys to hosts, their certificates too', async () => {
  await certified('ed25519');
  const host = await generateKey('ed25519');
  const known = dir.write('known', `gate ${host.publicKey}\n`);
  expect(await main(['add', '-h', 'gate', '-h', 'gate>me@gate', '-H', known, dir.join('ed25519')])).toBe(0);
  expect(written.stderr).toContain('Limited to gate\nLimited to gate>me@gate\n');
  expect(keyring.list().map(({ destinations }) => destinations.map(({ to }) => to.hostname))).toEqual([
    ['gate', 'gate'],
    ['gate', 'gate'],
  ]);
  expect(await main(['add', '-h', 'elsewhere', '-H', known, dir.join('ed25519')])).toBe(255);
  expect(written.stderr).toContain("no key of the host 'elsewhere' is known");
});

it('locks and unlocks by a passphrase that is asked for', async () => {
  await certified('ed25519');
  await main(['add', dir.join('ed25519')]);
  answers('secret');
  expect(await main(['lock'])).toBe(0);
  expect(keyring.locked).toBe(true);
  expect(await main(['list'])).toBe(1);
  expect(written.stderr).toContain('The agent has no identities.');
  expect(await main(['lock'])).toBe(1);
  answers('wrong');
  expect(await main(['unlock'])).toBe(1);
  expect(keyring.locked).toBe(true);
  answers('secret');
  expect(await main(['unlock'])).toBe(0);
  expect(keyring.locked).toBe(false);
  answers('');
  expect(await main(['lock'])).toBe(1);
  expect(keyring.locked).toBe(false);
});

it('lists as JSON and as public keys', async () => {
  const key = await certified('ed25519');
  keyring.add(key, { comment: 'a\nb' });
  expect(await main(['list', '--json'])).toBe(0);
  expect(JSON.parse(written.stdout)).toMatchObject({ kind: 'ED25519', bits: 256, fingerprint: key.fingerprint, comment: 'a\nb' });
  written.stdout = '';
  expect(await main(['list', '-L', '-E', 'md5'])).toBe(0);
  expect(written.stdout).toBe(`${key.publicKey.type} ${key.publicKey.getBase64()} a\\x0ab\n`);
  expect(await main(['remove', '--all'])).toBe(0);
  expect(keyring.list()).toEqual([]);
});

describe('our agent', () => {
  it('runs a command with itself in its environment, and is gone afterwards', async () => {
    const out = dir.join('out');
    const script = `test -S "$SSH_AUTH_SOCK" && printf '%s' "$SSH_AUTH_SOCK" > '${out}'; exit 7`;
    expect(await main(['sh', '-c', script])).toBe(7);
    const socket = readFileSync(out, 'utf8');
    expect(socket).toMatch(/amiko-agent-\w+\/agent\.\d+$/);
    expect(existsSync(socket)).toBe(false);
    expect(existsSync(socket.replace(/\/[^/]*$/, ''))).toBe(false);
  });

  it('ends as its command ends', async () => {
    expect(await main(['sh', '-c', 'kill -TERM $$'])).toBe(143);
    expect(await main(['-a', dir.join('other'), 'true'])).toBe(0);
    expect(existsSync(dir.join('other'))).toBe(false);
  });

  it('does not take the place of another', async () => {
    expect(await main(['-a', dir.join('socket'), 'true'])).toBe(255);
    expect(written.stderr).toContain('EADDRINUSE');
    expect(await main(['list'])).toBe(1);
  });
});

it.each([
  [['lst'], 255, "did you mean 'amiko agent list'?"],
  [['-t', 'x', 'true'], 2, 'no length of time'],
  [['-t', '0', 'true'], 2, 'at least a second'],
  [['-t', '4294967296', 'true'], 2, 'at most 136 years'],
  [['-k'], 2, 'not supported'],
  [['remove'], 2, 'which keys?'],
  [['remove', '--all', 'x'], 2, 'either files or --all'],
  [['list', 'x'], 2, "unexpected argument 'x'"],
  [['lock', '-x'], 2, "unknown option '-x'"],
])('%j ends with %i', async (args, status, message) => {
  expect(await main(args)).toBe(status);
  expect(written.stderr).toContain(message);
});

it('cannot do anything without an agent', async () => {
  vi.stubEnv('SSH_AUTH_SOCK', '');
  expect(await main(['list'])).toBe(255);
  expect(written.stderr).toContain('SSH_AUTH_SOCK is not set');
});

it('has lifetimes in seconds', () => {
  expect([lifetimeOf('90'), lifetimeOf('8h'), lifetimeOf('1d12h')]).toEqual([90, 28_800, 129_600]);
});
