// npm ssh2 as both ends of the bench, in the way its documentation shows; with TCP_NODELAY unless it is to run as shipped.
import { once } from 'node:events';
import ssh2 from 'ssh2';
import { blocks, formatCommand, Meter, parseCommand } from '../data.mjs';

const { Client, Server, utils } = ssh2;

export async function listen({ hostKey, userKey, asShipped }, { begun, finished }) {
  const allowed = utils.parseKey(userKey.public);
  const server = new Server({ hostKeys: [hostKey.private] }, (connection) => {
    if (!asShipped) connection.setNoDelay(true);
    connection.on('error', () => {});
    connection.on('authentication', (context) => {
      const { key, method, blob, signature, hashAlgo } = context;
      const known = method === 'publickey' && key.algo === allowed.type && key.data.equals(allowed.getPublicSSH());
      if (known && (signature === undefined || allowed.verify(blob, signature, hashAlgo) === true)) context.accept();
      else context.reject(['publickey']);
    });
    connection.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, info) => {
        const started = begun();
        void serve(acceptExec(), info.command, started, finished);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port };
}

async function serve(stream, text, started, finished) {
  const command = parseCommand(text);
  const meter = new Meter(command?.checked ?? false);
  const closed = once(stream, 'close');
  if (command?.direction === 'up') {
    stream.on('data', (chunk) => meter.add(chunk));
    await once(stream, 'end');
    stream.write(`${meter.bytes}\n`);
  } else {
    stream.resume();
    if (command !== null) await send(stream, blocks(command.bytes, meter));
  }
  stream.exit(0);
  stream.end();
  await closed;
  finished(started, meter.result());
}

async function send(stream, source) {
  for (const block of source) if (!stream.write(block)) await once(stream, 'drain');
}

export function prepareClient({ hostKey, userKey }) {
  return { hostKey: utils.parseKey(hostKey.public).getPublicSSH(), privateKey: userKey.private };
}

export async function connect(keys, { port, username, cipher, mac, kex, asShipped }) {
  const client = new Client();
  const closed = new Promise((resolve) => client.on('close', resolve));
  const ready = once(client, 'ready');
  client.connect({
    host: '127.0.0.1',
    port,
    username,
    privateKey: keys.privateKey,
    hostVerifier: (key) => key.equals(keys.hostKey),
    algorithms: { ...(cipher && { cipher: [cipher] }), ...(mac && { hmac: [mac] }), ...(kex && { kex: [kex] }) },
  });
  if (!asShipped) client.setNoDelay(true);
  await ready;
  client.on('error', () => {});
  const exec = (text) =>
    new Promise((resolve, reject) => client.exec(text, (error, stream) => (error ? reject(error) : resolve(stream))));
  return {
    negotiated: () => null,
    async run(text) {
      const stream = await exec(text);
      stream.resume();
      stream.stderr.resume();
      await once(stream, 'close');
    },
    async transfer({ direction, bytes, checked, command }) {
      const meter = new Meter(checked);
      const stream = await exec(command ?? formatCommand({ direction, bytes, checked }));
      stream.stderr.resume();
      if (direction === 'down') {
        stream.on('data', (chunk) => meter.add(chunk));
        await once(stream, 'end');
        return meter.result();
      }
      let answer = '';
      stream.on('data', (chunk) => {
        answer += chunk;
      });
      const ended = once(stream, 'end');
      await send(stream, blocks(bytes, meter));
      stream.end();
      await ended;
      return { ...meter.result(), answered: Number.parseInt(answer, 10) };
    },
    async close() {
      client.end();
      await closed;
    },
  };
}
