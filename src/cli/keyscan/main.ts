// `amiko keyscan`: the host keys of servers, one connection per kind of key. Hosts are asked side by side, a few at once, and
// printed in the order in which they were named.

import { hashName, hostPattern, lookupName } from '../../client/known-hosts-line.ts';
import { printable, UsageError } from '../../errors.ts';
import { type Address, parseAddress } from '../../io/dial.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { parseOptions, wholeNumber } from '../getopt.ts';
import { readAll } from '../keygen/read-some.ts';
import { runVerb, warn } from '../verb.ts';
import { describeFailure, fetchHostKey } from './host-key.ts';
import { usage } from './usage.ts';

const TABLE = {
  p: 'value',
  t: 'value',
  f: 'value',
  H: 'flag',
  T: 'value',
  json: 'flag',
  q: 'flag',
  4: 'flag',
  6: 'flag',
  help: 'flag',
} as const;

const NOT_SUPPORTED = { c: 'certificates', D: 'DNS records', O: 'options', v: 'verbose' };

/** Kinds of keys, and the algorithms to ask for them with. */
const KINDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['ed25519', ['ssh-ed25519']],
  ['ecdsa', ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521']],
  // The key is the same; old servers sign only with SHA-1.
  ['rsa', ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa']],
]);

/** Connections at once, in all. Servers take about ten that have not logged in. */
const MOST_AT_ONCE = 12;
const MOST_LIST = 16 * 1024 * 1024;

interface ScannedHost {
  readonly keys: readonly PublicKey[];
  readonly version: string | null;
  readonly errors: readonly string[];
}

/** Runs `amiko keyscan` with the arguments after `keyscan`; resolves with the exit status. */
export function main(args: readonly string[]): Promise<number> {
  return runVerb('keyscan', async () => {
    const options = parseOptions(args, TABLE, { notSupported: NOT_SUPPORTED });
    if (options.has('help')) {
      process.stdout.write(usage);
      return 0;
    }
    const port = wholeNumber('-p', options.value('p') ?? '22', 1, 65_535);
    const timeout = 1_000 * wholeNumber('-T', options.value('T') ?? '5', 1, 86_400);
    const kinds = kindsOf(options.value('t'));
    const family = options.has('4') ? 4 : options.has('6') ? 6 : 0;
    const hosts = await hostsOf(options.operands, options.values('f'), port, family);
    if (hosts.length === 0) throw new UsageError('which hosts?');
    const slots = new Slots(MOST_AT_ONCE);
    const scans = hosts.map((host) => scan(host, kinds, timeout, slots));
    let failed = false;
    for (const [index, host] of hosts.entries()) {
      const { keys, version, errors } = await (scans[index] as Promise<ScannedHost>);
      if (version !== null && !options.has('q') && !options.has('json')) {
        process.stderr.write(`# ${printable(host.host)}:${host.port} ${printable(version)}\n`);
      }
      for (const error of errors) warn('keyscan', error);
      if (errors.length > 0) failed = true;
      for (const key of keys) {
        process.stdout.write(options.has('json') ? jsonLine(host, key, version) : knownHostsLine(host, key, options.has('H')));
      }
    }
    return failed ? 1 : 0;
  });
}

async function scan(
  host: Required<Pick<Address, 'host' | 'port' | 'family'>>,
  kinds: readonly (readonly string[])[],
  timeout: number,
  slots: Slots,
): Promise<ScannedHost> {
  const results = await Promise.allSettled(kinds.map((algorithms) => slots.run(() => fetchHostKey(host, algorithms, timeout))));
  const keys: PublicKey[] = [];
  const errors = new Set<string>();
  let version: string | null = null;
  for (const result of results) {
    if (result.status === 'rejected') errors.add(describeFailure(host.host, host.port, result.reason));
    else {
      version ??= result.value.version;
      if (result.value.key !== null) keys.push(result.value.key);
    }
  }
  if (keys.length === 0 && errors.size === 0)
    errors.add(`${printable(host.host)} port ${host.port}: it has no key of these kinds`);
  return { keys, version, errors: [...errors] };
}

function knownHostsLine(
  { host, port }: Required<Pick<Address, 'host' | 'port' | 'family'>>,
  key: PublicKey,
  hash: boolean,
): string {
  return `${hash ? hashName(lookupName(host, port)) : hostPattern(host, port)} ${key.type} ${key.getBase64()}\n`;
}

function jsonLine(
  { host, port }: Required<Pick<Address, 'host' | 'port' | 'family'>>,
  key: PublicKey,
  version: string | null,
): string {
  const { type, bits, fingerprint } = key;
  return `${JSON.stringify({ host, port, type, bits, fingerprint, key: `${type} ${key.getBase64()}`, version })}\n`;
}

function kindsOf(list: string | null): readonly (readonly string[])[] {
  if (list === null) return [...KINDS.values()];
  return [...new Set(list.split(','))].map((name) => {
    const kind = KINDS.get(name.toLowerCase());
    if (kind === undefined) throw new UsageError(`-t takes ${[...KINDS.keys()].join(', ')}, not '${printable(name)}'`);
    return kind;
  });
}

async function hostsOf(
  named: readonly string[],
  files: readonly string[],
  port: number,
  family: 0 | 4 | 6,
): Promise<readonly Required<Pick<Address, 'host' | 'port' | 'family'>>[]> {
  const names = [...named];
  for (const file of files) {
    for (const line of (await readAll(file, MOST_LIST)).toString('utf8').split('\n')) {
      const [name = ''] = line.trim().split(/\s/, 1);
      if (name !== '' && !name.startsWith('#')) names.push(name);
    }
  }
  return names.map((name) => {
    const address = parseAddress(name);
    const own = /\]:\d+$|^[^:]+:\d+$/.test(name);
    const target = { host: address.host, port: own ? address.port : port, family };
    // A name that cannot be written into a file of hosts is refused before anybody is asked.
    hostPattern(target.host, target.port);
    return target;
  });
}

/** Lets a number of things go on at once. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
