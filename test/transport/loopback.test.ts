import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { generateKey } from '../../src/keys/node/generate.ts';
import { ServerInterface, Transport, type Channel } from '../../src/index.ts';

class Echo extends ServerInterface {
  override getAllowedAuths() { return ['password']; }
  override checkAuthPassword(u: string, p: string) { return u === 'u' && p === 'p' ? 'successful' as const : 'failed' as const; }
  override checkChannelRequest() { return true; }
  override checkChannelExecRequest(channel: Channel) {
    void (async () => {
      for await (const chunk of channel) await channel.write(chunk);
      await channel.writeStderr('done');
      channel.sendExitStatus(7);
      channel.close();
    })();
    return true;
  }
}

test('echo over a socket', async () => {
  const hostKey = await generateKey('ed25519');
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = (server.address() as { port: number }).port;
  server.on('connection', async (socket) => {
    const t = new Transport(socket, { log: (_, m) => console.log('S', m) });
    t.addServerKey(hostKey);
    await t.startServer(new Echo());
  });
  const t = new Transport(`127.0.0.1:${port}`, { log: (_, m) => console.log('C', m) });
  await t.connect({ hostKey: hostKey.publicKey, username: 'u', password: 'p' });
  const ch = await t.openSession();
  await ch.execCommand('x');
  const writer = (async () => {
    for (let i = 0; i < 200; i++) await ch.write(new Uint8Array(50000).fill(i));
    ch.shutdownWrite();
  })();
  let n = 0;
  for await (const c of ch) n += c.length;
  await writer;
  expect(n).toBe(200 * 50000);
  expect(await ch.exited).toMatchObject({ code: 7 });
  expect(Buffer.from(await ch.stderr.readAll()).toString()).toBe('done');
  await t.renegotiateKeys();
  expect(await t.ping()).toBeLessThan(1000);
  await t.close();
  server.close();
});
