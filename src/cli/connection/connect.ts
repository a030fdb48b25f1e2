// From a host's name to a connection that is logged in: connect, check the host's key, log in. The same for every verb.

import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectError, SSHTimeoutError } from '../../errors.ts';
import type { VerifyHostKey } from '../../transport/options.ts';
import { Transport } from '../../transport/transport.ts';
import type { Asking } from './asking.ts';
import { authenticate } from './authenticate.ts';
import { type HostKeyCheck, hostKeyCheck } from './host-keys.ts';
import type { Log } from './log.ts';
import type { ConnectionOptions } from './options.ts';
import { CLOSE_TIMEOUT, type Connections } from './signals.ts';
import { openWay } from './way.ts';

/** How long a person may take to compare fingerprints, milliseconds: as long as a server waits for a login. */
const PERSON_TIMEOUT = 120_000;
/** Between two attempts to reach a host, milliseconds. */
const ATTEMPT_PAUSE = 1_000;

/**
 * Connects and logs in, through jump hosts or a program where that was asked for. `connections` hears of every connection as soon
 * as there is something to close.
 * @throws SSHError, after the connection has been closed
 */
export async function openConnection(
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
  connections: Connections,
): Promise<Transport> {
  const { target, keepalive } = options;
  const transport = await openTransport(options, asking, log, connections);
  try {
    await authenticate(transport, { ...options, ...target }, asking, log);
  } catch (error) {
    await transport.close({ timeout: CLOSE_TIMEOUT });
    throw error;
  }
  if (keepalive.interval > 0) transport.setKeepalive(keepalive.interval, { countMax: keepalive.countMax });
  return transport;
}

/** Connects and checks the host's key, and leaves the login to the caller. @throws SSHError, after the connection has been closed */
export async function openTransport(
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
  connections: Connections,
): Promise<Transport> {
  const { connectionAttempts } = options;
  const hostKeys = await hostKeyCheck(options, asking, log);
  for (let attempt = 1; ; attempt++) {
    try {
      return await openOnce(options, hostKeys, asking, log, connections);
    } catch (error) {
      // As ssh does, for a host that is about to start. Whoever was reached and did not want us is not asked again.
      if (!(error instanceof ConnectError) || attempt >= connectionAttempts || connections.signalled) throw error;
      log.debug(1, `${error.message}; trying again`);
      await sleep(ATTEMPT_PAUSE);
    }
  }
}

async function openOnce(
  options: ConnectionOptions,
  hostKeys: HostKeyCheck,
  asking: Asking,
  log: Log,
  connections: Connections,
): Promise<Transport> {
  const sock = await openWay(options, asking, log, (hop, person) => openConnection(hop, person, log, connections));
  const transport = newTransport(options, sock, hostKeys, connections, asking, log);
  connections.transports.add(transport);
  try {
    await handshake(transport, hostKeys.verify, options);
    return transport;
  } catch (error) {
    await transport.close({ timeout: CLOSE_TIMEOUT });
    throw error;
  }
}

function newTransport(
  { address, rekey, channelTimeouts, algorithms }: ConnectionOptions,
  sock: Duplex | null,
  { algorithms: keys, learned }: HostKeyCheck,
  { pending }: Connections,
  asking: Asking,
  log: Log,
): Transport {
  return new Transport(sock ?? address, {
    algorithms: { ...algorithms, keys },
    rekey,
    channelTimeouts,
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
}

/** Connects and exchanges keys. ConnectTimeout counts from the start to the host's key: not the time that a person thinks about it. */
async function handshake(transport: Transport, verify: VerifyHostKey, { connectTimeout }: ConnectionOptions): Promise<void> {
  const controller = new AbortController();
  const timer =
    connectTimeout === null
      ? undefined
      : setTimeout(() => controller.abort(new SSHTimeoutError('connecting', connectTimeout)), connectTimeout);
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
