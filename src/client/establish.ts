// From a plan to a connection that is logged in: the way there, the check of the host's key, the login. Nothing is decided here, and
// whatever fails on the way leaves nothing open that was opened here.

import type { Duplex } from 'node:stream';
import type { Address } from '../io/dial.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { ConnectOptions as TransportConnectOptions, TransportOptions } from '../transport/options.ts';
import { Transport } from '../transport/transport.ts';
import { Client, type ForwardedAgent } from './client.ts';

/** What a connection runs over, where that is not a socket of its own. */
export interface Way {
  readonly sock: Duplex | undefined;
  /** Closes what lies below. Never fails. */
  readonly close: () => Promise<void>;
}

/** How one connection is made, with everything decided. */
export interface Plan {
  readonly target: Address & { readonly port: number };
  readonly openWay: () => Promise<Way>;
  readonly transport: TransportOptions;
  /** The limits of the handshake. */
  readonly call: CallOptions;
  readonly hostKey: TransportConnectOptions['hostKey'];
  readonly gss: { readonly host: string; readonly requested: boolean };
  /** Must close whatever it opens. */
  readonly logIn: (transport: Transport) => Promise<void>;
  readonly keepalive: { readonly interval: number; readonly countMax?: number };
  readonly agent: ForwardedAgent | null;
}

export async function establish(plan: Plan): Promise<Client> {
  const { target, call, hostKey, gss, keepalive, agent } = plan;
  const way = await plan.openWay();
  let transport: Transport | null = null;
  try {
    transport = new Transport(way.sock ?? target, plan.transport);
    await transport.setGssHost(gss.host, { trustDns: false, gssapiRequested: gss.requested });
    await transport.connect({ ...call, hostKey });
    await plan.logIn(transport);
    const { interval, countMax } = keepalive;
    transport.setKeepalive(interval, countMax === undefined ? {} : { countMax });
    return new Client(transport, way.close, agent);
  } catch (error) {
    transport?.destroy();
    way.sock?.destroy();
    await way.close();
    throw error;
  }
}
