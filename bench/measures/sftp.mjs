// P5: get and put of one large file at sshd: OpenSSH's sftp, ssh2's fast transfers, ours; and the streams of ssh2 and ours, which
// read from and write to a file here. Streams carry a quarter of the data: ssh2's are the slowest of all.
import { sourceFile } from '../files.mjs';
import { hasSftp, sshdPath, startSshd } from '../openssh.mjs';
import { row } from '../report.mjs';
import { DIRECTIONS, hasSftpClient, OPENSSH, samplesOf, transferFile, withSftp } from '../sftp-session.mjs';

/** Wall times drift by more than a few per cent: this near counts as the same speed. */
const SAME = 0.9;

export async function sftp(context) {
  if (sshdPath === null || !hasSftp) return [];
  const { runs, bytes, sides, progress, peer, dist, against } = context;
  const streams = { get: 'readStream', put: 'writeStream' };
  const both = (client) => ({
    [client]: { client, size: bytes },
    [`${client} streams`]: { client, size: bytes / 4, how: streams },
  });
  const cases = {
    [OPENSSH]: { client: OPENSSH, size: bytes },
    ...((await hasSftpClient(dist)) && both('amiko')),
    ...((against === null || (await hasSftpClient(against))) && both(peer)),
  };
  const samples = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
  const sshd = await startSshd(context);
  try {
    for (let run = 0; run < runs; run++) {
      for (const name of sides(run, Object.keys(cases))) {
        progress(`SFTP: run ${run + 1} of ${runs}, ${name}`);
        const { client, size, how } = cases[name];
        const sample = await withSftp(context, client, sshd.port, async (transfer) => {
          const result = {};
          for (const direction of DIRECTIONS) {
            const options = { direction, how: how?.[direction] };
            await transferFile(context, transfer, { ...options, file: sourceFile(context, bytes / 16) });
            result[direction] = await transferFile(context, transfer, { ...options, file: sourceFile(context, size) });
          }
          return result;
        });
        samples[name].push(sample);
      }
    }
  } finally {
    await sshd.stop();
  }
  return DIRECTIONS.flatMap((direction) => rows(samples, direction, peer));
}

function rows(samples, direction, peer) {
  const missing = samples.amiko === undefined ? 'this build has no SFTP client' : undefined;
  const compare = (what, unit, key, ours, theirs, checks) => ({
    goal: 'P5',
    what,
    unit,
    fewerIsBetter: key === 'cpu',
    amiko: samplesOf(samples, ours, direction, key),
    peer: samplesOf(samples, theirs, direction, key),
    peerName: theirs,
    checks,
    missing,
  });
  const atLeast =
    (times, text) =>
    ({ ratio }) => [[text, ratio >= times]];
  const what = `SFTP ${direction} at sshd`;
  const stream = `SFTP ${direction === 'get' ? 'read' : 'write'} stream at sshd`;
  return [
    compare(what, 'MB/s', 'speed', 'amiko', OPENSSH, atLeast(1, '>= 1.0 x')),
    compare(what, 'MB/s', 'speed', 'amiko', peer),
    compare(`${what}, CPU`, 's/GB', 'cpu', 'amiko', OPENSSH),
    compare(`${what}, CPU`, 's/GB', 'cpu', 'amiko', peer),
    compare(stream, 'MB/s', 'speed', 'amiko streams', 'amiko', atLeast(SAME, `the same as ${direction}`)),
    compare(stream, 'MB/s', 'speed', 'amiko streams', `${peer} streams`),
    compare(`${stream}, CPU`, 's/GB', 'cpu', 'amiko streams', `${peer} streams`),
  ]
    .filter((one) => one.amiko !== null || one.peer !== null)
    .map((one) => row({ ...one, peerName: one.peerName === 'amiko' ? `amiko ${direction}` : one.peerName }));
}
