// `amiko cp`: connect to the hosts that are named, each once, and copy. This file is how each end becomes an exit status.

import { TransferError } from '../../errors.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { VERSION } from '../../transport/version.ts';
import { Asking } from '../connection/asking.ts';
import { Configuration } from '../connection/configuration.ts';
import { openConnection } from '../connection/connect.ts';
import type { Destination } from '../connection/destination.ts';
import { Log } from '../connection/log.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import { refuse } from '../connection/refuse.ts';
import { type Connections, closeAll, withSignals } from '../connection/signals.ts';
import { explain, type Target } from '../connection/target.ts';
import { typedArguments } from '../transfer/arguments.ts';
import { openClient } from '../transfer/open-client.ts';
import { copyAll } from './copy.ts';
import { usage } from './help.ts';
import { type CpOptions, parseArguments } from './options.ts';
import { jsonReport, type Report, textReport } from './report.ts';

const OK = 0;
const FAILED = 1;
const NO_CONNECTION = 255;

/** Runs `amiko cp` with the arguments after `cp`; resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let options: CpOptions;
  let hosts: Hosts;
  try {
    const invocation = parseArguments(typedArguments(args));
    if (invocation.kind !== 'copy') {
      process.stdout.write(invocation.kind === 'help' ? usage() : `amiko ${VERSION}\n`);
      return OK;
    }
    options = invocation.options;
    hosts = await Hosts.of(options);
  } catch (error) {
    return refuse('cp', error);
  }
  process.stderr.on('error', () => {});
  process.stdout.on('error', () => {});
  const { loudness } = hosts;
  const log = new Log(loudness);
  const report = options.json
    ? jsonReport((line) => void process.stdout.write(line))
    : textReport(process.stderr.isTTY === true && !loudness.quiet);
  log.makeRoom = () => report.clear();
  const interrupted = new AbortController();
  const onSignal = (signal: string) => {
    report.clear();
    log.debug(1, `${signal}: closing`);
    interrupted.abort(new Error(signal));
    return true;
  };
  return withSignals(onSignal, (connections) => copy(options, hosts, report, connections, interrupted.signal, log));
}

async function copy(
  options: CpOptions,
  hosts: Hosts,
  report: Report,
  connections: Connections,
  signal: AbortSignal,
  log: Log,
): Promise<number> {
  try {
    const connect = (destination: Destination) => hosts.client(destination, connections, log);
    const summary = await copyAll({ options, report, connect, signal });
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

/** The hosts that are named, and one connection for each of them with its user and port. */
class Hosts {
  readonly #options: CpOptions;
  /** By destination, as it was typed. */
  readonly #settings: ReadonlyMap<string, ConnectionOptions>;
  readonly #clients = new Map<string, Promise<SFTPClient>>();
  /** The one that was connected to last, for messages. */
  last: Target | null = null;

  private constructor(options: CpOptions, settings: ReadonlyMap<string, ConnectionOptions>) {
    this.#options = options;
    this.#settings = settings;
  }

  /** Looks all of them up. @throws UsageError, ConfigError */
  static async of(options: CpOptions): Promise<Hosts> {
    const configuration = await Configuration.load(options);
    const settings = new Map<string, ConnectionOptions>();
    for (const place of [...options.sources, options.target]) {
      if (place.kind === 'local') continue;
      settings.set(JSON.stringify(place.destination), await configuration.withoutSession(place.destination, 'sftp'));
    }
    return new Hosts(options, settings);
  }

  /** How much to say: what the first of them wants. */
  get loudness(): Pick<ConnectionOptions, 'quiet' | 'silent' | 'verbosity'> {
    const [first] = this.#settings.values();
    return first ?? { quiet: false, silent: false, verbosity: 0 };
  }

  client(destination: Destination, connections: Connections, log: Log): Promise<SFTPClient> {
    const settings = this.#settings.get(JSON.stringify(destination)) as ConnectionOptions;
    this.last = settings.target;
    const key = JSON.stringify(settings.target);
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const opened = this.#open(settings, connections, log);
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

  async #open(settings: ConnectionOptions, connections: Connections, log: Log): Promise<SFTPClient> {
    for (const notice of settings.notices) log.debug(1, notice);
    const transport = await openConnection(settings, new Asking({ batchMode: settings.batchMode }), log, connections);
    return openClient(transport, this.#options);
  }
}
