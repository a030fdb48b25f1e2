// amiko's SFTP client as an end of the bench, in the way that its documentation shows.
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { LOCAL_STREAM } from '../data.mjs';

const load = (file) => import(pathToFileURL(join(process.env.AMIKO_BENCH_DIST, file)).href);
const { connect } = await load('index.js');

/** Connects, logs in and opens SFTP. */
export async function openSftp(keys, { port, username, cipher }) {
  const client = await connect({
    host: '127.0.0.1',
    port,
    username,
    privateKey: keys.privateKey,
    hostKey: keys.hostKey,
    algorithms: { ciphers: [cipher] },
  });
  const sftp = await client.sftp();
  return {
    get: (from, to) => sftp.get(from, to),
    put: (from, to) => sftp.put(from, to),
    readStream: (from, to) => pipeline(sftp.createReadStream(from), createWriteStream(to, LOCAL_STREAM)),
    writeStream: (from, to) => pipeline(createReadStream(from, LOCAL_STREAM), sftp.createWriteStream(to)),
    getFolder: (from, to) => sftp.get(from, to, { recursive: true }),
    putFolder: (from, to) => sftp.put(from, to, { recursive: true }),
    close: () => client.close(),
  };
}
