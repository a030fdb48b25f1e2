// From a host's name to a connection that is logged in: connect, check the host's key, log in. The same for every verb.

import type { Duplex } from 'node:stream';
import { SSHTimeoutError } from '../../errors.ts';
import type { VerifyHostKey } from '../../transport/options.ts';
import { Transport } from '../../transport/transport.ts';
import type { Asking } from './asking.ts';
import { authenticate } from './authenticate.ts';
import { type HostKeyCheck, hostKeyCheck } from './host-keys.ts';
import type { Log } from './log.ts';
import type { ConnectionOptions } from './options.ts';
import { CLOSE_TIMEOUT, type Connections } from './signals.ts';
import type { Target } from './target.ts';
import { type ConnectTo, openWay } from './way.ts';

/** How long a person may take to compare fingerprints, milliseconds: as long as a server waits for a login. */
const PERSON_TIMEOUT = 120_000;
/**
 * Connects and logs in, through jump hosts or a program where that was asked for. `connections` hears of every connection as soon
 * as there is something to close.
 * @throws SSHError, after the connection has been closed
 */
export function openConnection(
  target: Target,
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
  connections: Connections,
): Promise<Transport> {
  const connectTo: ConnectTo = (to, settings, person, below) => open(to, settings, person, below, log, connections);
  return connectTo(target, options, asking, null);
}

async function open(
  target: Target,
  options: ConnectionOptions,
  asking: Asking,
  below: Duplex | null,
  log: Log,
  connections: Connections,
): Promise<Transport> {
  const hostKeys = await hostKeyCheck(target, options, asking, log);
  const connectTo: ConnectTo = (to, settings, person, sock) => open(to, settings, person, sock, log, connections);
  const sock = below ?? (await openWay(target, options, asking, log, connectTo));
  const transport = newTransport(target, options, sock, hostKeys, connections, asking, log);
  connections.transports.add(transport);
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
  sock: Duplex | null,
  { algorithms, learned }: HostKeyCheck,
  { pending }: Connections,
  asking: Asking,
  log: Log,
): Transport {
  const { family, rekey } = options;
  const transport = new Transport(sock ?? { host, port, family }, {
    algorithms: { ...options.algorithms, keys: algorithms },
    ...(rekey && { rekey }),
    // Answers come from people, who take their time; a server that gives up says so.
    timeouts: { auth: 0, ...(asking.atTerminal && { handshake: PERSON_TIMEOUT }) },
    log: (level, message) => log.debug(level, message),
    ...(learned !== null && {
      onHostKeys: (keys) => {
        const work = learned(keys).finally(() => pending.delete(work));
        pending.add(work);
      },
    }),
  });
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
