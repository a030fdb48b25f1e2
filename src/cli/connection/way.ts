// What a connection runs over where that is not a socket of its own: jump hosts (ProxyJump), each logged in to by this program, or
// the shell command of ProxyCommand. As with ssh, the options of the command line are the destination's: a jump host has its
// own key files and known hosts, the usual ones.

import type { Duplex } from 'node:stream';
import { reach } from '../../client/jump.ts';
import { startProxyCommand } from '../../client/proxy-command.ts';
import { printable, SSHError } from '../../errors.ts';
import type { Transport } from '../../transport/transport.ts';
import type { Asking } from './asking.ts';
import type { Destination } from './destination.ts';
import type { Log } from './log.ts';
import { type ConnectionOptions, newConnectionOptions } from './options.ts';
import { expandProxyCommand } from './proxy-command.ts';
import { explain, type Target, targetOf } from './target.ts';

/** Connects and logs in; over a stream, unless that is null. */
export type ConnectTo = (target: Target, options: ConnectionOptions, asking: Asking, below: Duplex | null) => Promise<Transport>;

/** Null where the network is all that lies between. @throws SSHError that says on which host, UsageError */
export async function openWay(
  target: Target,
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
  connectTo: ConnectTo,
): Promise<Duplex | null> {
  const { proxyJump, proxyCommand } = options;
  if (proxyJump != null) return throughHops(proxyJump, target, options, asking.forJumpHost(), log, connectTo);
  if (proxyCommand == null) return null;
  const command = expandProxyCommand(proxyCommand, target);
  log.debug(1, `the proxy command is: ${command}`);
  // Of the shell nothing is left but the command, which so is what gets the signal in the end.
  return startProxyCommand(['/bin/sh', '-c', `exec ${command}`]);
}

async function throughHops(
  hops: readonly Destination[],
  target: Target,
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
  connectTo: ConnectTo,
): Promise<Duplex | null> {
  let below: Duplex | null = null;
  let last: { readonly transport: Transport; readonly hop: Target } | null = null;
  const settings = hopOptions(options);
  const next = async (to: Target) => {
    if (last === null) return null;
    const { transport, hop } = last;
    const milliseconds = 1_000 * (options.connectTimeoutSeconds ?? 0);
    const call = milliseconds > 0 ? { timeout: milliseconds } : {};
    return onTheWay(hop, async () => (await reach(transport, hop.host, to, call)).toNode());
  };
  for (const destination of hops) {
    const hop = targetOf(destination, settings);
    below = await next(hop);
    log.debug(1, `jumping through ${printable(hop.host)} port ${hop.port}`);
    const over = below;
    last = { transport: await onTheWay(hop, () => connectTo(hop, settings, asking, over)), hop };
  }
  return next(target);
}

/** What a jump host takes over of the command line: how to talk, and how long to wait; nothing that decides whom to trust. */
export function hopOptions(options: ConnectionOptions): ConnectionOptions {
  const { quiet, verbosity, family, batchMode, connectTimeoutSeconds, identityAgent } = options;
  return {
    ...newConnectionOptions(),
    quiet,
    verbosity,
    family,
    ...(batchMode !== undefined && { batchMode }),
    ...(connectTimeoutSeconds !== undefined && { connectTimeoutSeconds }),
    ...(identityAgent !== undefined && { identityAgent }),
  };
}

/** Errors say which host they are about: the name that was typed is another. */
async function onTheWay<T>(hop: Target, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof SSHError)) throw error;
    throw new SSHError(error.code, `at the jump host: ${explain(error, hop)}`, { cause: error });
  }
}
