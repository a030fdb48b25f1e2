// Which public keys are to be installed, each as the line that goes into authorized_keys. Nothing but a line that reads as a public key
// leaves here: a private key, a certificate or a line with a line end in it never becomes one.

import { readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { openAgent } from '../../agent/agent.ts';
import { AgentError, KeyFormatError, printable } from '../../errors.ts';
import { Certificate } from '../../keys/certificate.ts';
import { readPublicKey } from '../../keys/node/read.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { AuthorizedKeys } from '../../server/authorized-keys.ts';
import type { Log } from '../connection/log.ts';
import { looksPrivate } from '../keygen/convert.ts';
import { type KeyInLine, keyInLine } from '../keygen/key-line.ts';
import { readAll } from '../keygen/read-some.ts';
import { Failure } from '../verb.ts';

/** A key to install. */
export interface KeyLine {
  readonly key: PublicKey;
  /** For authorized_keys, without a line end. */
  readonly line: string;
  /** Options stand in front of the key. */
  readonly hasOptions: boolean;
  readonly comment: string;
  /** The file that it is from; null for the agent. */
  readonly source: string | null;
}

/** Bytes of a file of public keys. */
const MOST_FILE = 1_048_576;

/** The keys of the files; where none is named those of the agent, or else of the newest of the usual files. @throws Failure */
export async function keysToInstall(files: readonly string[], agent: string | null | undefined, log: Log): Promise<KeyLine[]> {
  const found = files.length > 0 ? (await Promise.all(files.map(keysInFile))).flat() : await usualKeys(agent, log);
  return found.filter(({ line }, index) => found.findIndex((other) => other.line === line) === index);
}

async function usualKeys(agent: string | null | undefined, log: Log): Promise<KeyLine[]> {
  const held = await agentKeys(agent, log);
  if (held.length > 0) return held;
  const file = await newestFile(join(homedir(), '.ssh'));
  if (file === null) {
    throw new Failure('there is no key to install: the agent has none, and no ~/.ssh/id*.pub exists. Make one: amiko keygen');
  }
  return keysInFile(file);
}

async function agentKeys(where: string | null | undefined, log: Log): Promise<KeyLine[]> {
  if (where === null || (where === undefined && !process.env['SSH_AUTH_SOCK'] && process.platform !== 'win32')) return [];
  try {
    await using agent = await openAgent(where);
    const keys = await agent.getKeys();
    // A certificate is its authority's business; the key in it mostly stands beside it.
    const plain = keys.filter(({ publicKey }) => publicKey.certificate === null);
    return plain.map(({ publicKey: key, comment }) => {
      // The agent may be anybody's: a line end in a comment would be a second line, of any key.
      const safe = printable(comment).trim();
      const line = `${key.type} ${key.getBase64()}${safe === '' ? '' : ` ${safe}`}`;
      return { key, line, hasOptions: false, comment: safe, source: null };
    });
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    if (where === undefined) log.debug(1, error.message);
    else log.error(error.message);
    return [];
  }
}

/** As ssh-copy-id: the one of `id*.pub` that was written last, certificates left out. */
async function newestFile(folder: string): Promise<string | null> {
  const names = await readdir(folder).catch(() => []);
  let newest: { readonly file: string; readonly time: number } | null = null;
  for (const name of names) {
    if (!/^id.*\.pub$/.test(name) || name.endsWith('-cert.pub')) continue;
    const file = join(folder, name);
    const time = (await stat(file).catch(() => null))?.mtimeMs ?? 0;
    if (newest === null || time > newest.time) newest = { file, time };
  }
  return newest?.file ?? null;
}

async function keysInFile(named: string): Promise<KeyLine[]> {
  const file = named.endsWith('.pub') ? named : `${named}.pub`;
  const shown = printable(file);
  let bytes: Buffer;
  try {
    if (await looksPrivate(file)) throw new Failure(`${shown} is a private key, which must never leave this machine`);
    bytes = await readAll(file, MOST_FILE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const make = named === file ? '' : `; the public half of a key: amiko keygen -y -f ${printable(named)} > ${shown}`;
    throw new Failure(`there is no public key ${shown}${make}`);
  }
  const lines = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split('\n');
  // One key over several lines, as other programs write it.
  if (/^-{4,5} ?BEGIN |^\s*\{/.test(lines[0] as string)) {
    const key = await readPublicKey(file);
    return [{ key, line: key.toString(), hasOptions: false, comment: key.comment, source: file }];
  }
  const found: KeyLine[] = [];
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    found.push({ ...keyOfLine(line, `${shown}:${index + 1}`), source: file });
  }
  if (found.length === 0) throw new Failure(`there is no key in ${shown}`);
  return found;
}

function keyOfLine(line: string, place: string): Omit<KeyLine, 'source'> {
  if (hasControls(line)) throw new Failure(`${place}: there are control characters in it`);
  const entry: KeyInLine | null = keyInLine(line);
  if (entry === null) throw new Failure(`${place}: not a public key`);
  const { key, comment } = entry;
  if (key instanceof Certificate) {
    const what = "its key is what can be installed, or its authority, with 'cert-authority' in front";
    throw new Failure(`${place}: a certificate is not installed; ${what}`);
  }
  const hasOptions = !line.startsWith(`${key.type} `) && !line.startsWith(`${key.type}\t`);
  if (hasOptions) checkOptions(line, place);
  return { key, line, hasOptions, comment: hasOptions && line.startsWith(comment) ? '' : comment };
}

/** As sshd reads them: an option that it does not know makes a line of no use. */
function checkOptions(line: string, place: string): void {
  try {
    AuthorizedKeys.parse(line, place);
  } catch (error) {
    if (!(error instanceof KeyFormatError)) throw error;
    throw new Failure(`${place}: ${error.message}`);
  }
}

function hasControls(line: string): boolean {
  for (const character of line) if (character !== '\t' && (character < ' ' || character === '\x7f')) return true;
  return false;
}
