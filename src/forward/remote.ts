// `-R`: the server listens, we connect (RFC 4254 section 7.1, OpenSSH PROTOCOL section 2.4).

import { ChannelClosedError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Transport } from '../transport/transport.ts';
import { couple } from './couple.ts';
import { type Forward, type ForwardOptions, forwardCallOptions } from './forward.ts';
import { checkForward, checkTarget, type ForwardTarget, isPath, openSocket } from './target.ts';

/**
 * Has the server listen on `from` and passes each connection on to `to`, which we connect to. Port 0 lets the server choose.
 * @throws ChannelRequestError if the server refuses, UsageError
 */
export async function forwardRemote(
  transport: Transport,
  from: ForwardTarget,
  to: ForwardTarget,
  options: ForwardOptions & CallOptions = {},
): Promise<Forward> {
  checkForward('forwardRemote', transport, options, forwardCallOptions);
  checkTarget('forwardRemote', 'from', from, 0);
  checkTarget('forwardRemote', 'to', to, 1);
  const { onConnection, onFailure, ...call } = options;
  const ends = new Set<() => void>();
  let closed: Promise<void> | null = null;
  const handler: Parameters<Transport['requestPortForward']>[2] = async (channel, origin) => {
    // The server stops only when it has heard that it should.
    if (closed !== null) throw new ChannelClosedError('the forward has been closed');
    onConnection?.({ origin, destination: to });
    const end = () => channel.close();
    ends.add(end);
    try {
      await couple(channel, await openSocket(to));
    } catch (error) {
      channel.close();
      onFailure?.({ origin, destination: to, error });
    } finally {
      ends.delete(end);
    }
  };
  let address: ForwardTarget = from;
  if (isPath(from)) await transport.requestStreamlocalForward(from.path, handler, call);
  else address = { host: from.host, port: await transport.requestPortForward(from.host, from.port, handler, call) };
  const cancel = async (): Promise<void> => {
    if (!transport.isActive()) return;
    if (isPath(address)) await transport.cancelStreamlocalForward(address.path);
    else await transport.cancelPortForward(address.host, address.port);
  };
  const close = ({ now = false } = {}): Promise<void> => {
    if (now) for (const end of [...ends]) end();
    // A server that refuses to stop, or is gone, leaves nothing more to be done.
    closed ??= cancel().catch(() => {});
    return closed;
  };
  return {
    address,
    get connectionCount() {
      return ends.size;
    },
    close,
    [Symbol.asyncDispose]: () => close({ now: true }),
  };
}
