// The command line's entrance: the first word is a verb, or a host, which means `ssh`. A verb is loaded only when it is called,
// so that `amiko --version` costs nothing. What goes wrong ends as one line on stderr and an exit status, never as a stack.

import { nearest } from '../algorithms/nearest.ts';
import { UsageError } from '../errors.ts';
import { VERSION } from '../transport/version.ts';

interface Verb {
  readonly summary: string;
  load(): Promise<{ main(args: readonly string[]): Promise<number> }>;
}

const verbs: ReadonlyMap<string, Verb> = new Map([
  ['ssh', { summary: 'log in to a host, or run a command there', load: () => import('./ssh/main.ts') }],
  ['sftp', { summary: 'transfer files, by commands as sftp(1) has them', load: () => import('./sftp/main.ts') }],
  ['cp', { summary: 'copy files from, to and between hosts', load: () => import('./cp/main.ts') }],
  ['serve', { summary: 'start a server that is safe to start', load: () => import('./serve/main.ts') }],
  ['keygen', { summary: 'make, show, convert and certify keys, edit known_hosts', load: () => import('./keygen/main.ts') }],
  ['keyscan', { summary: 'print the host keys of servers', load: () => import('./keyscan/main.ts') }],
  ['copy-id', { summary: 'let a public key log in to a host', load: () => import('./copy-id/main.ts') }],
  ['agent', { summary: 'keep keys for others to sign with', load: () => import('./agent/main.ts') }],
  ['audit', { summary: 'what a server offers, and what of it is weak', load: () => import('./audit/main.ts') }],
]);

const USAGE = `amiko: SSH for TypeScript

Usage:
  amiko [user@]host [command ...]    the same as amiko ssh
${[...verbs].map(([name, { summary }]) => `  amiko ${name.padEnd(28)} ${summary}`).join('\n')}
  amiko VERB --help                  more about a verb
  amiko --version

Examples:
  amiko me@server.example.com
  amiko me@server.example.com uptime
  amiko ssh -p 2222 -i ~/.ssh/id_ed25519 me@server.example.com
  amiko sftp me@server.example.com:backup.tar.gz
  amiko cp -r site/ me@server.example.com:/srv/www
  amiko serve ./public
  amiko keygen -f ~/.ssh/id_ed25519
  amiko copy-id -i ~/.ssh/id_ed25519 me@server.example.com
  amiko audit server.example.com
`;

/** Exit status for wrong usage. */
const WRONG_USAGE = 2;
/** Exit status for errors of ours and of the connection. */
const FAILED = 255;

/** Runs the command line; resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    const wrongUsage = error instanceof UsageError;
    const hint = wrongUsage ? "\nTry 'amiko --help'." : '';
    process.stderr.write(`amiko: ${error instanceof Error ? error.message : String(error)}${hint}\n`);
    return wrongUsage ? WRONG_USAGE : FAILED;
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [word, ...rest] = args;
  if (word === undefined) {
    process.stderr.write(USAGE);
    return WRONG_USAGE;
  }
  if (word === '--help' || word === '-h' || word === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (word === '--version' || word === '-V') {
    process.stdout.write(`amiko ${VERSION}\n`);
    return 0;
  }
  // What git runs as gpg.ssh.program, which has to be one word.
  if (word === '-Y') return (await (verbs.get('keygen') as Verb).load()).main(args);
  if (word.startsWith('-')) throw new UsageError(`unknown option '${word}'${didYouMean(word, ['--help', '--version'])}`);
  const verb = verbs.get(word);
  if (verb !== undefined) return (await verb.load()).main(rest);
  // A name without dots is more often a slip of the finger than a host. Short names are too close to everything.
  if (word.length > 3 && /^[a-z-]+$/.test(word)) {
    const meant = didYouMean(
      word,
      [...verbs.keys()].filter((name) => name.length > 3),
    );
    if (meant !== '') throw new UsageError(`unknown verb '${word}'${meant} For a host of that name: amiko ssh ${word}`);
  }
  return (await (verbs.get('ssh') as Verb).load()).main(args);
}

function didYouMean(word: string, names: readonly string[]): string {
  const close = nearest(word, names);
  return close === null ? '' : `; did you mean '${close}'?`;
}
