// `-L`: listens here, connects from the server's side (RFC 4254 section 7.2, OpenSSH PROTOCOL section 2.4).

import type { CallOptions } from '../io/waiting.ts';
import type { Channel } from '../transport/channel.ts';
import type { Transport } from '../transport/transport.ts';
import { couple } from './couple.ts';
import type { Forward, ForwardOptions } from './forward.ts';
import { listen } from './listener.ts';
import { checkTarget, type ForwardTarget, isPath } from './target.ts';

/**
 * Passes connections to `from` on to `to`, which the server connects to. `from` with port 0 takes any that is free.
 * @throws the system's error where it can't listen, UsageError
 */
export function forwardLocal(
  transport: Transport,
  from: ForwardTarget,
  to: ForwardTarget,
  options: ForwardOptions = {},
): Promise<Forward> {
  checkTarget(to, 1);
  return listen(transport, from, async (socket) => {
    const origin: readonly [string, number] = [socket.remoteAddress ?? '', socket.remotePort ?? 0];
    options.onConnection?.({ origin, destination: to });
    let channel: Channel;
    try {
      channel = await openDirect(transport, to, origin);
    } catch (error) {
      options.onFailure?.({ origin, destination: to, error });
      throw error;
    }
    await couple(channel, socket);
  });
}

/** A channel to an address or a unix socket on the server's side. @throws ChannelOpenError */
export function openDirect(
  transport: Transport,
  to: ForwardTarget,
  origin: readonly [host: string, port: number] = ['127.0.0.1', 0],
  options: CallOptions = {},
): Promise<Channel> {
  if (isPath(to)) return transport.openChannel('direct-streamlocal@openssh.com', { ...options, path: to.path });
  return transport.openChannel('direct-tcpip', { ...options, destAddr: [to.host, to.port], srcAddr: origin });
}
