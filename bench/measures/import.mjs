// P14: `import 'amiko'` in a fresh process: how long, and how many files. Node's own modules are not counted.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { row } from '../report.mjs';

const TIME = (url) => `
const since = performance.now();
await import(${JSON.stringify(url)});
console.log(performance.now() - since);`;

const HOOKS = `
let port;
export function initialize(data) { port = data.port; }
export async function load(url, context, next) {
  port.postMessage(url);
  return next(url, context);
}`;

// Twice the same question to the port: what the hooks thread has sent before the import resolved may come after it.
const COUNT = (url) => `
import { createRequire, register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';
const { port1, port2 } = new MessageChannel();
const urls = new Set();
port1.on('message', (url) => urls.add(url));
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOKS)}), { data: { port: port2 }, transferList: [port2] });
await import(${JSON.stringify(url)});
let before;
do {
  before = urls.size;
  await new Promise((resolve) => setTimeout(resolve, 50));
} while (urls.size !== before);
const required = Object.keys(createRequire(import.meta.url).cache);
const files = new Set([...[...urls].filter((one) => one.startsWith('file:')).map((one) => new URL(one).pathname), ...required]);
console.log(files.size);
process.exit();`;

export async function importTime({ dist, runs, progress, sides }) {
  const ours = pathToFileURL(join(dist, 'index.js')).href;
  const theirs = import.meta.resolve('ssh2');
  const samples = { amiko: [], ssh2: [] };
  progress('import');
  // Cheap, and noisy: three times as many runs.
  for (let run = 0; run < 3 * runs; run++) {
    for (const side of sides(run, ['amiko', 'ssh2'])) samples[side].push(evaluate(TIME(side === 'amiko' ? ours : theirs)));
  }
  const both = (url) => evaluate(COUNT(url));
  return [
    row({
      goal: 'P14',
      what: 'import',
      unit: 'ms',
      fewerIsBetter: true,
      amiko: samples.amiko,
      peer: samples.ssh2,
      checks: ({ ours: milliseconds }) => [['<= 40 ms', milliseconds <= 40]],
    }),
    row({
      goal: 'P14',
      what: 'modules loaded',
      unit: 'files',
      fewerIsBetter: true,
      amiko: [both(ours)],
      peer: [both(theirs)],
      checks: ({ ours: count }) => [['<= 60', count <= 60]],
    }),
  ];
}

function evaluate(source) {
  const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', source], {
    encoding: 'utf8',
  });
  const value = Number.parseFloat(stdout);
  if (Number.isNaN(value)) throw new Error(`importing failed: ${stderr}`);
  return value;
}
