// npm ssh2's SFTP client as an end of the bench, in the way that its documentation shows; with TCP_NODELAY. It has no transfer
// of whole folders: that is its fast transfers, so many at once.
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { LOCAL_STREAM } from '../data.mjs';

const FILES_AT_ONCE = 32;

/** Connects, logs in and opens SFTP. */
export async function openSftp(keys, { port, username, cipher }) {
  const client = new ssh2.Client();
  const closed = new Promise((resolve) => client.on('close', resolve));
  const ready = once(client, 'ready');
  client.connect({
    host: '127.0.0.1',
    port,
    username,
    privateKey: keys.privateKey,
    hostVerifier: (key) => key.equals(keys.hostKey),
    algorithms: { cipher: [cipher] },
  });
  client.setNoDelay(true);
  await ready;
  client.on('error', () => {});
  const sftp = await promisify(client.sftp.bind(client))();
  const call = (name) => promisify(sftp[name].bind(sftp));
  const [fastGet, fastPut, makeFolder, list] = ['fastGet', 'fastPut', 'mkdir', 'readdir'].map(call);
  return {
    get: fastGet,
    put: fastPut,
    readStream: (from, to) => pipeline(sftp.createReadStream(from), createWriteStream(to, LOCAL_STREAM)),
    writeStream: (from, to) => pipeline(createReadStream(from, LOCAL_STREAM), sftp.createWriteStream(to)),
    async getFolder(from, to) {
      const [entries] = await Promise.all([list(from), mkdir(to)]);
      const names = entries.map(({ filename }) => filename).filter((name) => name !== '.' && name !== '..');
      await manyAtOnce(names, (name) => fastGet(`${from}/${name}`, join(to, name)));
    },
    async putFolder(from, to) {
      const [names] = await Promise.all([readdir(from), makeFolder(to)]);
      await manyAtOnce(names, (name) => fastPut(join(from, name), `${to}/${name}`));
    },
    async close() {
      client.end();
      await closed;
    },
  };
}

async function manyAtOnce(names, transfer) {
  const left = names.values();
  const worker = async () => {
    for (const name of left) await transfer(name);
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, worker));
}
