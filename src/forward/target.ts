// Either end of a forward: a TCP address or a unix socket.

import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { UsageError } from '../errors.ts';

/** A TCP address, or the path of a unix socket. */
export type ForwardTarget = { readonly host: string; readonly port: number } | { readonly path: string };

export function isPath(target: ForwardTarget): target is { readonly path: string } {
  return 'path' in target;
}

/** @throws UsageError for what can be neither */
export function checkTarget(target: ForwardTarget, leastPort: 0 | 1): void {
  if (isPath(target)) {
    if (target.path === '' || target.path.includes('\0')) throw new UsageError('not the path of a socket');
  } else if (!Number.isInteger(target.port) || target.port < leastPort || target.port > 65_535) {
    throw new UsageError(`not a port: ${target.port}`);
  }
}

/** Connects. @throws the system's error */
export function openSocket(target: ForwardTarget, signal?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const where: NetConnectOpts = isPath(target)
      ? { path: target.path, allowHalfOpen: true }
      : { host: target.host, port: target.port, noDelay: true, allowHalfOpen: true };
    const socket = connect(where);
    const abort = () => socket.destroy(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      signal?.removeEventListener('abort', abort);
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}
