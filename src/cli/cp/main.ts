// `amiko cp`: connect to the hosts that are named, each once, and copy. This file is how each end becomes an exit status.

import { TransferError, UsageError } from '../../errors.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { VERSION } from '../../transport/version.ts';
import { Asking } from '../connection/asking.ts';
import { openConnection } from '../connection/connect.ts';
import type { Destination } from '../connection/destination.ts';
import { Log } from '../connection/log.ts';
import { type Connections, closeAll, withSignals } from '../connection/signals.ts';
import { explain, type Target, targetOf } from '../connection/target.ts';
import { openClient } from '../transfer/open-client.ts';
import { copyAll } from './copy.ts';
import { usage } from './help.ts';
import { type CpOptions, parseArguments } from './options.ts';
import { jsonReport, type Report, textReport } from './report.ts';

const OK = 0;
const FAILED = 1;
const WRONG_USAGE = 2;
const NO_CONNECTION = 255;

/** Runs `amiko cp` with the arguments after `cp`; resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let options: CpOptions;
  try {
    const invocation = parseArguments(args);
    if (invocation.kind !== 'copy') {
      process.stdout.write(invocation.kind === 'help' ? usage() : `amiko ${VERSION}\n`);
      return OK;
    }
    options = invocation.options;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`amiko cp: ${error.message}\nTry 'amiko cp --help'.\n`);
    return WRONG_USAGE;
  }
  process.stderr.on('error', () => {});
  process.stdout.on('error', () => {});
  const log = new Log(options);
  const report = options.json
    ? jsonReport((line) => void process.stdout.write(line))
    : textReport(process.stderr.isTTY === true && !options.quiet);
  log.makeRoom = () => report.clear();
  const interrupted = new AbortController();
  const onSignal = (signal: string) => {
    report.clear();
    log.debug(1, `${signal}: closing`);
    interrupted.abort(new Error(signal));
    return true;
  };
  return withSignals(onSignal, (connections) => copy(options, report, connections, interrupted.signal, log));
}

async function copy(
  options: CpOptions,
  report: Report,
  connections: Connections,
  signal: AbortSignal,
  log: Log,
): Promise<number> {
  const hosts = new Hosts(options, connections, log);
  try {
    const summary = await copyAll({ options, report, connect: (destination) => hosts.client(destination), signal });
    report.end(summary);
    return summary.failed === 0 ? OK : FAILED;
  } catch (error) {
    if (!connections.signalled) {
      if (options.json) report.failed(error, '');
      const hint = error instanceof TransferError ? '; --resume goes on with it' : '';
      log.error(explain(error, hosts.last ?? { host: '', port: 0 }) + hint);
    }
    return NO_CONNECTION;
  } finally {
    hosts.close();
    await closeAll(connections);
  }
}

/** One connection for each host, user and port. */
class Hosts {
  readonly #options: CpOptions;
  readonly #connections: Connections;
  readonly #log: Log;
  readonly #clients = new Map<string, Promise<SFTPClient>>();
  /** The one that was connected to last, for messages. */
  last: Target | null = null;

  constructor(options: CpOptions, connections: Connections, log: Log) {
    this.#options = options;
    this.#connections = connections;
    this.#log = log;
  }

  client(destination: Destination): Promise<SFTPClient> {
    const target = targetOf(destination, this.#options);
    this.last = target;
    const key = JSON.stringify(target);
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const opened = this.#open(target);
    this.#clients.set(key, opened);
    return opened;
  }

  close(): void {
    for (const client of this.#clients.values()) {
      client.then(
        (each) => each.close(),
        () => {},
      );
    }
  }

  async #open(target: Target): Promise<SFTPClient> {
    const asking = new Asking({ batchMode: this.#options.batchMode ?? false });
    const transport = await openConnection(target, this.#options, asking, this.#log, this.#connections);
    return openClient(transport, this.#options);
  }
}
