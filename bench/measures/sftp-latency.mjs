// P6: get and put of a file at sshd behind a link with a long way and no other limit. On a connection that has carried nothing
// yet: how fast the windows open is part of the figure. Against ssh2 the first run only, since nothing is judged by it and each
// takes its time; the way, and not this machine, decides here, so that the figures hardly differ from run to run.
import { sourceFile } from '../files.mjs';
import { hasSftp, sshdPath, startSshd } from '../openssh.mjs';
import { startProxy } from '../proxy.mjs';
import { row } from '../report.mjs';
import { DIRECTIONS, hasSftpClient, OPENSSH, samplesOf, transferFile, withSftp } from '../sftp-session.mjs';

const TIMES = 5;

export async function sftpLatency(context) {
  if (sshdPath === null || !hasSftp) return [];
  const rows = [];
  const sshd = await startSshd(context);
  try {
    for (const roundTrip of context.roundTrips) {
      const proxy = await startProxy(sshd.port, roundTrip);
      try {
        rows.push(...(await measure(context, roundTrip, proxy.port)));
      } finally {
        await proxy.stop();
      }
    }
  } finally {
    await sshd.stop();
  }
  return rows;
}

async function measure(context, roundTrip, port) {
  const { runs, latencyBytes, sides, progress, peer, dist, against } = context;
  const ours = await hasSftpClient(dist);
  const theirs = against === null || (await hasSftpClient(against));
  const clients = [OPENSSH, ...(ours ? ['amiko'] : []), ...(theirs ? [peer] : [])];
  const samples = Object.fromEntries(clients.map((client) => [client, []]));
  const file = sourceFile(context, latencyBytes);
  for (let run = 0; run < runs; run++) {
    for (const client of sides(run, clients)) {
      if (run > 0 && client === 'ssh2') continue;
      progress(`SFTP over ${roundTrip} ms: run ${run + 1} of ${runs}, ${client}`);
      const sample = await withSftp(context, client, port, async (transfer) => {
        const result = {};
        for (const direction of DIRECTIONS) result[direction] = await transferFile(context, transfer, { direction, file });
        return result;
      });
      samples[client].push(sample);
    }
  }
  const missing = ours ? undefined : 'this build has no SFTP client';
  return DIRECTIONS.flatMap((direction) => {
    const compare = (other, checks) => ({
      goal: 'P6',
      what: `SFTP ${direction} at sshd, round trip ${roundTrip} ms`,
      unit: 'MB/s',
      amiko: samplesOf(samples, 'amiko', direction, 'speed'),
      peer: samplesOf(samples, other, direction, 'speed'),
      peerName: other,
      checks,
      missing,
    });
    return [compare(OPENSSH, ({ ratio }) => [[`>= ${TIMES} x`, ratio >= TIMES]]), compare(peer)]
      .filter((one) => one.amiko !== null || one.peer !== null)
      .map(row);
  });
}
