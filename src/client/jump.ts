// Jump hosts: each is connected to through a direct-tcpip channel of the one before (RFC 4254 section 7.2), with a check of its host
// key and a login of its own. A host on the way carries bytes and is trusted with nothing else.

import { ChannelOpenError, ConnectError, printable, UsageError } from '../errors.ts';
import { openDirect } from '../forward/local.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Channel } from '../transport/channel.ts';
import type { Transport } from '../transport/transport.ts';
import { Client } from './client.ts';
import type { ConnectOptions, JumpHost, Way } from './connect.ts';

/**
 * Opens a way to `target` through all hops.
 * @throws ConnectError where one can't reach the next; what `connect` throws for any of them
 */
export async function throughHops(
  hops: readonly JumpHost[],
  target: { readonly host: string; readonly port: number },
  call: CallOptions,
  connect: (options: ConnectOptions) => Promise<Client>,
): Promise<Way> {
  /** Those that were connected here, nearest first. */
  const ours: Client[] = [];
  const close = async () => {
    for (const client of ours.splice(0).reverse()) await client.close();
  };
  try {
    let last: { readonly transport: Transport; readonly name: string } | null = null;
    for (const hop of hops) {
      if (hop instanceof Client) {
        if (last !== null) throw new UsageError('only the first jump host can be connected already');
        last = { transport: hop.transport, name: hop.transport.getpeername()[0] };
        continue;
      }
      const { host, port = 22 } = hop;
      const client: Client = await connect(
        last === null ? { ...call, ...hop } : { ...call, ...(await over(last, hop, port, call)) },
      );
      ours.push(client);
      last = { transport: client.transport, name: host };
    }
    if (last === null) throw new UsageError('no jump host');
    return { sock: (await reach(last.transport, last.name, target, call)).toNode(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function over(
  last: { readonly transport: Transport; readonly name: string },
  hop: ConnectOptions,
  port: number,
  call: CallOptions,
): Promise<ConnectOptions> {
  const { host, sock, jump, proxyCommand } = hop;
  if (sock !== undefined || jump !== undefined || proxyCommand !== undefined) {
    throw new UsageError(`the jump host ${printable(host)} is reached through the one before it: it has no way of its own`);
  }
  return { ...hop, sock: (await reach(last.transport, last.name, { host, port }, call)).toNode() };
}

/**
 * A channel from a jump host, called `name` in errors, to the next host.
 * @throws ConnectError where it can't connect, or is not willing to
 */
export async function reach(
  transport: Transport,
  name: string,
  { host, port }: { readonly host: string; readonly port: number },
  call: CallOptions,
): Promise<Channel> {
  try {
    return await openDirect(transport, { host, port }, undefined, call);
  } catch (error) {
    if (!(error instanceof ChannelOpenError)) throw error;
    const text = `cannot connect to ${printable(host)} port ${port} through ${printable(name)}: ${error.message}`;
    throw new ConnectError(text, [error], { cause: error });
  }
}
