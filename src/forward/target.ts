// Either end of a forward: a TCP address or a unix socket.

import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { UsageError } from '../errors.ts';
import { check, checkArguments } from '../io/check-arguments.ts';
import { having, isOptions, type Kind, kind, needed, port, portOrAny, text } from '../io/kinds.ts';

/** A TCP address, or the path of a unix socket. */
export type ForwardTarget = { readonly host: string; readonly port: number } | { readonly path: string };

export function isPath(target: ForwardTarget): target is { readonly path: string } {
  return 'path' in target && target.path !== undefined;
}

const TRANSPORT = needed(having('a Transport (of a Client its `transport`)', 'openChannel', 'requestPortForward'));
const PLACE = needed(kind('{ host, port }, or { path } for a unix socket', isOptions));
/** It must be said: to listen without one is to listen on every address. */
const HOST = needed(text);

/** @throws UsageError for what is no transport, no options, or something behind them */
export function checkForward(call: string, transport: unknown, options: unknown, wanted: Kind): void {
  checkArguments(call, [transport, options], { transport: TRANSPORT, options: wanted });
}

/** `name` is the argument's. @throws UsageError for what is neither */
export function checkTarget(call: string, name: string, target: ForwardTarget, leastPort: 0 | 1): void {
  check(call, name, target, PLACE);
  if (!isPath(target)) {
    check(call, `${name}.host`, target.host, HOST);
    check(call, `${name}.port`, target.port, needed(leastPort === 0 ? portOrAny : port));
    return;
  }
  check(call, `${name}.path`, target.path, HOST);
  if (target.path === '' || target.path.includes('\0')) throw new UsageError(`${call}: ${name}.path is not the path of a socket`);
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
