// A connection to the host of the command line on which nobody has logged in. What lies on the way, jump hosts and programs, and the
// check of the host's key are those of every verb.

import { Transport } from '../../transport/transport.ts';
import type { Asking } from '../connection/asking.ts';
import { openConnection } from '../connection/connect.ts';
import { hostKeyCheck } from '../connection/host-keys.ts';
import type { Log } from '../connection/log.ts';
import type { ConnectionOptions } from '../connection/options.ts';
import type { Connections } from '../connection/signals.ts';
import type { Target } from '../connection/target.ts';
import { openWay } from '../connection/way.ts';

/** How long connecting may take, milliseconds, where nothing was asked for: a person may have to compare fingerprints. */
const TIMEOUT = 120_000;

/** @throws SSHError, after the connection has been closed */
export async function connectOnly(
  target: Target,
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
  connections: Connections,
): Promise<Transport> {
  const { verify, algorithms } = await hostKeyCheck(target, options, asking, log);
  // Only the last hop is connected to here; the way to that one is the business of the connection to it.
  const hops = options.proxyJump ?? [];
  const before = hops.length > 1 ? hops.slice(0, -1) : null;
  const lastHop = options.proxyJump == null ? options : { ...options, proxyJump: hops.slice(-1) };
  const sock = await openWay(target, lastHop, asking, log, (hop, settings, person) =>
    openConnection(hop, before === null ? settings : { ...settings, proxyJump: before }, person, log, connections),
  );
  const { host, port } = target;
  const transport = new Transport(sock ?? { host, port, family: options.family }, {
    algorithms: { ...options.algorithms, keys: algorithms },
    log: (level, message) => log.debug(level, message),
    timeouts: { handshake: TIMEOUT },
  });
  connections.transports.add(transport);
  try {
    const seconds = options.connectTimeoutSeconds ?? 0;
    await transport.startClient({
      verifyHostKey: verify,
      ...(seconds > 0 && !asking.atTerminal && { timeout: 1_000 * seconds }),
    });
    return transport;
  } catch (error) {
    await transport.close({ timeout: 0 });
    throw error;
  }
}
