// Jump hosts: each is connected to through a direct-tcpip channel of the one before (RFC 4254 section 7.2), with a check of its host
// key and a login of its own. A host on the way carries bytes and is trusted with nothing else.

import { ChannelOpenError, ConnectError, printable, UsageError } from '../errors.ts';
import { openDirect } from '../forward/local.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Channel } from '../transport/channel.ts';
import type { Transport } from '../transport/transport.ts';
import { Client } from './client.ts';
import type { ConfiguredOptions, ConnectOptions, JumpHost } from './connect-options.ts';
import { establish, type Plan, type Way } from './establish.ts';

/** A host that was reached, and what errors call it. */
interface Reached {
  readonly transport: Transport;
  readonly name: string;
}

/**
 * Opens a way to `target` through all hops.
 * @throws ConnectError where one can't reach the next; what `connect` throws for any of them
 */
export async function throughHops(
  hops: readonly JumpHost[],
  target: { readonly host: string; readonly port: number },
  call: CallOptions,
  plan: (options: ConnectOptions | ConfiguredOptions) => Promise<Plan>,
): Promise<Way> {
  /** Those that were connected here, nearest first. */
  const ours: Client[] = [];
  const close = async () => {
    for (const client of ours.splice(0).reverse()) await client.close();
  };
  try {
    let last: Reached | null = null;
    for (const hop of hops) {
      if (hop instanceof Client) {
        if (last !== null) throw new UsageError('only the first jump host can be connected already');
        last = { transport: hop.transport, name: hop.transport.getpeername()[0] };
        continue;
      }
      if (last !== null) refuseWay(hop);
      const own: Plan = await plan({ ...call, ...hop });
      const before: Reached | null = last;
      const client: Client = await establish(
        before === null ? own : { ...own, openWay: () => over(before, own.target, call, async () => {}) },
      );
      ours.push(client);
      last = { transport: client.transport, name: own.target.host };
    }
    if (last === null) throw new UsageError('no jump host');
    return await over(last, target, call, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function refuseWay({ host, sock, jump, proxyCommand }: ConnectOptions | ConfiguredOptions): void {
  if (sock === undefined && jump === undefined && proxyCommand === undefined) return;
  throw new UsageError(`the jump host ${printable(host)} is reached through the one before it: it has no way of its own`);
}

/** The way on from a host; `close` closes what was opened for it. */
export async function over(
  { transport, name }: Reached,
  target: { readonly host: string; readonly port: number },
  call: CallOptions,
  close: () => Promise<void>,
): Promise<Way> {
  return { sock: (await reach(transport, name, target, call)).toNode(), close };
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
