// A way between two TCP ends that takes its time: every chunk is held for so many milliseconds and then passed on, in order, as are
// the ends of both directions. It limits no rate. It runs in the process of the test, whose work it competes with.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What one direction holds at most, bytes; above it nothing is read. */
const HELD = 134_217_728;

export interface DelayingProxy extends AsyncDisposable {
  readonly port: number;
}

/** Listens on loopback and passes connections on to this port there; each direction takes `milliseconds`. */
export async function delayingProxy(port: number, milliseconds: number): Promise<DelayingProxy> {
  const sockets = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        // A socket that failed has no end to pass on.
        if (socket.errored) other.destroy();
      });
      delay(socket, other, milliseconds);
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = [...sockets].map((socket) => once(socket, 'close'));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** Passes on what `from` says, and that it has ended. */
function delay(from: Socket, to: Socket, milliseconds: number): void {
  const held: { readonly due: number; readonly chunk: Buffer | null }[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | null = null;
  const arm = () => {
    const next = held[0];
    if (next !== undefined) timer ??= setTimeout(pass, Math.max(0, next.due - performance.now()));
  };
  const pass = () => {
    timer = null;
    const now = performance.now();
    while (held[0] !== undefined && held[0].due <= now) {
      const { chunk } = held.shift() as (typeof held)[number];
      if (to.destroyed) continue;
      if (chunk === null) to.end();
      else to.write(chunk);
      bytes -= chunk?.length ?? 0;
    }
    if (bytes < HELD) from.resume();
    arm();
  };
  const hold = (chunk: Buffer | null) => {
    held.push({ due: performance.now() + milliseconds, chunk });
    bytes += chunk?.length ?? 0;
    if (bytes >= HELD) from.pause();
    arm();
  };
  from.on('data', hold);
  from.on('end', () => hold(null));
  to.on('close', () => {
    if (timer !== null) clearTimeout(timer);
    held.length = 0;
  });
}
