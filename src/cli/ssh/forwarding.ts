// The forwards of one connection: set up before the session, told about on stderr, alive until the connection ends. One that
// cannot be set up is an error to read and, with ExitOnForwardFailure, the end; a forwarded connection that fails never is.

import { lstat, unlink } from 'node:fs/promises';
import { ChannelOpenError, SSHError } from '../../errors.ts';
import { forwardDynamic } from '../../forward/dynamic.ts';
import type { FailedConnection, Forward, ForwardOptions } from '../../forward/forward.ts';
import { forwardLocal } from '../../forward/local.ts';
import { forwardRemote } from '../../forward/remote.ts';
import { forwardRemoteDynamic } from '../../forward/remote-dynamic.ts';
import { type ForwardTarget, isPath } from '../../forward/target.ts';
import type { Transport } from '../../transport/transport.ts';
import type { Log } from '../connection/log.ts';
import { describePlace, type ForwardRequest, type ListenPlace, type RemoteRequest } from './forward-arguments.ts';
import type { SshOptions } from './options.ts';

/** How often the end of the last connection is looked for once the session is over, milliseconds. */
const DRAIN_INTERVAL = 50;

/** The forwards that run. */
export interface Forwards {
  /** Resolves when no connection is open through them, or ours is over: as with OpenSSH, a session's end does not cut them. */
  drained(): Promise<void>;
}

type Settings = Pick<
  SshOptions,
  'forwards' | 'permitsRemoteOpen' | 'exitOnForwardFailure' | 'removeSockets' | 'gatewayPorts' | 'noSession' | 'address'
>;

/** Sets all forwards up, the local ones first. @throws SSHError where one fails and that is to be the end */
export async function startForwards(transport: Transport, options: Settings, log: Log): Promise<Forwards> {
  const running: Forward[] = [];
  const requests = [...options.forwards.filter((request) => !isRemote(request)), ...options.forwards.filter(isRemote)];
  for (const request of requests) {
    try {
      running.push(...(await start(transport, request, options, log)));
    } catch (error) {
      // Without a connection there is nothing to forward; that is told as what it is.
      if (!transport.isActive()) throw error;
      const message = `${describeRequest(request)} failed: ${error instanceof Error ? error.message : String(error)}`;
      if (options.exitOnForwardFailure) throw new SSHError('ERR_SSH_CHANNEL_REQUEST', message, { cause: error });
      log.error(message);
    }
  }
  return {
    drained: () =>
      new Promise((resolve) => {
        let told = false;
        const look = () => {
          const open = transport.isActive() && running.some(({ connectionCount }) => connectionCount > 0);
          if (open && !told) log.debug(1, 'waiting for the forwarded connections to end');
          told = true;
          if (open) return;
          clearInterval(timer);
          resolve();
        };
        const timer = setInterval(look, DRAIN_INTERVAL);
        look();
      }),
  };
}

async function start(transport: Transport, request: ForwardRequest, options: Settings, log: Log): Promise<Forward[]> {
  const { from } = request;
  const target = 'to' in request ? describePlace(request.to) : 'a SOCKS proxy';
  if (isRemote(request)) {
    const place = remotePlace(from);
    const forward =
      request.kind === 'remote'
        ? await forwardRemote(transport, place, request.to, listeners(log))
        : await forwardRemoteDynamic(transport, place, { ...listeners(log), permit: options.permitsRemoteOpen });
    if (!isPath(forward.address) && !isPath(place) && place.port === 0) {
      log.notice(`Allocated port ${forward.address.port} for remote forward to ${target}`);
    }
    log.debug(1, `the server listens on ${describePlace(forward.address)} for ${target}`);
    return [forward];
  }
  const listen = (place: ForwardTarget): Promise<Forward> =>
    request.kind === 'dynamic'
      ? forwardDynamic(transport, place, listeners(log))
      : forwardLocal(transport, place, request.to, listeners(log));
  if ('path' in from && options.removeSockets) await removeSocket(from.path);
  const forwards = 'path' in from ? [await listenPrivately(() => listen(from))] : await listenOnAll(from, options, listen, log);
  for (const { address } of forwards) log.debug(1, `listening on ${describePlace(address)} for ${target}`);
  const [first] = forwards;
  if (options.noSession && first !== undefined && !isPath(first.address) && 'port' in from && from.port === 0) {
    log.notice(`Allocated port ${first.address.port} for local forward to ${target}`);
  }
  return forwards;
}

function isRemote(request: ForwardRequest): request is RemoteRequest {
  return request.kind === 'remote' || request.kind === 'remote-dynamic';
}

/** What somebody has left. Whatever else has the name is kept, and then is what the listener complains about. */
async function removeSocket(path: string): Promise<void> {
  const there = await lstat(path).catch(() => null);
  if (there?.isSocket()) await unlink(path);
}

/** The socket is made in the call itself, and only for this user: OpenSSH's StreamLocalBindMask of 0177. */
function listenPrivately(listen: () => Promise<Forward>): Promise<Forward> {
  const before = process.umask(0o177);
  try {
    return listen();
  } finally {
    process.umask(before);
  }
}

/** One address, or for loopback the two that `localhost` may mean to whoever connects; one of them is enough. */
async function listenOnAll(
  { host, port }: Extract<ListenPlace, { port: number }>,
  { gatewayPorts, address: { family = 0 } }: Settings,
  listen: (place: ForwardTarget) => Promise<Forward>,
  log: Log,
): Promise<Forward[]> {
  const named = host ?? (gatewayPorts ? '' : 'localhost');
  const both = named === 'localhost' ? ['127.0.0.1', '::1'] : named === '' ? ['0.0.0.0', '::'] : [named];
  const hosts = both.length === 1 || family === 0 ? both : [both[family === 4 ? 0 : 1] as string];
  const forwards: Forward[] = [];
  let failure: unknown;
  // `::` takes IPv4 connections as well where the system lets it.
  for (const each of named === '' ? hosts.reverse() : hosts) {
    const first = forwards[0]?.address;
    if (named === '' && first !== undefined) break;
    try {
      forwards.push(await listen({ host: each, port: first !== undefined && !isPath(first) ? first.port : port }));
    } catch (error) {
      failure ??= error;
      log.debug(1, `cannot listen on ${describePlace({ host: each, port })}: ${(error as Error).message}`);
    }
  }
  if (forwards.length === 0) throw failure;
  return forwards;
}

/** RFC 4254 section 7.1 has words for loopback and for everywhere. */
function remotePlace(from: ListenPlace): ForwardTarget {
  return 'path' in from ? from : { host: from.host ?? 'localhost', port: from.port };
}

function listeners(log: Log): ForwardOptions {
  return {
    onConnection: ({ origin, destination }) =>
      log.debug(1, `forwarding a connection ${describeOrigin(origin)}to ${describePlace(destination)}`),
    onFailure: (failed) => log.error(describeFailure(failed)),
  };
}

/** In the server's words where it has refused. */
function describeFailure({ destination, error }: Pick<FailedConnection, 'destination' | 'error'>): string {
  const what = `connection to ${describePlace(destination)}`;
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof ChannelOpenError ? `${what}: open failed: ${message}` : `${what} failed: ${message}`;
}

function describeOrigin([host, port]: readonly [string, number]): string {
  return host === '' ? '' : `from ${describePlace({ host, port })} `;
}

function describeRequest(request: ForwardRequest): string {
  const to = 'to' in request ? ` to ${describePlace(request.to)}` : '';
  return `${request.kind.replace('-', ' ')} forwarding from ${describePlace(request.from)}${to}`;
}
