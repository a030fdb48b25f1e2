// P13 for files: OpenSSH's sftp at `amiko serve --write` and at OpenSSH's own sshd. Timed at the client, which is the same for
// both; the CPU time is that of the server and of the processes that it has for the session. No goal has a figure for this.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { filePlace, sourceFile } from '../files.mjs';
import { hasSftp, sshdPath, startSshd } from '../openssh.mjs';
import { treeCpuSeconds } from '../process-tree.mjs';
import { row } from '../report.mjs';
import { cli, DIRECTIONS, hasSftpServer, OPENSSH, samplesOf, transferFile, withSftp } from '../sftp-session.mjs';

export async function sftpServer(context) {
  if (sshdPath === null || !hasSftp) return [];
  const { runs, bytes, sides, progress, peer, dist, against } = context;
  const [warmUp, file] = [bytes / 16, bytes].map((size) => sourceFile(context, size));
  // What is served is the root there.
  const insideRoot = (path) => `/${basename(path)}`;
  const servers = {
    [OPENSSH]: { start: () => startSshd(context) },
    ...(hasSftpServer(dist) && { amiko: { start: () => startServe(context, dist), remote: insideRoot } }),
    ...(against !== null &&
      hasSftpServer(against) && { [peer]: { start: () => startServe(context, against), remote: insideRoot } }),
  };
  const samples = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const name of sides(run, Object.keys(servers))) {
      progress(`SFTP server for OpenSSH: run ${run + 1} of ${runs}, ${name}`);
      const { start, remote } = servers[name];
      const server = await start();
      try {
        const sample = await withSftp(context, OPENSSH, server.port, async (transfer) => {
          const result = {};
          const atServer = (options) => withServerCpu(server.pid, () => transfer(options));
          for (const direction of DIRECTIONS) {
            await transferFile(context, atServer, { direction, remote, file: warmUp });
            result[direction] = await transferFile(context, atServer, { direction, remote, file });
          }
          return result;
        });
        samples[name].push(sample);
      } finally {
        await server.stop();
      }
    }
  }
  const missing = samples.amiko === undefined ? 'amiko serve of this build has no SFTP' : undefined;
  return DIRECTIONS.flatMap((direction) => {
    const compare = (other, key) => ({
      goal: 'P13',
      what: `server for sftp, aes128-gcm ${direction}${key === 'cpu' ? ', CPU' : ''}`,
      unit: key === 'cpu' ? 's/GB' : 'MB/s',
      fewerIsBetter: key === 'cpu',
      amiko: samplesOf(samples, 'amiko', direction, key),
      peer: samplesOf(samples, other, direction, key),
      peerName: other,
      missing,
    });
    return [compare(OPENSSH, 'speed'), compare(OPENSSH, 'cpu'), compare(peer, 'speed'), compare(peer, 'cpu')]
      .filter((one) => one.peer !== null)
      .map(row);
  });
}

async function withServerCpu(pid, transfer) {
  const before = treeCpuSeconds(pid);
  const { milliseconds } = await transfer();
  return { milliseconds, cpuSeconds: before === null ? null : treeCpuSeconds(pid) - before };
}

/** `amiko serve` of a build, with the files of this run as its root. */
async function startServe(context, dist) {
  const { directory, keys, username } = context;
  const write = (name, text) => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const options = [
    ['--write', '--json', '--port', '0', '--user', username],
    ['--host-key', write('serve_host_key', keys.hostKey.private)],
    ['--authorized-keys', write('serve_authorized_keys', `${keys.userKey.public}\n`)],
    ['--', filePlace(context)],
  ];
  const child = spawn(process.execPath, [cli, dist, 'serve', ...options.flat()], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = () => child.kill();
  process.once('exit', kill);
  const exited = once(child, 'exit').then(() => process.off('exit', kill));
  // Read to the end, or it would wait for us some day.
  const lines = createInterface({ input: child.stdout });
  const listening = new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const { event, port } = JSON.parse(line);
      if (event === 'listening') resolve(port);
    });
    lines.on('close', () => reject(new Error('amiko serve ended')));
  });
  try {
    return {
      port: await listening,
      pid: child.pid,
      async stop() {
        child.kill();
        await exited;
      },
    };
  } catch (error) {
    child.kill();
    await exited;
    throw error;
  }
}
