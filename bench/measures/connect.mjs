// P8: TCP connect, key exchange, ed25519 login, exec of nothing, close, one after the other on loopback. Both sides use
// curve25519-sha256, the best that ssh2 has; ours is shown with ML-KEM as well, and ssh2 once as shipped, without TCP_NODELAY.
import { withPair } from '../end.mjs';
import { row } from '../report.mjs';

const CLASSIC = 'curve25519-sha256';
const POST_QUANTUM = 'mlkem768x25519-sha256';

export async function connect(context) {
  const { runs, quick, sides, progress, peer } = context;
  const count = quick ? 20 : 200;
  const cases = {
    amiko: { side: 'amiko', kex: CLASSIC },
    [peer]: { side: peer, kex: CLASSIC },
    'amiko ML-KEM': { side: 'amiko', kex: POST_QUANTUM },
  };
  const samples = { amiko: [], [peer]: [], 'amiko ML-KEM': [] };
  for (let run = 0; run < runs; run++) {
    for (const name of sides(run, Object.keys(cases))) {
      progress(`connect: run ${run + 1} of ${runs}, ${name}`);
      samples[name].push(await cycles(context, cases[name], count, false));
    }
  }
  progress('connect: ssh2 as shipped');
  const shipped = await cycles(context, { side: 'ssh2', kex: CLASSIC }, 10, true);
  const pick = (name, key) => samples[name].map((sample) => sample[key]);
  const most =
    (limit) =>
    ({ ours }) => [[`<= ${limit} ms`, ours <= limit]];
  const common = { unit: 'ms', fewerIsBetter: true };
  const wall = 'milliseconds';
  return [
    row({
      ...common,
      goal: 'P8',
      what: 'connect + exec + close',
      amiko: pick('amiko', wall),
      peer: pick(peer, wall),
      peerName: peer,
      checks: most(4),
    }),
    row({
      ...common,
      goal: 'P8',
      what: 'the same, client CPU',
      amiko: pick('amiko', 'cpuMilliseconds'),
      peer: pick(peer, 'cpuMilliseconds'),
      peerName: peer,
    }),
    row({
      ...common,
      goal: 'P8',
      what: 'with mlkem768x25519',
      amiko: pick('amiko ML-KEM', wall),
      peer: pick(peer, wall),
      peerName: peer,
      checks: most(6),
    }),
    row({
      ...common,
      goal: 'P8',
      what: 'connect + exec + close',
      amiko: pick('amiko', wall),
      peer: [shipped.milliseconds],
      peerName: 'ssh2 as shipped',
    }),
  ];
}

function cycles(context, { side, kex }, count, asShipped) {
  return withPair(context, [side, side], { asShipped }, async ({ client, port }) => {
    const options = { port, username: context.username, kex, asShipped };
    await client.call('cycles', { ...options, count: Math.ceil(count / 10) });
    return client.call('cycles', { ...options, count });
  });
}
