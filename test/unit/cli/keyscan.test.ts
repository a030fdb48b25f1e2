// `amiko keyscan` against servers of this process, and against none.
import { expect, it } from 'vitest';
import { main } from '../../../src/cli/keyscan/main.ts';
import { KnownHosts } from '../../../src/client/known-hosts.ts';
import { ServerInterface } from '../../../src/index.ts';
import { generateKey, type PrivateKey } from '../../../src/keys.ts';
import { createServer, type Server } from '../../../src/server.ts';
import { freePort, tempDir } from '../../support/peers.ts';
import { captureWritten } from '../../support/written.ts';

const written = captureWritten();

async function startServer(
  ...types: ('ed25519' | 'ecdsa' | 'rsa')[]
): Promise<{ server: Server; port: number; keys: PrivateKey[] }> {
  const keys = await Promise.all(types.map((type) => generateKey(type, type === 'rsa' ? { bits: 2048 } : {})));
  const server = createServer({ hostKeys: keys, server: () => new ServerInterface() });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { server, port, keys };
}

it('prints lines that known_hosts knows the server by', async () => {
  const { server, port, keys } = await startServer('ed25519', 'ecdsa', 'rsa');
  await using _server = server;
  for (const args of [[], ['-H']]) {
    written.stdout = '';
    expect(await main([...args, '-p', String(port), '127.0.0.1'])).toBe(0);
    expect(written.stdout.split('\n').length).toBe(4);
    expect(written.stdout.startsWith(args.length === 0 ? `[127.0.0.1]:${port} ssh-ed25519 ` : '|1|')).toBe(true);
    const known = new KnownHosts();
    known.addText(written.stdout);
    for (const { publicKey } of keys) expect(known.check('127.0.0.1', port, publicKey).status).toBe('ok');
  }
  expect(written.stderr).toMatch(/^# 127\.0\.0\.1:\d+ SSH-2\.0-amiko/);
});

it('asks for the kinds that are wanted, and does not mind when one is missing', async () => {
  const { server, port, keys } = await startServer('ed25519');
  await using _server = server;
  expect(await main(['-q', '-t', 'ed25519,rsa', '--json', `127.0.0.1:${port}`])).toBe(0);
  const { fingerprint } = keys[0] as PrivateKey;
  expect(JSON.parse(written.stdout)).toMatchObject({ host: '127.0.0.1', port, type: 'ssh-ed25519', bits: 256, fingerprint });
  expect(written.stderr).toBe('');
  written.stdout = '';
  expect(await main(['-t', 'rsa', `127.0.0.1:${port}`])).toBe(1);
  expect(written.stdout).toBe('');
  expect(written.stderr).toContain('no key of these kinds');
});

it('goes on after a host that does not answer, keeps the order, and says so once', async () => {
  const { server, port } = await startServer('ed25519', 'ecdsa');
  await using _server = server;
  await using dir = tempDir();
  const closed = await freePort();
  const list = dir.write('hosts', `# hosts\n127.0.0.1:${port} more\n\n`);
  expect(await main(['-t', 'ed25519', `127.0.0.1:${closed}`, `[127.0.0.1]:${port}`, '-f', list])).toBe(1);
  expect(written.stdout).toMatch(/^(\[127\.0\.0\.1\]:\d+ ssh-ed25519 \S+\n)\1$/);
  expect(written.stderr.match(/ECONNREFUSED/g)).toHaveLength(1);
});

it.each([
  [[], 'which hosts?'],
  [['-t', 'dsa', 'h'], '-t takes ed25519, ecdsa, rsa'],
  [['-p', '0', 'h'], '-p is a whole number'],
  [['-T', 'x', 'h'], '-T is a whole number'],
  [['--jsn', 'h'], "did you mean '--json'?"],
  [['a b'], 'not a'],
  [['*.example'], 'cannot be written down'],
])('%j is wrong usage', async (args, message) => {
  expect(await main(args)).toBe(2);
  expect(written.stderr).toContain(message);
});
