// P1, P3, P4: one exec channel full of data, down and up, both ends of one implementation in two processes. Fresh processes
// for every run, warmed up by a sixteenth of the data; the clock runs from the exec request to the last byte (down) or the
// server's count of what it got (up).
import { withPair } from '../end.mjs';
import { row } from '../report.mjs';

const CHECKED_BYTES = 64 * 2 ** 20;

const atLeast =
  (times) =>
  ({ ratio }) => [[`>= ${times} x`, ratio >= times]];
const p1 = ({ ours, ratio }) => [
  ['>= 1.5 x', ratio >= 1.5],
  ['>= 900 MB/s', ours >= 900],
];

export const suites = [
  { name: 'aes128-gcm', cipher: 'aes128-gcm@openssh.com', goal: 'P1', checks: p1, clientCpu: 1 },
  { name: 'aes256-gcm', cipher: 'aes256-gcm@openssh.com' },
  { name: 'chacha20-poly1305', cipher: 'chacha20-poly1305@openssh.com', goal: 'P3', checks: atLeast(1) },
  {
    name: 'aes128-ctr + sha2-256-etm',
    cipher: 'aes128-ctr',
    mac: 'hmac-sha2-256-etm@openssh.com',
    goal: 'P4',
    checks: atLeast(1.1),
  },
  { name: 'aes128-ctr + sha2-512-etm', cipher: 'aes128-ctr', mac: 'hmac-sha2-512-etm@openssh.com' },
];

export async function bulk(context) {
  const rows = [];
  for (const suite of suites) if (suite.name.startsWith(context.cipher)) rows.push(...(await measure(context, suite)));
  return rows;
}

async function measure(context, { name, cipher, mac, goal, checks, clientCpu }) {
  const { bytes, runs, sides, progress, username, peer } = context;
  const connection = { cipher, mac, kex: 'curve25519-sha256', username };
  const samples = { amiko: [], [peer]: [] };

  progress(`${name}: checking every byte`);
  for (const side of ['amiko', peer]) {
    await withPair(context, [side, side], {}, async ({ server, client, port }) => {
      await client.call('connect', { ...connection, port });
      for (const direction of ['down', 'up']) {
        const options = { direction, bytes: Math.min(bytes, CHECKED_BYTES), checked: true };
        const [received, sent] = [await client.call('transfer', options), await server.call('record')];
        if (received.bytes !== options.bytes || sent.bytes !== options.bytes || received.sha256 !== sent.sha256) {
          throw new Error(`${side} ${name} ${direction}: the bytes that arrived are not those that were sent`);
        }
      }
      await client.call('disconnect');
    });
  }

  for (let run = 0; run < runs; run++) {
    for (const side of sides(run, ['amiko', peer])) {
      progress(`${name}: run ${run + 1} of ${runs}, ${side}`);
      const sample = await withPair(context, [side, side], {}, async ({ server, client, port }) => {
        const negotiated = await client.call('connect', { ...connection, port });
        if (negotiated !== null && negotiated.clientToServer.cipher !== cipher) throw new Error('another cipher was negotiated');
        const result = {};
        for (const direction of ['down', 'up']) {
          await transfer({ server, client }, direction, bytes / 16);
          result[direction] = await transfer({ server, client }, direction, bytes);
        }
        await client.call('disconnect');
        return result;
      });
      samples[side].push(sample);
    }
  }

  return ['down', 'up'].flatMap((direction) => {
    const of = (side, pick) => samples[side].map((sample) => pick(sample[direction]));
    const cpu = (end) => ({
      what: `${name} ${direction}, ${end} CPU`,
      unit: 's/GB',
      fewerIsBetter: true,
      amiko: of('amiko', (sample) => sample[end]),
      peer: of(peer, (sample) => sample[end]),
      peerName: peer,
    });
    const speed = (sample) => sample.speed;
    return [
      row({
        goal,
        what: `${name} ${direction}`,
        unit: 'MB/s',
        amiko: of('amiko', speed),
        peer: of(peer, speed),
        peerName: peer,
        checks,
      }),
      row({ goal, ...cpu('client'), checks: clientCpu && (({ ours }) => [[`<= ${clientCpu.toFixed(1)}`, ours <= clientCpu]]) }),
      row({ goal, ...cpu('server') }),
    ];
  });
}

/** Megabytes per second, and CPU seconds per gigabyte of both ends; 10^6 and 10^9. */
async function transfer({ server, client }, direction, bytes) {
  const atClient = await client.call('transfer', { direction, bytes, checked: false });
  const atServer = await server.call('record');
  const counted = direction === 'down' ? atClient.bytes : atServer.bytes;
  if (counted !== bytes) throw new Error(`${counted} of ${bytes} bytes arrived`);
  return {
    speed: bytes / 1e3 / atClient.milliseconds,
    client: (atClient.cpuSeconds / bytes) * 1e9,
    server: (atServer.cpuSeconds / bytes) * 1e9,
  };
}
