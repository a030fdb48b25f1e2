// Where a connection leads, and how an error on the way there is told.

import { HostKeyError, SSHError } from '../../errors.ts';

/** A host as it is really called, with the port and the user. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
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
