// amiko as both ends of the bench, by its public API alone: what is measured is what a user gets.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { blocks, formatCommand, Meter, parseCommand } from '../data.mjs';

const load = (file) => import(pathToFileURL(join(process.env.AMIKO_BENCH_DIST, file)).href);
const { ServerInterface, Transport } = await load('index.js');
const { parsePrivateKey, parsePublicKey } = await load('keys.js');

/** Starts a server for the one user key; `finished` hears of every command when its channel has closed. */
export async function listen({ hostKey, userKey }, { begun, finished }) {
  const key = await parsePrivateKey(hostKey.private);
  const allowed = await parsePublicKey(userKey.public);

  class BenchServer extends ServerInterface {
    getAllowedAuths() {
      return ['publickey'];
    }
    checkAuthPublickey(_username, offered) {
      return offered.equals(allowed) ? 'successful' : 'failed';
    }
    checkChannelRequest(kind) {
      return kind === 'session';
    }
    checkChannelExecRequest(channel, command) {
      const started = begun();
      // After the reply: the client may not expect data before it.
      setImmediate(() => serve(channel, Buffer.from(command).toString(), started, finished));
      return true;
    }
  }

  const server = createServer((socket) => {
    const transport = new Transport(socket);
    transport.addServerKey(key);
    transport.startServer(new BenchServer()).catch(() => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port };
}

async function serve(channel, text, started, finished) {
  const command = parseCommand(text);
  const meter = new Meter(command?.checked ?? false);
  if (command?.direction === 'down') {
    for (const block of blocks(command.bytes, meter)) await channel.write(block);
  } else if (command?.direction === 'up') {
    for await (const chunk of channel) meter.add(chunk);
    await channel.write(`${meter.bytes}\n`);
  }
  channel.shutdownWrite();
  channel.sendExitStatus(0);
  channel.close();
  await channel.closed;
  finished(started, meter.result());
}

export async function prepareClient({ hostKey, userKey }) {
  return { hostKey: await parsePublicKey(hostKey.public), privateKey: await parsePrivateKey(userKey.private) };
}

/** Connects and logs in. */
export async function connect(keys, { port, username, cipher, mac, kex, window }) {
  const algorithms = {
    ...(cipher && { ciphers: [cipher] }),
    ...(mac && { macs: [mac] }),
    ...(kex && { kex: [kex] }),
  };
  const transport = new Transport(['127.0.0.1', port], { algorithms, ...(window && { defaultWindowSize: window }) });
  await transport.connect({ hostKey: keys.hostKey, username, privateKey: keys.privateKey });
  return {
    negotiated: () => transport.negotiated,
    async run(text) {
      const channel = await transport.openSession();
      await channel.execCommand(text);
      await channel.stdout.readAll();
      await channel.closed;
    },
    /** `commandFor` gives the text of the command where the server is not ours. */
    async transfer({ direction, bytes, checked, command }) {
      const meter = new Meter(checked);
      const channel = await transport.openSession();
      await channel.execCommand(command ?? formatCommand({ direction, bytes, checked }));
      if (direction === 'down') {
        for await (const chunk of channel) meter.add(chunk);
        return meter.result();
      }
      for (const block of blocks(bytes, meter)) await channel.write(block);
      channel.shutdownWrite();
      const answer = await channel.stdout.readAll(64);
      return { ...meter.result(), answered: Number.parseInt(Buffer.from(answer).toString(), 10) };
    },
    close: () => transport.close(),
  };
}
