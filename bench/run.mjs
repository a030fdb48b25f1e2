// `npm run bench`: amiko beside its peers, in one run, sides alternating. Prints a table with goal and verdict and writes
// results/latest.json beside it. See README.md for the options and for what each figure is.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, install } from './install.mjs';

const bench = fileURLToPath(new URL('.', import.meta.url));
const root = resolve(bench, '..');

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    megabytes: { type: 'string', default: '1024' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    profile: { type: 'string', multiple: true },
    'profile-of': { type: 'string', default: 'amiko' },
    'latency-megabytes': { type: 'string', default: '64' },
    'round-trip': { type: 'string', multiple: true, default: ['50', '200'] },
    files: { type: 'string', default: '2000' },
    cipher: { type: 'string', default: '' },
    dist: { type: 'string' },
    against: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const SFTP = ['sftp', 'sftp-latency', 'sftp-folder', 'sftp-server'];
const NAMES = ['bulk', 'connect', 'server', 'client', 'import', 'memory', ...SFTP];
const USAGE = `npm run bench -- [options]
  --runs N          alternating runs per measure, default 5
  --megabytes N     size of a transfer in MiB, default 1024; a multiple of 16
  --quick           one run of 64 MiB and less: shows that the bench works, proves nothing
  --only NAME       ${NAMES.join(', ')}; may be repeated
  --profile CIPHER  instead: where the time of a transfer goes, e.g. aes128-gcm, chacha20-poly1305, aes128-ctr
  --profile-of NAME amiko (default) or ssh2
  --latency-megabytes N
                    sftp-latency: size of a transfer in MiB, default 64; the goal means 256, which takes four times as long
  --round-trip MS   sftp-latency: default 50 and 200; may be repeated
  --files N         sftp-folder: how many, default 2000
  --cipher NAME     bulk: only the ciphers whose name begins so
  --dist DIR        another build of amiko than ../dist
  --against DIR     compare with that build of amiko instead of ssh2; nothing is judged then`;

if (options.help) {
  console.log(USAGE);
  process.exit();
}
const only = options.only ?? NAMES;
for (const name of only) if (!NAMES.includes(name)) throw new Error(`--only ${name}: not one of ${NAMES.join(', ')}`);
const megabytes = options.quick ? 64 : Number(options.megabytes);
const runs = options.quick ? 1 : Number(options.runs);
if (!(megabytes >= 16 && megabytes % 16 === 0)) throw new Error('--megabytes: a multiple of 16');
if (!(Number.isInteger(runs) && runs >= 1)) throw new Error('--runs: a number of runs');
const latencyMegabytes = options.quick ? 16 : Number(options['latency-megabytes']);
if (!(Number.isInteger(latencyMegabytes) && latencyMegabytes >= 1)) throw new Error('--latency-megabytes: a whole number');
const roundTrips = options['round-trip'].map(Number);
if (!roundTrips.every((one) => one >= 0)) throw new Error('--round-trip: milliseconds');
const files = options.quick ? 200 : Number(options.files);
if (!(Number.isInteger(files) && files >= 1)) throw new Error('--files: how many');

install(bench);
if (options.dist === undefined) build(root);

// Only now: these import the peers.
const { native } = await import('./ends/ssh2-native.mjs');
const { OTHER_BUILD } = await import('./end.mjs');
const { memoryPlace } = await import('./files.mjs');
const { makeKeys } = await import('./keys.mjs');
const { bulk } = await import('./measures/bulk.mjs');
const { connect } = await import('./measures/connect.mjs');
const { importTime } = await import('./measures/import.mjs');
const { memory } = await import('./measures/memory.mjs');
const { asClient, asServer } = await import('./measures/openssh.mjs');
const { sftp } = await import('./measures/sftp.mjs');
const { sftpFolder } = await import('./measures/sftp-folder.mjs');
const { sftpLatency } = await import('./measures/sftp-latency.mjs');
const { sftpServer } = await import('./measures/sftp-server.mjs');
const { sshVersion } = await import('./openssh.mjs');
const { profile } = await import('./profile.mjs');
const { formatRows } = await import('./report.mjs');

const measures = {
  bulk,
  connect,
  server: asServer,
  client: asClient,
  import: importTime,
  memory,
  sftp,
  'sftp-latency': sftpLatency,
  'sftp-folder': sftpFolder,
  'sftp-server': sftpServer,
};

const bytes = megabytes * 2 ** 20;
const latencyBytes = latencyMegabytes * 2 ** 20;
const directory = mkdtempSync(join(tmpdir(), 'amiko-bench-'));
const place = memoryPlace(Math.max(bytes, latencyBytes));
const memoryDirectory = place === null ? null : mkdtempSync(join(place, 'amiko-bench-'));
// They hold private keys, so they go however this ends.
const cleanUp = () => {
  for (const each of [directory, memoryDirectory]) if (each !== null) rmSync(each, { recursive: true, force: true });
};
process.once('exit', cleanUp);
// Not `once`: a second signal would end us in the middle of it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
const results = join(bench, 'results');
mkdirSync(results, { recursive: true });

const dist = resolve(options.dist ?? join(root, 'dist'));
const context = {
  dist,
  against: options.against === undefined ? null : resolve(options.against),
  peer: options.against === undefined ? 'ssh2' : OTHER_BUILD,
  cipher: options.cipher,
  runs,
  quick: options.quick,
  bytes,
  latencyBytes,
  roundTrips,
  files,
  sources: new Map(),
  directory,
  memoryDirectory,
  results,
  username: userInfo().username,
  keys: await makeKeys(dist),
  /** The order of the sides in this run: every other run the other way round. */
  sides: (run, names) => (run % 2 === 0 ? names : names.toReversed()),
  progress: (text) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`),
};

function environment() {
  const { version } = createRequire(import.meta.url)('ssh2/package.json');
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    openssl: process.versions.openssl,
    cpu: `${cpus().length} x ${cpu?.model ?? 'unknown'}`,
    platform: `${process.platform} ${process.arch}`,
    ssh2: `${version}, native addon ${native ? 'built' : 'NOT built'}`,
    openssh: sshVersion() ?? 'not installed',
    runs,
    bytes,
    load: loadavg()[0].toFixed(2),
  };
}

function commit() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

try {
  const about = environment();
  for (const [key, value] of Object.entries(about)) console.log(`${key.padEnd(9)} ${value}`);
  if (!native)
    console.log('ssh2 without its native addon is not what the goals compare with: install a C++ compiler and run again');
  if (options.profile !== undefined) {
    for (const cipher of options.profile) await profile(context, cipher, options['profile-of']);
  } else {
    const rows = [];
    for (const name of only) {
      const since = performance.now();
      const found = await measures[name](context);
      if (context.against !== null) for (const one of found) Object.assign(one, { checks: [], unjudged: false });
      if (process.stderr.isTTY) context.progress('');
      if (found.length === 0) console.log(`\n${name}: left out, it needs OpenSSH's ssh, sftp and sshd`);
      else console.log(`\n${formatRows(found)}\n${name}: took ${((performance.now() - since) / 1e3).toFixed(0)} s`);
      rows.push(...found);
      writeFileSync(join(results, 'latest.json'), `${JSON.stringify({ environment: about, rows }, null, 2)}\n`);
    }
    // The bench itself keeps about two processors busy; more than that was somebody else.
    console.log(`\nload average before ${about.load}, after ${loadavg()[0].toFixed(2)}, on ${cpus().length} processors`);
    const checks = rows.flatMap((one) => one.checks);
    const met = `${checks.filter(({ pass }) => pass).length} of ${checks.length} goals met`;
    const unjudged = rows.filter((one) => one.unjudged).length;
    console.log(`${met}${unjudged === 0 ? '' : `, ${unjudged} not judged`}; details in bench/results/latest.json`);
    if (options.quick) console.log('This was a quick run: it shows that everything works, and proves nothing about speed.');
  }
} finally {
  cleanUp();
}
