// `amiko copy-id`: find the keys, ask the server which it takes already, log in, add the others, ask again. This file is the order of
// these steps, what is said about each, and how it becomes an exit status.

import { printable, SSHError } from '../../errors.ts';
import type { Transport } from '../../transport/transport.ts';
import { VERSION } from '../../transport/version.ts';
import { Asking } from '../connection/asking.ts';
import { Configuration } from '../connection/configuration.ts';
import { openConnection, openTransport } from '../connection/connect.ts';
import { Log } from '../connection/log.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import { refuse } from '../connection/refuse.ts';
import { type Connections, closeAll, withSignals } from '../connection/signals.ts';
import { explain } from '../connection/target.ts';
import { openClient } from '../transfer/open-client.ts';
import { Failure } from '../verb.ts';
import type { Account } from './account.ts';
import { takenKeys } from './ask-server.ts';
import { accountBySftp } from './by-sftp.ts';
import { accountByShell } from './by-shell.ts';
import { usage } from './help.ts';
import { type CopyIdOptions, parseArguments } from './options.ts';
import { plan } from './plan.ts';
import { type KeyLine, keysToInstall } from './public-keys.ts';

const OK = 0;
const FAILED = 1;
const NO_CONNECTION = 255;

/** What became of a key. `taken`: it logs in already. `unusable`: it was added, and the server does not take it. */
type Status = 'taken' | 'present' | 'added' | 'would-be-added' | 'unusable';

/** Runs `amiko copy-id` with the arguments after `copy-id`; resolves with the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let options: CopyIdOptions;
  let connection: ConnectionOptions;
  try {
    const invocation = parseArguments(args);
    if (invocation.kind !== 'copy-id') {
      process.stdout.write(invocation.kind === 'help' ? usage() : `amiko ${VERSION}\n`);
      return OK;
    }
    options = invocation.options;
    connection = await (await Configuration.load(options)).withoutSession(options.destination, null);
  } catch (error) {
    return refuse('copy-id', error);
  }
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const log = new Log(connection);
  return withSignals(
    () => true,
    (connections) => copy(options, connection, connections, log),
  );
}

async function copy(options: CopyIdOptions, connection: ConnectionOptions, connections: Connections, log: Log): Promise<number> {
  const { target, identityAgent } = connection;
  try {
    const keys = await keysToInstall(options.keyFiles, identityAgent, log);
    const job = new Job(options, connection, keys, connections, log);
    await job.run();
    if (options.json) process.stdout.write(`${JSON.stringify(job.result())}\n`);
    return job.failed ? FAILED : OK;
  } catch (error) {
    if (!connections.signalled) log.error(error instanceof Failure ? error.message : explain(error, target));
    return error instanceof Failure ? error.status : NO_CONNECTION;
  } finally {
    await closeAll(connections);
  }
}

class Job {
  readonly #options: CopyIdOptions;
  readonly #connection: ConnectionOptions;
  readonly #keys: readonly KeyLine[];
  readonly #connections: Connections;
  readonly #log: Log;
  readonly #asking: Asking;
  readonly #status = new Map<KeyLine, Status>();
  #account: Account | null = null;

  constructor(
    options: CopyIdOptions,
    connection: ConnectionOptions,
    keys: readonly KeyLine[],
    connections: Connections,
    log: Log,
  ) {
    this.#options = options;
    this.#connection = connection;
    this.#keys = keys;
    this.#connections = connections;
    this.#log = log;
    this.#asking = new Asking({ batchMode: connection.batchMode });
  }

  get failed(): boolean {
    return [...this.#status.values()].includes('unusable');
  }

  async run(): Promise<void> {
    const { force, dryRun } = this.#options;
    // Options in front of a key are not what the server answers about.
    const askable = force ? [] : this.#keys.filter(({ hasOptions }) => !hasOptions);
    for (const key of await this.#taken(askable)) this.#set(key, 'taken', 'logs in already');
    const left = this.#keys.filter((key) => !this.#status.has(key));
    if (left.length === 0) {
      this.#log.notice('There is nothing to add; -f adds keys all the same.');
      return;
    }
    if (dryRun) {
      for (const key of left) this.#set(key, 'would-be-added', 'would be added');
      return;
    }
    const transport = await openConnection(this.#connection, this.#asking, this.#log, this.#connections);
    await this.#install(transport, left);
  }

  result(): object {
    const { host, port, user } = this.#connection.target;
    const keys = this.#keys.map((entry) => {
      const { key, comment, source } = entry;
      return { type: key.type, fingerprint: key.fingerprint, comment, source, status: this.#status.get(entry) };
    });
    return { host, port, user, file: this.#account?.file ?? null, via: this.#account?.via ?? null, keys };
  }

  async #install(transport: Transport, keys: readonly KeyLine[]): Promise<void> {
    const account = await this.#open(transport);
    this.#account = account;
    const planned = plan(account.content, keys, this.#options.force);
    for (const one of planned) {
      if (one.status !== 'present') continue;
      const how = one.options === '' ? '' : `, as '${printable(one.options)}'; -f adds it in a line of its own`;
      this.#set(one.key, 'present', `is in ${account.file} already${how}`);
    }
    const fresh = planned.filter(({ status }) => status === 'added').map(({ key }) => key);
    if (fresh.length === 0) return;
    await account.append(fresh.map(({ line }) => `${line}\n`).join(''));
    for (const key of fresh) this.#set(key, 'added', `was added to ${account.file}`);
    await this.#check(fresh.filter(({ hasOptions }) => !hasOptions));
  }

  /** Through a shell where there is one, unless SFTP was asked for. */
  async #open(transport: Transport): Promise<Account> {
    let noShell = '';
    if (!this.#options.sftp) {
      const account = await accountByShell(transport);
      if (typeof account !== 'string') return account;
      noShell = `the server gives no shell (${account})`;
      this.#log.debug(1, `${noShell}; trying SFTP`);
    }
    try {
      return await accountBySftp(await openClient(transport, {}), this.#connection.target.user);
    } catch (error) {
      if (!(error instanceof SSHError) || noShell === '' || !transport.isActive()) throw error;
      throw new Failure(`${noShell}, and no SFTP: ${error.message}`, FAILED);
    }
  }

  /** A file in its usual place may not be what the server looks at, or not please it (StrictModes of sshd). */
  async #check(fresh: readonly KeyLine[]): Promise<void> {
    let taken: readonly KeyLine[];
    try {
      taken = await this.#taken(fresh);
    } catch (error) {
      this.#log.debug(1, `whether the server takes the keys now is not known: ${error instanceof Error ? error.message : error}`);
      return;
    }
    for (const key of fresh) {
      if (taken.includes(key)) continue;
      this.#set(
        key,
        'unusable',
        'was added, but the server does not take it: it may look elsewhere, or not like the rights of the files',
      );
    }
  }

  async #taken(keys: readonly KeyLine[]): Promise<readonly KeyLine[]> {
    const { user } = this.#connection.target;
    const publicKeys = keys.map(({ key }) => key);
    const connect = () => openTransport(this.#connection, this.#asking, this.#log, this.#connections);
    const taken = await takenKeys(publicKeys, user, connect, this.#log);
    return keys.filter(({ key }) => taken.includes(key));
  }

  #set(entry: KeyLine, status: Status, said: string): void {
    const { key, comment } = entry;
    this.#status.set(entry, status);
    const tell = status === 'unusable' ? (text: string) => this.#log.error(text) : (text: string) => this.#log.notice(text);
    tell(`${key.type} ${key.fingerprint}${comment === '' ? '' : ` (${comment})`} ${said}.`);
  }
}
