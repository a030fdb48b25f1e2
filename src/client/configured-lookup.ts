// Where `connect({ config })` looks hosts up: the destination and every host on the way in the same configuration, which is read once.
// No command of a file runs unless the caller wants it.

import { homedir } from 'node:os';
import { type Destination, formatJumpList, type Jump } from '../config/jump.ts';
import type { ResolvedConfig } from '../config/resolved-config.ts';
import { SSHConfig } from '../config/ssh-config.ts';
import { ConfigError, UsageError } from '../errors.ts';
import { type CallOptions, waitFor } from '../io/waiting.ts';
import type { ConfiguredOptions } from './connect-options.ts';
import { runForMatch } from './match-exec.ts';

/** More are the work of one who wants us to open connections. */
const MOST_HOPS = 16;

/** A host to look up, and the hops before it where something else than its own block says them. */
export interface Asked extends Destination {
  readonly before: readonly Jump[];
  /** The lookups that have led here: the destination first. */
  readonly trail: readonly Asked[];
}

export class Lookups {
  readonly #config: SSHConfig;
  readonly #exec: boolean;
  readonly #call: CallOptions;

  private constructor(config: SSHConfig, exec: boolean, call: CallOptions) {
    this.#config = config;
    this.#exec = exec;
    this.#call = call;
  }

  /** @throws ConfigError where a file cannot be read, SSHTimeoutError, `signal.reason` */
  static async load({ config, configExec = false }: ConfiguredOptions, call: CallOptions): Promise<Lookups> {
    const read = async () => {
      if (config === true) return SSHConfig.load(undefined, { home: homedir() });
      if (typeof config === 'string') return SSHConfig.load(config);
      if (config instanceof SSHConfig) return config;
      throw new UsageError('config is true, the path of a file, or an SSHConfig');
    };
    return new Lookups(await patiently(call, read), configExec, call);
  }

  /** @throws ConfigError for mistakes and for circles, UsageError for hostile names, SSHTimeoutError, `signal.reason` */
  lookup(asked: Asked): Promise<ResolvedConfig> {
    refuseCircle(asked);
    const { host, user, port, before } = asked;
    return patiently(this.#call, (signal) =>
      this.#config.lookup(host, {
        ...(user !== null && { user }),
        ...(port !== null && { port }),
        ...(before.length > 0 && { overrides: [`ProxyJump ${before.map(textOf).join(',')}`] }),
        ...(this.#exec && { exec: (command: string) => runForMatch(command, signal) }),
        machine: { home: homedir() },
      }),
    );
  }
}

/** Reads as long as the caller wants to wait. */
function patiently<T>(call: CallOptions, read: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return waitFor<T>('reading the configuration', call, ({ resolve, reject }) => {
    const stop = new AbortController();
    read(stop.signal).then(resolve, reject);
    return () => stop.abort();
  });
}

/** The same question has the same answer: asked twice it never ends. */
function refuseCircle(asked: Asked): void {
  const { trail } = asked;
  const way = [...trail, asked];
  const again = trail.some((earlier) => questionOf(earlier) === questionOf(asked));
  if (!again && trail.length <= MOST_HOPS) return;
  const names = way.map(({ host }) => host);
  const message = again
    ? `ProxyJump leads in a circle: ${names.slice(names.indexOf(asked.host)).join(' -> ')}`
    : `ProxyJump leads through more than ${MOST_HOPS} hosts`;
  throw new ConfigError([{ file: `the configuration of ${names[0]}`, line: null, message }]);
}

function questionOf({ before, ...destination }: Asked): string {
  return [...before, destination].map(textOf).join(',');
}

function textOf({ user, host, port }: Destination): string {
  return formatJumpList({ before: null, last: { user, host, port } });
}
