// One end of a connection in a process of its own, driven over IPC by `end.mjs`. Its own clock and its own CPU time: the
// driver's work is never counted.
import { writeFileSync } from 'node:fs';

const [implementation] = process.argv.slice(2);
const { connect, listen, prepareClient } = await import(`./ends/${implementation}.mjs`);

const records = [];
let recordWaiter = null;
let client = null;
let sftp = null;
let clientKeys = null;
let held = [];
let profiler = null;

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function timed(transfer) {
  const since = performance.now();
  const cpu = cpuSeconds();
  const result = await transfer();
  return { ...result, milliseconds: performance.now() - since, cpuSeconds: cpuSeconds() - cpu };
}

const calls = {
  listen: (options) =>
    listen(options, {
      begun: () => ({ at: performance.now(), cpu: cpuSeconds() }),
      finished: (started, result) => {
        records.push({ ...result, milliseconds: performance.now() - started.at, cpuSeconds: cpuSeconds() - started.cpu });
        recordWaiter?.();
      },
    }),

  /** The server's view of the next command that has ended: from its exec request to the close of its channel. */
  async record() {
    if (records.length === 0) {
      await new Promise((resolve) => {
        recordWaiter = resolve;
      });
    }
    recordWaiter = null;
    return records.shift();
  },

  cpu: cpuSeconds,

  async keys(keys) {
    clientKeys = await prepareClient(keys);
  },

  async connect(options) {
    client = await connect(clientKeys, options);
    return client.negotiated();
  },

  transfer: (options) => timed(() => client.transfer(options)),

  disconnect: () => client.close(),

  async sftpConnect(options) {
    const { openSftp } = await import(`./ends/${implementation}-sftp.mjs`);
    sftp = await openSftp(clientKeys, options);
  },

  /** `how` is a name of what `openSftp` returns: get, put, readStream, writeStream, getFolder, putFolder. */
  sftpTransfer: ({ how, from, to }) =>
    timed(async () => {
      await sftp[how](from, to);
    }),

  sftpDisconnect: () => sftp.close(),

  /** Connects, runs a command that does nothing and closes, one after the other. */
  async cycles({ count, ...options }) {
    const since = performance.now();
    const cpu = cpuSeconds();
    for (let i = 0; i < count; i++) {
      const connection = await connect(clientKeys, options);
      await connection.run('true');
      await connection.close();
    }
    return { milliseconds: (performance.now() - since) / count, cpuMilliseconds: ((cpuSeconds() - cpu) * 1e3) / count };
  },

  /** Holds so many logged-in connections open. */
  async hold({ count, ...options }) {
    for (let i = 0; i < count; i++) held.push(await connect(clientKeys, options));
  },

  async letGo() {
    await Promise.all(held.map((connection) => connection.close()));
    held = [];
  },

  /** After collecting garbage twice; needs --expose-gc. Bytes. */
  async memory() {
    for (let i = 0; i < 3; i++) {
      globalThis.gc();
      await new Promise(setImmediate);
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss, used: heapUsed + external };
  },

  /** The most memory this process has ever had resident, bytes. */
  peakMemory: () => process.resourceUsage().maxRSS * 1024,

  async profileStart() {
    // Loaded here only, so that no other run has an inspector in its process.
    const { Session } = await import('node:inspector/promises');
    profiler = new Session();
    profiler.connect();
    await profiler.post('Profiler.enable');
    await profiler.post('Profiler.setSamplingInterval', { interval: 200 });
    await profiler.post('Profiler.start');
  },

  async profileStop({ file }) {
    const { profile } = await profiler.post('Profiler.stop');
    profiler.disconnect();
    writeFileSync(file, JSON.stringify(profile));
  },
};

process.on('message', async ({ id, call, options }) => {
  try {
    process.send({ id, result: await calls[call](options) });
  } catch (error) {
    process.send({ id, error: error?.stack ?? String(error) });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
