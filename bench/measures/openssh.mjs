// P13: OpenSSH's client at our server and at ssh2's, timed by the server from the exec request to the close of the channel.
// P2: our client, ssh2's and OpenSSH's own at sshd, by the CPU time of the client. Ours is counted from the exec request on, so
// from OpenSSH's the cost of a login that does nothing is subtracted; it reads its upload from a file in memory, where ours has
// a buffer, and there is no way to take that from it.
import { closeSync, openSync } from 'node:fs';
import { formatCommand } from '../data.mjs';
import { startEnd } from '../end.mjs';
import { sourceFile } from '../files.mjs';
import { runSsh, sshdPath, sshVersion, startSshd } from '../openssh.mjs';
import { row } from '../report.mjs';

const CIPHER = 'aes128-gcm@openssh.com';
const DIRECTIONS = ['down', 'up'];

export async function asServer(context) {
  if (sshVersion() === null) return [];
  const { runs, bytes, sides, progress, peer } = context;
  const samples = { amiko: [], [peer]: [] };
  for (let run = 0; run < runs; run++) {
    for (const side of sides(run, ['amiko', peer])) {
      progress(`server for OpenSSH: run ${run + 1} of ${runs}, ${side}`);
      const server = await startEnd(side, context);
      try {
        const { port } = await server.call('listen', context.keys);
        const sample = {};
        for (const direction of DIRECTIONS) {
          for (const size of [bytes / 16, bytes]) {
            const input = direction === 'up' ? openSync(sourceFile(context, size).path) : 'ignore';
            const command = formatCommand({ direction, bytes: size, checked: false });
            await runSsh(context, { port, cipher: CIPHER, command, input });
            if (input !== 'ignore') closeSync(input);
            const record = await server.call('record');
            if (record.bytes !== size) throw new Error(`${record.bytes} of ${size} bytes`);
            sample[direction] = { speed: size / 1e3 / record.milliseconds, cpu: (record.cpuSeconds / size) * 1e9 };
          }
        }
        samples[side].push(sample);
      } finally {
        await server[Symbol.asyncDispose]();
      }
    }
  }
  return DIRECTIONS.flatMap((direction) => {
    const both = (key) => ({
      amiko: samples.amiko.map((sample) => sample[direction][key]),
      peer: samples[peer].map((sample) => sample[direction][key]),
      peerName: peer,
    });
    const what = `server for ssh, aes128-gcm ${direction}`;
    return [
      row({ goal: 'P13', what, unit: 'MB/s', ...both('speed'), checks: ({ ratio }) => [['>= 1.0 x', ratio >= 1]] }),
      row({ goal: 'P13', what: `${what}, CPU`, unit: 's/GB', fewerIsBetter: true, ...both('cpu') }),
    ];
  });
}

export async function asClient(context) {
  if (sshVersion() === null || sshdPath === null) return [];
  const { runs, bytes, sides, progress, peer } = context;
  const file = sourceFile(context, bytes);
  const commands = { down: `head -c ${bytes} /dev/zero`, up: 'wc -c' };
  const samples = { amiko: [], [peer]: [], OpenSSH: [] };
  const sshd = await startSshd(context);
  try {
    for (let run = 0; run < runs; run++) {
      for (const side of sides(run, ['amiko', peer, 'OpenSSH'])) {
        progress(`client at sshd: run ${run + 1} of ${runs}, ${side}`);
        const one = side === 'OpenSSH' ? opensshClient(context, sshd, commands, file) : ourClient(context, side, sshd, commands);
        samples[side].push(await one);
      }
    }
  } finally {
    await sshd.stop();
  }
  return DIRECTIONS.flatMap((direction) => {
    const pick = (side, key) => samples[side].map((sample) => sample[direction][key]);
    const what = `client at sshd, aes128-gcm ${direction}`;
    const cpu = { what: `${what}, CPU`, unit: 's/GB', fewerIsBetter: true, amiko: pick('amiko', 'cpu') };
    const speed = { what, unit: 'MB/s', amiko: pick('amiko', 'speed') };
    return [
      row({
        goal: 'P2',
        ...cpu,
        peer: pick('OpenSSH', 'cpu'),
        peerName: 'OpenSSH',
        checks: ({ ratio }) => [["<= OpenSSH's", ratio >= 1]],
      }),
      row({ goal: 'P2', ...cpu, peer: pick(peer, 'cpu'), peerName: peer }),
      row({ goal: 'P2', ...speed, peer: pick('OpenSSH', 'speed'), peerName: 'OpenSSH' }),
      row({ goal: 'P2', ...speed, peer: pick(peer, 'speed'), peerName: peer }),
    ];
  });
}

async function ourClient(context, side, sshd, commands) {
  const { bytes, username } = context;
  const client = await startEnd(side, context);
  try {
    await client.call('keys', context.keys);
    await client.call('connect', { port: sshd.port, username, cipher: CIPHER });
    const sample = {};
    for (const direction of DIRECTIONS) {
      const command = commands[direction];
      if (direction === 'up') await client.call('transfer', { direction, bytes: bytes / 16, command });
      else await client.call('transfer', { direction, bytes: bytes / 16, command: `head -c ${bytes / 16} /dev/zero` });
      const result = await client.call('transfer', { direction, bytes, command });
      if ((direction === 'down' ? result.bytes : result.answered) !== bytes)
        throw new Error(`${side} ${direction}: bytes are missing`);
      sample[direction] = { speed: bytes / 1e3 / result.milliseconds, cpu: (result.cpuSeconds / bytes) * 1e9 };
    }
    await client.call('disconnect');
    return sample;
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

async function opensshClient(context, { port }, commands, file) {
  const { bytes } = context;
  const login = await runSsh(context, { port, cipher: CIPHER, command: 'true' });
  const sample = {};
  for (const direction of DIRECTIONS) {
    const input = direction === 'up' ? openSync(file.path) : 'ignore';
    const output = direction === 'up' ? 'text' : 'ignore';
    const result = await runSsh(context, { port, cipher: CIPHER, command: commands[direction], input, output });
    if (input !== 'ignore') closeSync(input);
    if (direction === 'up' && Number.parseInt(result.text, 10) !== bytes) throw new Error('OpenSSH up: bytes are missing');
    sample[direction] = {
      speed: bytes / 1e3 / (result.milliseconds - login.milliseconds),
      cpu: ((result.cpuSeconds - login.cpuSeconds) / bytes) * 1e9,
    };
  }
  return sample;
}
