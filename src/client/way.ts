// The way to a server as the caller's options say it: a stream of theirs, jump hosts, a program, or else the network.

import { UsageError } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { ConfiguredOptions, ConnectOptions, JumpHost } from './connect-options.ts';
import type { Plan, Way } from './establish.ts';
import { throughHops } from './jump.ts';
import { startProxyCommand } from './proxy-command.ts';

/** Decides how to connect to one host. */
export type Planner = (options: ConnectOptions | ConfiguredOptions) => Promise<Plan>;

type WayOptions = Pick<ConnectOptions, 'sock' | 'jump' | 'proxyCommand'>;

/** The network, where nothing lies between. */
export const direct: Way = { sock: undefined, close: async () => {} };

/** Whether the caller says anything about the way. @throws UsageError for more than one */
export function saysWay({ sock, jump, proxyCommand }: WayOptions): boolean {
  const said = [sock, jump, proxyCommand].filter((way) => way !== undefined).length;
  if (said > 1) throw new UsageError('sock, jump and proxyCommand are three ways to one server: give one of them');
  return said === 1;
}

/** @throws what `connect` throws for a host on the way */
export async function openWay(
  { sock, jump, proxyCommand }: WayOptions,
  target: { readonly host: string; readonly port: number },
  call: CallOptions,
  plan: Planner,
): Promise<Way> {
  if (jump !== undefined) {
    const hops = [jump].flat() as readonly JumpHost[];
    return hops.length === 0 ? direct : throughHops(hops, target, call, plan);
  }
  return { ...direct, sock: proxyCommand === undefined ? sock : await startProxyCommand(proxyCommand) };
}
