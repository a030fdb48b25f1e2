// The listening half of remote forwards: the server listens and opens a channel for each connection, which goes to `serve`. One that
// fails is no harm to the others. Ends with the transport.

import { ChannelClosedError } from '../errors.ts';
import { type CallOptions, callOf } from '../io/waiting.ts';
import type { Channel } from '../transport/channel.ts';
import type { Endpoint } from '../transport/client-side.ts';
import type { Transport } from '../transport/transport.ts';
import type { Forward } from './forward.ts';
import { checkTarget, type ForwardTarget, isPath } from './target.ts';

/** @throws ChannelRequestError if the server refuses, UsageError */
export async function serveRemote(
  call: string,
  transport: Transport,
  from: ForwardTarget,
  options: CallOptions,
  serve: (channel: Channel, origin: Endpoint) => Promise<void>,
): Promise<Forward> {
  checkTarget(call, 'from', from, 0);
  // Its listeners are no options of the request.
  const limits = callOf(options);
  const ends = new Set<() => void>();
  let closed: Promise<void> | null = null;
  const handler: Parameters<Transport['requestPortForward']>[2] = async (channel, origin) => {
    // The server stops only when it has heard that it should.
    if (closed !== null) throw new ChannelClosedError('the forward has been closed');
    const end = () => channel.close();
    ends.add(end);
    try {
      await serve(channel, origin);
    } finally {
      ends.delete(end);
    }
  };
  let address: ForwardTarget = from;
  if (isPath(from)) await transport.requestStreamlocalForward(from.path, handler, limits);
  else address = { host: from.host, port: await transport.requestPortForward(from.host, from.port, handler, limits) };
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
