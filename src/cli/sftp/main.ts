// `amiko sftp`: connect, open SFTP, then run commands from wherever they come, or fetch the one file that was named. This file is
// the order of these steps and how each end becomes an exit status.

import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { SFTPError, TransferError, UsageError } from '../../errors.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { VERSION } from '../../transport/version.ts';
import { Asking } from '../connection/asking.ts';
import { Configuration } from '../connection/configuration.ts';
import { openConnection } from '../connection/connect.ts';
import { Log } from '../connection/log.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import { refuse } from '../connection/refuse.ts';
import { type Connections, closeAll, withSignals } from '../connection/signals.ts';
import { explain } from '../connection/target.ts';
import { typedArguments } from '../transfer/arguments.ts';
import { expandHome } from '../transfer/home.ts';
import { openClient } from '../transfer/open-client.ts';
import { Progress } from '../transfer/progress.ts';
import { shown } from '../transfer/shown.ts';
import { runLines } from './batch.ts';
import { get } from './commands/transfers.ts';
import { commands } from './commands.ts';
import { usage } from './help.ts';
import { runInteractive } from './interactive.ts';
import { linesOf } from './lines.ts';
import { parseArguments, type SftpOptions } from './options.ts';
import { Shell } from './shell.ts';
import { asPattern } from './words.ts';

const OK = 0;
const FAILED = 1;
const NO_CONNECTION = 255;

/** Runs `amiko sftp` with the arguments after `sftp`; resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let options: SftpOptions;
  let connection: ConnectionOptions;
  try {
    const invocation = parseArguments(typedArguments(args));
    if (invocation.kind !== 'connect') {
      process.stdout.write(invocation.kind === 'help' ? usage() : `amiko ${VERSION}\n`);
      return OK;
    }
    options = invocation.options;
    // Before anything else: a batch file that is not there needs no connection.
    if (options.batchFile !== undefined && options.batchFile !== '-') await readable(options.batchFile);
    const configuration = await Configuration.load(options);
    connection = await configuration.withoutSession(options.place.destination, options.subsystem);
  } catch (error) {
    return refuse('sftp', error);
  }
  const log = new Log(connection);
  process.stderr.on('error', () => {});
  process.stdout.on('error', () => {});
  const running: { shell: Shell | null; interactive: boolean } = { shell: null, interactive: false };
  const onSignal = (signal: string) => {
    const { shell, interactive } = running;
    if (interactive && signal === 'SIGINT') {
      // At the prompt the terminal is raw and there is no signal: this is for the command, if it has not ended just now.
      shell?.interrupt();
      return false;
    }
    shell?.interrupt();
    log.debug(1, `${signal}: closing`);
    return true;
  };
  return withSignals(onSignal, (connections) => connect(options, connection, connections, running, log));
}

async function readable(file: string): Promise<void> {
  try {
    await (await open(file)).close();
  } catch (error) {
    throw new UsageError(`the batch file cannot be read: ${(error as Error).message}`);
  }
}

async function connect(
  options: SftpOptions,
  connection: ConnectionOptions,
  connections: Connections,
  running: { shell: Shell | null; interactive: boolean },
  log: Log,
): Promise<number> {
  const { target, batchMode } = connection;
  let client: SFTPClient | null = null;
  try {
    for (const notice of connection.notices) log.debug(1, notice);
    const transport = await openConnection(connection, new Asking({ batchMode }), log, connections);
    client = await openClient(transport, options);
    const quiet = connection.quiet || (options.batchFile !== undefined && !options.notQuiet);
    if (!quiet) log.notice(`Connected to ${target.host}.`);
    const shell = await newShell(client, options, quiet);
    running.shell = shell;
    log.makeRoom = () => shell.progress.clear();
    return await work(shell, options, running);
  } catch (error) {
    const hint = error instanceof TransferError ? '; reget and reput go on with it' : '';
    if (!connections.signalled) log.error(explain(error, target) + hint);
    return NO_CONNECTION;
  } finally {
    client?.close();
    await closeAll(connections);
  }
}

async function newShell(client: SFTPClient, options: SftpOptions, quiet: boolean): Promise<Shell> {
  const { preserve, recursive, resume, fsync } = options;
  const home = await client.realpath('.');
  const off = new Progress(null);
  const on = process.stderr.isTTY ? new Progress(process.stderr) : off;
  const output = {
    print: (text: string) => void process.stdout.write(text),
    complain: (text: string) => void process.stderr.write(`${text}\n`),
    get columns() {
      return process.stdout.columns || 80;
    },
  };
  const settings = { quiet, preserve, recursive, resume, fsync };
  const shell = new Shell(client, home, commands, settings, output, { on, off });
  if (quiet) shell.progress = off;
  return shell;
}

/** Does what was asked for; resolves with the exit status. @throws the connection's error */
async function work(shell: Shell, options: SftpOptions, running: { interactive: boolean }): Promise<number> {
  const { place, batchFile, target } = options;
  if (place.path !== '') {
    const entered = await enter(shell, place.path, target);
    if (entered !== 'entered') return entered === 'fetched' ? OK : FAILED;
  }
  if (batchFile !== undefined) {
    const source = batchFile === '-' ? process.stdin : createReadStream(batchFile);
    return (await runLines(shell, linesOf(source), true)) ? OK : FAILED;
  }
  if (process.stdin.isTTY !== true) {
    await runLines(shell, linesOf(process.stdin), false);
    return OK;
  }
  running.interactive = true;
  await runInteractive(shell);
  return OK;
}

/** A folder that was named with the host is where we begin; anything else is what to fetch, and then we are done. */
async function enter(shell: Shell, path: string, target: string | undefined): Promise<'entered' | 'fetched' | 'failed'> {
  let entered = false;
  const done = await shell.attempt(async () => {
    const place = await expandHome(shell.client, path, shell.call);
    entered = target === undefined && (await isFolder(shell, shell.remote(place)));
    if (!entered) {
      await get(shell, { flags: new Set(), words: [], rest: '' }, [place], target === undefined ? undefined : asPattern(target));
      return;
    }
    shell.remoteFolder = await shell.client.realpath(shell.remote(place), shell.call);
    shell.tell(`Changing to: ${shown(shell.remoteFolder)}`);
  });
  if (!done) return 'failed';
  return entered ? 'entered' : 'fetched';
}

async function isFolder(shell: Shell, path: string): Promise<boolean> {
  try {
    return (await shell.client.stat(path, shell.call)).isDirectory();
  } catch (error) {
    if (error instanceof SFTPError) return false;
    throw error;
  }
}
