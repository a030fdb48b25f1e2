// `-R` without a destination: the server listens, and whoever connects there says by SOCKS where we are to connect. So the programs of
// the other side reach what we reach, and `permit` is what keeps them from all of it.

import type { Socket } from 'node:net';
import { ConnectError, printable } from '../errors.ts';
import { CALL, callback, options as optionsOf, type TableOf } from '../io/kinds.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Channel } from '../transport/channel.ts';
import type { Endpoint } from '../transport/client-side.ts';
import type { Transport } from '../transport/transport.ts';
import { couple } from './couple.ts';
import { FORWARD, type Forward, type ForwardOptions } from './forward.ts';
import { serveRemote } from './remote-serving.ts';
import { readSocksRequest, type SocksRequest } from './socks-request.ts';
import { checkForward, type ForwardTarget, openSocket } from './target.ts';

export interface RemoteDynamicOptions extends ForwardOptions, CallOptions {
  /** Whether a destination may be connected to, the name as it was asked for. Default: any may. */
  readonly permit?: (host: string, port: number) => boolean;
}

const TABLE: TableOf<RemoteDynamicOptions> = { ...CALL, ...FORWARD, permit: callback };
const OPTIONS = optionsOf(TABLE);

/**
 * Has the server listen on `from` as a SOCKS 4, 4A and 5 proxy whose connections we make. Names are resolved here. Port 0 lets the
 * server choose. Whoever can connect there reaches everything that this machine reaches, unless `permit` says otherwise.
 * @throws ChannelRequestError if the server refuses, UsageError
 */
export async function forwardRemoteDynamic(
  transport: Transport,
  from: ForwardTarget,
  options: RemoteDynamicOptions = {},
): Promise<Forward> {
  checkForward('forwardRemoteDynamic', transport, options, OPTIONS);
  return serveRemote('forwardRemoteDynamic', transport, from, options, async (channel, origin) => {
    let asked: SocksRequest;
    try {
      asked = await readSocksRequest({ read: () => channel.read(), write: (bytes) => channel.write(bytes) });
    } catch {
      // Closes after what has been said.
      channel.close();
      return;
    }
    await connectAndCouple(channel, origin, asked, options);
  });
}

async function connectAndCouple(
  channel: Channel,
  origin: Endpoint,
  { host, port, rest, answer }: SocksRequest,
  { permit = () => true, onConnection, onFailure }: RemoteDynamicOptions,
): Promise<void> {
  const destination = { host, port };
  // Nobody waits for the connection any more when the channel is gone.
  const gone = new AbortController();
  void channel.closed.then(() => gone.abort());
  let socket: Socket | undefined;
  try {
    onConnection?.({ origin, destination });
    if (!permit(host, port)) throw new ConnectError(`connections to ${printable(host)} port ${port} are not permitted`, []);
    socket = await openSocket(destination, gone.signal);
    await answer(true);
    if (rest.length > 0) socket.write(rest);
    await couple(channel, socket);
  } catch (error) {
    // A server may stop reading before the answer: the connection would be nobody's.
    socket?.destroy();
    if (!channel.isClosed) await answer(false).catch(() => {});
    channel.close();
    onFailure?.({ origin, destination, error });
  }
}
