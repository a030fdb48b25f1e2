// A running forward, whichever kind: where it listens, who is connected, and how to stop it.

import { CALL, callback, options, type TableOf } from '../io/kinds.ts';
import type { ForwardTarget } from './target.ts';

/** One connection through a forward. */
export interface ForwardedConnection {
  /** Who connected; port 0 and an empty host for a unix socket. */
  readonly origin: readonly [host: string, port: number];
  /** Where to. */
  readonly destination: ForwardTarget;
}

/** A connection that could not be passed on; the others are not affected. */
export interface FailedConnection extends ForwardedConnection {
  readonly error: unknown;
}

export interface ForwardOptions {
  readonly onConnection?: (connection: ForwardedConnection) => void;
  readonly onFailure?: (connection: FailedConnection) => void;
}

export const FORWARD: TableOf<ForwardOptions> = { onConnection: callback, onFailure: callback };

export const forwardOptions = options(FORWARD);
/** Where the server is asked for something as well. */
export const forwardCallOptions = options({ ...CALL, ...FORWARD });

/**
 * A forward that is listening. Close it, or use `await using`.
 *
 * @example
 * await using forward = await forwardLocal(transport, { host: '127.0.0.1', port: 0 }, { host: 'db.internal', port: 5432 });
 * console.log(forward.address);
 */
export interface Forward extends AsyncDisposable {
  /** Where it listens, with the port that it got. */
  readonly address: ForwardTarget;
  /** Connections that are open through it. */
  readonly connectionCount: number;
  /** Stops listening. Connections that are there go on, or end with `now`. Never fails, may be called again. */
  close(options?: { readonly now?: boolean }): Promise<void>;
}
