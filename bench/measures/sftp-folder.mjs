// P7: a folder of small files, get and put, at sshd: OpenSSH's `get -r` and `put -r`, ssh2's fast transfers 32 at once, ours with
// `recursive`. Warmed up by a sixteenth of the files.
import { SMALL_FILE, sourceFolder } from '../files.mjs';
import { hasSftp, sshdPath, startSshd } from '../openssh.mjs';
import { row } from '../report.mjs';
import { DIRECTIONS, hasSftpClient, OPENSSH, samplesOf, transferFolder, withSftp } from '../sftp-session.mjs';

const GOALS = { get: 3_000, put: 6_000 };

export async function sftpFolder(context) {
  if (sshdPath === null || !hasSftp) return [];
  const { runs, files, sides, progress, peer, dist, against } = context;
  const ours = await hasSftpClient(dist);
  const theirs = against === null || (await hasSftpClient(against));
  const clients = [OPENSSH, ...(ours ? ['amiko'] : []), ...(theirs ? [peer] : [])];
  const samples = Object.fromEntries(clients.map((client) => [client, []]));
  const [warmUp, folder] = [Math.ceil(files / 16), files].map((count) => sourceFolder(context, count));
  const sshd = await startSshd(context);
  try {
    for (let run = 0; run < runs; run++) {
      for (const client of sides(run, clients)) {
        progress(`SFTP folder: run ${run + 1} of ${runs}, ${client}`);
        const sample = await withSftp(context, client, sshd.port, async (transfer) => {
          const result = {};
          for (const direction of DIRECTIONS) {
            await transferFolder(context, transfer, { direction, folder: warmUp });
            result[direction] = await transferFolder(context, transfer, { direction, folder });
          }
          return result;
        });
        samples[client].push(sample);
      }
    }
  } finally {
    await sshd.stop();
  }
  const missing = ours ? undefined : 'this build has no SFTP client';
  return DIRECTIONS.flatMap((direction) => {
    const goal = GOALS[direction];
    const compare = (other, checks) => ({
      goal: 'P7',
      what: `SFTP ${direction} of ${files} files of ${SMALL_FILE / 1024} KiB`,
      unit: 'files/s',
      amiko: samplesOf(samples, 'amiko', direction, 'speed'),
      peer: samplesOf(samples, other, direction, 'speed'),
      peerName: other,
      checks,
      missing,
    });
    return [compare(OPENSSH, ({ ours: speed }) => [[`>= ${goal} files/s`, speed >= goal]]), compare(peer)]
      .filter((one) => one.amiko !== null || one.peer !== null)
      .map(row);
  });
}
