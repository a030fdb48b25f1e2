// `-D`: a SOCKS proxy here, whose connections the server makes.

import type { Socket } from 'node:net';
import type { Channel } from '../transport/channel.ts';
import type { Transport } from '../transport/transport.ts';
import { couple } from './couple.ts';
import { type Forward, type ForwardOptions, forwardOptions } from './forward.ts';
import { listen } from './listener.ts';
import { openDirect } from './local.ts';
import { readSocksRequest, type SocksRequest } from './socks-request.ts';
import { checkForward, type ForwardTarget } from './target.ts';

/**
 * A SOCKS 4, 4A and 5 proxy on `from`. Names are resolved by the server.
 * @throws the system's error where it can't listen
 */
export async function forwardDynamic(transport: Transport, from: ForwardTarget, options: ForwardOptions = {}): Promise<Forward> {
  checkForward('forwardDynamic', transport, options, forwardOptions);
  return listen('forwardDynamic', transport, from, async (socket) => {
    let asked: SocksRequest;
    try {
      asked = await request(socket);
    } catch (error) {
      // An answer that says no has to arrive, and a reset would overtake it.
      if (socket.bytesWritten === 0) throw error;
      socket.destroySoon();
      return;
    }
    const { host, port, rest, answer } = asked;
    const origin: readonly [string, number] = [socket.remoteAddress ?? '', socket.remotePort ?? 0];
    const destination = { host, port };
    options.onConnection?.({ origin, destination });
    let channel: Channel;
    try {
      channel = await openDirect(transport, destination, origin);
    } catch (error) {
      options.onFailure?.({ origin, destination, error });
      await answer(false);
      socket.destroySoon();
      return;
    }
    await answer(true);
    if (rest.length > 0) await channel.write(rest);
    await couple(channel, socket);
  });
}

/** What the client on the socket wants; afterwards the socket waits for its next reader. */
async function request(socket: Socket): Promise<SocksRequest> {
  const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
  const asked = await readSocksRequest({
    async read() {
      const { done, value } = await chunks.next();
      return done ? null : value;
    },
    async write(bytes) {
      // A few bytes, for which nobody has to wait.
      socket.write(bytes);
    },
  });
  await chunks.return?.();
  return asked;
}
