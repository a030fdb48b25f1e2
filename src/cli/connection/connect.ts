// From a host's name to a connection that is logged in: connect, check the host's key, log in. The same for every verb.

import { userInfo } from 'node:os';
import { HostKeyError, SSHError, SSHTimeoutError } from '../../errors.ts';
import type { VerifyHostKey } from '../../transport/options.ts';
import { Transport } from '../../transport/transport.ts';
import type { Asking } from './asking.ts';
import { authenticate } from './authenticate.ts';
import { hostKeyCheck } from './host-keys.ts';
import type { Log } from './log.ts';
import type { ConnectionOptions, Destination } from './options.ts';

const DEFAULT_PORT = 22;
/** How long a person may take to compare fingerprints, milliseconds: as long as a server waits for a login. */
const PERSON_TIMEOUT = 120_000;
/** How long an orderly end may take, milliseconds. */
export const CLOSE_TIMEOUT = 500;

/** Where a destination really leads: what was named with the host wins over the options. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export function targetOf(destination: Destination, options: ConnectionOptions): Target {
  return {
    host: destination.host,
    port: destination.port ?? options.port ?? DEFAULT_PORT,
    user: destination.user ?? options.user ?? userInfo().username,
  };
}

/**
 * Connects and logs in. `onTransport` hears of the connection as soon as there is something to close.
 * @throws SSHError, after the connection has been closed
 */
export async function openConnection(
  target: Target,
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
  onTransport: (transport: Transport) => void,
): Promise<Transport> {
  const hostKeys = await hostKeyCheck(target, options, asking, log);
  const transport = newTransport(target, options, hostKeys.algorithms, asking, log);
  onTransport(transport);
  try {
    await handshake(transport, hostKeys.verify, options);
    await authenticate(transport, { ...options, user: target.user, host: target.host }, asking, log);
  } catch (error) {
    await transport.close({ timeout: CLOSE_TIMEOUT });
    throw error;
  }
  if (options.serverAliveIntervalSeconds) {
    transport.setKeepalive(1_000 * options.serverAliveIntervalSeconds, { countMax: options.serverAliveCountMax ?? 3 });
  }
  return transport;
}

function newTransport(
  { host, port }: Target,
  options: ConnectionOptions,
  hostKeyAlgorithms: string,
  asking: Asking,
  log: Log,
): Transport {
  const { family, rekey } = options;
  const transport = new Transport(
    { host, port, family },
    {
      algorithms: { ...options.algorithms, keys: hostKeyAlgorithms },
      ...(rekey && { rekey }),
      // Answers come from people, who take their time; a server that gives up says so.
      timeouts: { auth: 0, ...(asking.atTerminal && { handshake: PERSON_TIMEOUT }) },
      log: (level, message) => log.debug(level, message),
    },
  );
  if (options.compression !== undefined) transport.useCompression(options.compression);
  return transport;
}

/** Connects and exchanges keys. ConnectTimeout counts from the start to the host's key: not the time that a person thinks about it. */
async function handshake(
  transport: Transport,
  verify: VerifyHostKey,
  { connectTimeoutSeconds }: ConnectionOptions,
): Promise<void> {
  const milliseconds = 1_000 * (connectTimeoutSeconds ?? 0);
  const controller = new AbortController();
  const timer =
    milliseconds > 0
      ? setTimeout(() => controller.abort(new SSHTimeoutError('connecting', milliseconds)), milliseconds)
      : undefined;
  try {
    await transport.startClient({
      signal: controller.signal,
      verifyHostKey: (key) => {
        clearTimeout(timer);
        return verify(key);
      },
    });
  } finally {
    clearTimeout(timer);
  }
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
