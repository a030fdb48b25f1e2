// Runs `amiko ssh -G` many times in one process, since starting it takes longer than its work. stdin: lines of JSON, the arguments of
// each; stdout: a line of JSON for each with its status and what it wrote.
//
// Usage: node print-configs.mjs DIST/cli/main.js <lines

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { main } = await import(pathToFileURL(process.argv[2]).href);
const written = { stdout: '', stderr: '' };
const print = process.stdout.write.bind(process.stdout);
for (const name of ['stdout', 'stderr']) {
  process[name].write = (text) => {
    written[name] += text;
    return true;
  };
}
for await (const line of createInterface({ input: process.stdin })) {
  written.stdout = '';
  written.stderr = '';
  const status = await main(['ssh', ...JSON.parse(line)]);
  print(`${JSON.stringify({ status, ...written })}\n`);
}
