// `-L`: listens here, connects from the server's side (RFC 4254 section 7.2, OpenSSH PROTOCOL section 2.4).

import { check } from '../io/check-arguments.ts';
import { CALL, endpoint, options as optionsOf } from '../io/kinds.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Channel } from '../transport/channel.ts';
import type { Transport } from '../transport/transport.ts';
import { couple } from './couple.ts';
import { type Forward, type ForwardOptions, forwardOptions } from './forward.ts';
import { listen } from './listener.ts';
import { checkForward, checkTarget, type ForwardTarget, isPath } from './target.ts';

const callOptions = optionsOf(CALL);

/**
 * Passes connections to `from` on to `to`, which the server connects to. `from` with port 0 takes any that is free.
 * @throws the system's error where it can't listen, UsageError
 */
export async function forwardLocal(
  transport: Transport,
  from: ForwardTarget,
  to: ForwardTarget,
  options: ForwardOptions = {},
): Promise<Forward> {
  checkForward('forwardLocal', transport, options, forwardOptions);
  checkTarget('forwardLocal', 'to', to, 1);
  return listen('forwardLocal', transport, from, async (socket) => {
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
export async function openDirect(
  transport: Transport,
  to: ForwardTarget,
  origin: readonly [host: string, port: number] = ['127.0.0.1', 0],
  options: CallOptions = {},
): Promise<Channel> {
  checkForward('openDirect', transport, options, callOptions);
  checkTarget('openDirect', 'to', to, 1);
  check('openDirect', 'origin', origin, endpoint);
  if (isPath(to)) return transport.openChannel('direct-streamlocal@openssh.com', { ...options, path: to.path });
  return transport.openChannel('direct-tcpip', { ...options, destAddr: [to.host, to.port], srcAddr: origin });
}
