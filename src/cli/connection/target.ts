// What a destination means together with the options, and how an error on the way there is told.

import { userInfo } from 'node:os';
import { HostKeyError, SSHError } from '../../errors.ts';
import type { Destination } from './destination.ts';
import type { ConnectionOptions } from './options.ts';

const DEFAULT_PORT = 22;

/** Where a destination really leads: what was named with the host wins over the options. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export function targetOf(destination: Destination, options: Pick<ConnectionOptions, 'port' | 'user'>): Target {
  return {
    host: destination.host,
    port: destination.port ?? options.port ?? DEFAULT_PORT,
    user: destination.user ?? options.user ?? userInfo().username,
  };
}

/** One line that says what went wrong and, where there is something to do about it, what. */
export function explain(error: unknown, { host, port }: Pick<Target, 'host' | 'port'>): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof HostKeyError && error.reason === 'unknown') {
    return `${message}. Compare the fingerprint, then connect from a terminal and say yes, or with -o StrictHostKeyChecking=accept-new`;
  }
  // An internal error looks like one, and tells where.
  if (!(error instanceof SSHError)) return `internal error: ${error instanceof Error ? (error.stack ?? message) : message}`;
  return message.includes(host) ? message : `${host} port ${port}: ${message}`;
}
