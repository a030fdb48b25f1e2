#!/usr/bin/env node
// The command `amiko`. Everything is in dist/cli; this file only finds it and turns its result into the exit status.
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(entry)) {
  const { main } = await import(entry.href);
  // What is written must go out before: a pipe takes its time, and exit() does not wait for it.
  const status = await main(process.argv.slice(2));
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
  process.exit(status);
} else {
  process.stderr.write('amiko: it is not built yet; run `npm ci` in its directory\n');
  process.exitCode = 255;
}
