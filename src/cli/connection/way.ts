// What a connection runs over where that is not a socket of its own: jump hosts (ProxyJump), each logged in to by this program with
// what the configuration says about it, or the shell command of ProxyCommand.

import type { Duplex } from 'node:stream';
import { reach } from '../../client/jump.ts';
import { startProxyCommand, throughShell } from '../../client/proxy-command.ts';
import { printable, SSHError } from '../../errors.ts';
import type { Transport } from '../../transport/transport.ts';
import type { Asking } from './asking.ts';
import type { Log } from './log.ts';
import type { ConnectionOptions } from './options.ts';
import { explain, type Target } from './target.ts';

/** Connects and logs in, by whatever way the options say. */
export type ConnectTo = (options: ConnectionOptions, asking: Asking) => Promise<Transport>;

/** An error that says at which jump host it happened. */
class JumpError extends SSHError {}

/** Null where the network is all that lies between. @throws SSHError that says on which host, UsageError */
export async function openWay(
  options: ConnectionOptions,
  asking: Asking,
  log: Log,
  connectTo: ConnectTo,
): Promise<Duplex | null> {
  const { target, proxyJump, proxyCommand, connectTimeout } = options;
  const hop = proxyJump.at(-1);
  if (hop !== undefined) {
    const settings = await options.jumpHost(hop, proxyJump.slice(0, -1));
    const { host, port } = settings.target;
    log.debug(1, `jumping through ${printable(host)} port ${port}`);
    const call = connectTimeout === null ? {} : { timeout: connectTimeout };
    return onTheWay(settings.target, async () => {
      const transport = await connectTo(settings, asking.forJumpHost());
      return (await reach(transport, host, target, call)).toNode();
    });
  }
  if (proxyCommand === null) return null;
  log.debug(1, `the proxy command is: ${proxyCommand}`);
  // The password is the destination's, and the command may well be one of ours that logs in to a host on the way.
  const env = { ...process.env, AMIKO_PASSWORD: undefined };
  return startProxyCommand(throughShell(proxyCommand, process.env['SHELL']), env);
}

/** Errors say which host they are about: the name that was typed is another. */
async function onTheWay<T>(hop: Target, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    // One before it has said so already.
    if (!(error instanceof SSHError) || error instanceof JumpError) throw error;
    throw new JumpError(error.code, `at the jump host: ${explain(error, hop)}`, { cause: error });
  }
}
