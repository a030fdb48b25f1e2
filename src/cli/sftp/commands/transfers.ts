// get, put and their kin. Where things go, as in sftp(1): into the target if that is a folder, else under the target's name;
// without a target, under their own name where we are. Several things need a folder.

import { stat } from 'node:fs/promises';
import { SFTPError } from '../../../errors.ts';
import { forNode, localEntry } from '../../../sftp/client/transfer/local-path.ts';
import type { TransferOptions, TransferResult } from '../../../sftp/client/transfer/options.ts';
import { followProgress } from '../../transfer/follow.ts';
import { explainFullDisk } from '../../transfer/full-disk.ts';
import { shown } from '../../transfer/shown.ts';
import type { Call, Command } from '../command-line.ts';
import { CommandError, ReportedError, type Shell } from '../shell.ts';
import { literal } from '../words.ts';

const MANY = Number.POSITIVE_INFINITY;
const FLAGS = 'afpPrR';

export const transferCommands: readonly Command[] = [
  {
    names: ['get'],
    usage: '[-afpR] remote [local]',
    help: 'download; -R folders, -a go on, -p keep modes and times, -f flush to disk',
    flags: FLAGS,
    words: [1, 2],
    completes: ['remote', 'local'],
    run: (shell, call) => get(shell, call, call.words.slice(0, 1), call.words[1]),
  },
  {
    names: ['reget'],
    usage: '[-fpR] remote [local]',
    help: 'go on with a download: get -a',
    flags: FLAGS,
    words: [1, 2],
    completes: ['remote', 'local'],
    run: (shell, call) => get(shell, withFlag(call, 'a'), call.words.slice(0, 1), call.words[1]),
  },
  {
    names: ['mget'],
    usage: '[-afpR] remote ...',
    help: 'download several, to where we are',
    flags: FLAGS,
    words: [1, MANY],
    completes: ['remote'],
    run: (shell, call) => get(shell, call, call.words, undefined),
  },
  {
    names: ['put'],
    usage: '[-afpR] local [remote]',
    help: 'upload; the flags are those of get',
    flags: FLAGS,
    words: [1, 2],
    completes: ['local', 'remote'],
    run: (shell, call) => put(shell, call, call.words.slice(0, 1), call.words[1]),
  },
  {
    names: ['reput'],
    usage: '[-fpR] local [remote]',
    help: 'go on with an upload: put -a',
    flags: FLAGS,
    words: [1, 2],
    completes: ['local', 'remote'],
    run: (shell, call) => put(shell, withFlag(call, 'a'), call.words.slice(0, 1), call.words[1]),
  },
  {
    names: ['mput'],
    usage: '[-afpR] local ...',
    help: 'upload several, to where we are',
    flags: FLAGS,
    words: [1, MANY],
    completes: ['local'],
    run: (shell, call) => put(shell, call, call.words, undefined),
  },
];

function withFlag(call: Call, flag: string): Call {
  return { ...call, flags: new Set([...call.flags, flag]) };
}

/** Downloads what fits the patterns. @throws ReportedError where some of it failed */
export async function get(shell: Shell, call: Call, patterns: readonly string[], to: string | undefined): Promise<void> {
  const sources = await shell.remotePaths(patterns);
  const target = to === undefined ? null : shell.local(literal(to));
  const intoFolder = target !== null && (await isLocalFolder(target));
  if (sources.length > 1 && target !== null && !intoFolder) {
    throw new CommandError(`that fits ${sources.length} names, and '${shown(literal(to as string))}' is no folder`);
  }
  await shell.each(sources, async (source) => {
    const local =
      target === null || intoFolder ? localEntry(target ?? shell.localFolder, await remoteName(shell, source)) : target;
    const { client } = shell;
    const attributes = await client.stat(source, shell.call);
    requireRecursive(shell, call, attributes.isDirectory(), source);
    // To open a FIFO would stop the server for ever.
    if (attributes.stMode !== undefined && !attributes.isDirectory() && !attributes.isFile()) throw notRegular(source);
    shell.tell(`Fetching ${shown(source)} to ${shown(below(local, shell.localFolder))}`);
    const name = (path: string) => below(path, shell.remoteFolder);
    await transfer(shell, call, 'Retrieving', name, (options) => client.get(source, local, options));
  });
}

/** Uploads what fits the patterns. @throws ReportedError where some of it failed */
export async function put(shell: Shell, call: Call, patterns: readonly string[], to: string | undefined): Promise<void> {
  const sources = await shell.localPaths(patterns);
  const target = to === undefined ? null : shell.remote(literal(to));
  const intoFolder = target !== null && (await isRemoteFolder(shell, target));
  if (sources.length > 1 && target !== null && !intoFolder) {
    throw new CommandError(`that fits ${sources.length} names, and '${shown(target)}' is no folder`);
  }
  await shell.each(sources, async (source) => {
    const stats = await stat(forNode(source));
    requireRecursive(shell, call, stats.isDirectory(), source);
    if (!stats.isDirectory() && !stats.isFile()) throw notRegular(source);
    const name = baseOf(source);
    const remote = target === null || intoFolder ? joined(target ?? shell.remoteFolder, name) : target;
    shell.tell(`Uploading ${shown(below(source, shell.localFolder))} to ${shown(remote)}`);
    const shorter = (path: string) => below(path, shell.localFolder);
    await transfer(shell, call, 'Entering', shorter, (options) => shell.client.put(source, remote, options));
  });
}

async function transfer(
  shell: Shell,
  call: Call,
  verb: string,
  name: (path: string) => string,
  run: (options: TransferOptions) => Promise<TransferResult>,
): Promise<void> {
  const { settings, progress } = shell;
  const has = (...letters: string[]) => letters.some((letter) => call.flags.has(letter));
  const resume = has('a') || settings.resume;
  let failures = 0;
  const follow = followProgress(progress, name, resume);
  try {
    const { skipped } = await run({
      ...shell.call,
      recursive: has('r', 'R') || settings.recursive,
      preserve: has('p', 'P') || settings.preserve,
      fsync: has('f') || settings.fsync,
      resume,
      // "Note that sftp does not follow symbolic links when performing recursive transfers."
      links: 'skip',
      ...(progress.enabled && { onProgress: follow.onProgress }),
      filter: (path, attributes) => {
        if (attributes.isDirectory()) shell.tell(`${verb} ${shown(name(path))}`);
        return true;
      },
      onError: async (error) => {
        // As sftp(1): what is no file is left out, which is told and no failure.
        if (isNoFile(error)) return 'skip' as const;
        shell.forgive(await explainFullDisk(shell.client, error, shell.call));
        failures++;
        return 'skip' as const;
      },
    });
    const leftOut = skipped - failures;
    if (leftOut > 0)
      shell.tell(`Left out: ${leftOut} that ${leftOut === 1 ? 'is no file or folder' : 'are no files or folders'}`);
  } catch (error) {
    throw shell.call.signal.aborted ? error : await explainFullDisk(shell.client, error, shell.call);
  } finally {
    follow.end();
  }
  if (failures > 0) throw new ReportedError('some files failed');
}

function requireRecursive(shell: Shell, { flags }: Call, folder: boolean, source: string): void {
  if (!folder || flags.has('r') || flags.has('R') || shell.settings.recursive) return;
  throw new CommandError(`'${shown(source)}' is a folder; -R takes folders`);
}

function notRegular(source: string): CommandError {
  return new CommandError(`'${shown(source)}' is no regular file`);
}

/** A FIFO or a device in a folder. */
function isNoFile(error: unknown): boolean {
  return error instanceof SFTPError && error.code === 'ENOTSUP' && error.operation === 'open';
}

async function isLocalFolder(path: string): Promise<boolean> {
  const stats = await stat(forNode(path)).catch(() => null);
  return stats?.isDirectory() ?? false;
}

async function isRemoteFolder(shell: Shell, path: string): Promise<boolean> {
  try {
    return (await shell.client.stat(path, shell.call)).isDirectory();
  } catch (error) {
    if (error instanceof SFTPError) return false;
    throw error;
  }
}

/** What a remote file is called without its folder; `.` and `..` by their real name. */
async function remoteName(shell: Shell, path: string): Promise<string> {
  const name = baseOf(path);
  return name === '.' || name === '..' ? baseOf(await shell.client.realpath(path, shell.call)) : name;
}

function baseOf(path: string): string {
  const bare = path.replace(/\/+$/, '');
  return bare.slice(bare.lastIndexOf('/') + 1);
}

function joined(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

/** Relative to where we are, if it is below. */
function below(path: string, folder: string): string {
  const start = folder.endsWith('/') ? folder : `${folder}/`;
  return path.startsWith(start) ? path.slice(start.length) : path;
}
