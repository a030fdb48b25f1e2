// P12: what an idle logged-in connection costs a server, and the most memory a client has resident over a download.
// Per connection: JavaScript heap and buffers after collecting garbage; the growth of the resident set stands beside it, which
// includes what the allocator keeps and is noisier.
import { withPair } from '../end.mjs';
import { row } from '../report.mjs';

export async function memory(context) {
  const { runs, quick, bytes, sides, progress, username, peer } = context;
  const count = quick ? 50 : 400;
  const samples = { amiko: [], [peer]: [] };
  for (let run = 0; run < runs; run++) {
    for (const side of sides(run, ['amiko', peer])) {
      progress(`memory: run ${run + 1} of ${runs}, ${side}`);
      const idle = await withPair(context, [side, side], {}, async ({ server, client, port }) => {
        await client.call('cycles', { port, username, count: 20 });
        const before = await server.call('memory');
        await client.call('hold', { port, username, count });
        const after = await server.call('memory');
        await client.call('letGo');
        return { used: (after.used - before.used) / count / 1024, rss: (after.rss - before.rss) / count / 1024 };
      });
      const peak = await withPair(context, [side, side], {}, async ({ client, port }) => {
        await client.call('connect', { port, username, cipher: 'aes128-gcm@openssh.com' });
        const { bytes: counted } = await client.call('transfer', { direction: 'down', bytes, checked: false });
        if (counted !== bytes) throw new Error(`${counted} of ${bytes} bytes arrived`);
        const result = await client.call('peakMemory');
        await client.call('disconnect');
        return result / 1e6;
      });
      samples[side].push({ ...idle, peak });
    }
  }
  const both = (key) => ({
    amiko: samples.amiko.map((sample) => sample[key]),
    peer: samples[peer].map((sample) => sample[key]),
    peerName: peer,
  });
  const most =
    (limit, unit) =>
    ({ ours }) => [[`<= ${limit} ${unit}`, ours <= limit]];
  const common = { goal: 'P12', fewerIsBetter: true };
  return [
    row({ ...common, what: 'idle server connection', unit: 'KiB', ...both('used'), checks: most(16, 'KiB') }),
    row({ ...common, what: 'the same, resident', unit: 'KiB', ...both('rss') }),
    row({ ...common, what: 'client peak RSS, download', unit: 'MB', ...both('peak'), checks: most(80, 'MB') }),
  ];
}
