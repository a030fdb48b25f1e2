// Where the time of a transfer goes: the CPU profile of each end over the transfer alone, as self time per function. Written as
// .cpuprofile files too, for the tools that draw them.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { withPair } from './end.mjs';
import { suites } from './measures/bulk.mjs';

const LINES = 18;

export async function profile(context, name, side) {
  const suite = suites.find((one) => one.name.startsWith(name));
  if (suite === undefined) throw new Error(`--profile ${name}: not one of ${suites.map((one) => one.name).join(', ')}`);
  const { bytes, results, username } = context;
  const connection = { username, cipher: suite.cipher, mac: suite.mac };
  await withPair(context, [side, side], {}, async ({ server, client, port }) => {
    await client.call('connect', { ...connection, port });
    for (const direction of ['down', 'up']) {
      await client.call('transfer', { direction, bytes: bytes / 4, checked: false });
      await server.call('record');
      await server.call('profileStart');
      await client.call('profileStart');
      const { milliseconds } = await client.call('transfer', { direction, bytes, checked: false });
      await server.call('record');
      console.log(`\n## ${side} ${suite.name} ${direction}: ${(bytes / 1e3 / milliseconds).toFixed(0)} MB/s while profiled`);
      for (const [end, which] of [
        ['server', server],
        ['client', client],
      ]) {
        const file = join(results, `${side}-${name}-${direction}-${end}.cpuprofile`);
        await which.call('profileStop', { file });
        console.log(`\n${end}:`);
        console.log(selfTimes(JSON.parse(readFileSync(file, 'utf8')), bytes));
      }
    }
    await client.call('disconnect');
  });
}

function selfTimes({ nodes, samples, timeDeltas }, bytes) {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map();
  let total = 0;
  samples.forEach((id, index) => {
    const { functionName, url, lineNumber } = byId.get(id);
    if (functionName === '(idle)') return;
    const where = url === '' ? '' : `${url.startsWith('node:') ? url : basename(url)}:${lineNumber + 1}`;
    const key = `${functionName || '(anonymous)'} ${where}`.trim();
    times.set(key, (times.get(key) ?? 0) + timeDeltas[index]);
    total += timeDeltas[index];
  });
  const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, LINES);
  const perGigabyte = (microseconds) => (microseconds / 1e6 / bytes) * 1e9;
  const line = (share, seconds, text) => `${share.padStart(6)}  ${seconds.padStart(6)} s/GB  ${text}`;
  return [
    line('100 %', perGigabyte(total).toFixed(3), '(busy)'),
    ...sorted.map(([key, time]) => line(`${((100 * time) / total).toFixed(1)} %`, perGigabyte(time).toFixed(3), key)),
  ].join('\n');
}
