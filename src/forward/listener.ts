// The listening half of local and dynamic forwards: accepts connections and gives each to `serve`, which may fail without harm
// to the others. Ends with the transport.

import { createServer, type Server, type Socket } from 'node:net';
import { ClosedError } from '../errors.ts';
import type { Transport } from '../transport/transport.ts';
import type { Forward } from './forward.ts';
import { checkTarget, type ForwardTarget, isPath } from './target.ts';

export async function listen(
  call: string,
  transport: Transport,
  where: ForwardTarget,
  serve: (socket: Socket) => Promise<void>,
): Promise<Forward> {
  checkTarget(call, 'from', where, 0);
  if (!transport.isActive()) throw new ClosedError('the connection is over, or was not made yet');
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    serve(socket).catch(() => refuse(socket));
  });
  await started(server, where);
  const bound = server.address();
  const address: ForwardTarget = typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : where;
  let closed: Promise<void> | null = null;
  const close = ({ now = false } = {}): Promise<void> => {
    if (now) for (const socket of sockets) socket.destroy();
    closed ??= new Promise((resolve) => {
      // `close` waits for connections; that it listens no more is true at once.
      server.close();
      resolve();
    });
    return closed;
  };
  void transport.closed.then(() => close({ now: true }));
  return {
    address,
    get connectionCount() {
      return sockets.size;
    },
    close,
    [Symbol.asyncDispose]: () => close({ now: true }),
  };
}

function started(server: Server, where: ForwardTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(isPath(where) ? { path: where.path } : { host: where.host, port: where.port }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve();
    });
  });
}

/** A reset, where the kind of socket has that: an orderly end would look like a service that had nothing to say. */
function refuse(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
