// `-D`: a SOCKS proxy here, whose connections the server makes.

import type { Socket } from 'node:net';
import { concat } from '../bytes/bytes.ts';
import { SSHTimeoutError, UsageError } from '../errors.ts';
import type { Channel } from '../transport/channel.ts';
import type { Transport } from '../transport/transport.ts';
import { couple } from './couple.ts';
import { type Forward, type ForwardOptions, forwardOptions } from './forward.ts';
import { listen } from './listener.ts';
import { openDirect } from './local.ts';
import { SocksHandshake } from './socks.ts';
import { checkForward, type ForwardTarget } from './target.ts';

/** A program that connects and says nothing must not hold a socket for ever. */
const HANDSHAKE_TIMEOUT = 30_000;

/**
 * A SOCKS 4, 4A and 5 proxy on `from`. Names are resolved by the server.
 * @throws the system's error where it can't listen
 */
export async function forwardDynamic(transport: Transport, from: ForwardTarget, options: ForwardOptions = {}): Promise<Forward> {
  checkForward('forwardDynamic', transport, options, forwardOptions);
  return listen('forwardDynamic', transport, from, async (socket) => {
    const handshake = new SocksHandshake();
    const { host, port, rest } = await request(socket, handshake);
    const origin: readonly [string, number] = [socket.remoteAddress ?? '', socket.remotePort ?? 0];
    const destination = { host, port };
    options.onConnection?.({ origin, destination });
    let channel: Channel;
    try {
      channel = await openDirect(transport, destination, origin);
    } catch (error) {
      options.onFailure?.({ origin, destination, error });
      socket.end(handshake.outcome(false));
      return;
    }
    socket.write(handshake.outcome(true));
    if (rest.length > 0) await channel.write(rest);
    await couple(channel, socket);
  });
}

/** Reads up to the request; what came behind it is `rest`. The socket is paused when this resolves. */
function request(socket: Socket, handshake: SocksHandshake): Promise<{ host: string; port: number; rest: Uint8Array }> {
  return new Promise((resolve, reject) => {
    let input: Uint8Array = new Uint8Array(0);
    const timer = setTimeout(
      () => done(() => reject(new SSHTimeoutError('the SOCKS request', HANDSHAKE_TIMEOUT))),
      HANDSHAKE_TIMEOUT,
    );
    const done = (settle: () => void) => {
      clearTimeout(timer);
      socket.off('data', received);
      socket.off('end', closed);
      socket.off('close', closed);
      socket.pause();
      settle();
    };
    const closed = () => done(() => reject(new UsageError('the SOCKS client went away')));
    const received = (chunk: Uint8Array) => {
      input = concat(input, chunk);
      for (;;) {
        const step = handshake.step(input);
        if (step.kind === 'more') return;
        if (step.kind === 'refuse') {
          socket.end(step.bytes);
          done(() => reject(new UsageError(step.why)));
          return;
        }
        input = input.subarray(step.consumed);
        if (step.kind === 'connect') {
          const { host, port } = step;
          done(() => resolve({ host, port, rest: input }));
          return;
        }
        socket.write(step.bytes);
      }
    };
    socket.on('data', received);
    // Half open sockets do not close by themselves: one that only looked whether we listen would keep its place, and a session that
    // waits for the last forwarded connection waiting.
    socket.on('end', closed);
    socket.on('close', closed);
  });
}
