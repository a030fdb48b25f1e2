// PermitRemoteOpen (ssh_config(5)): where connections may lead that the server's side asks for by SOCKS. As with ssh, names are compared
// as they are written: no patterns, no addresses behind them, only `*` for any host or any port.

import type { ServiceLookup } from './values.ts';
import { port as parsePort } from './values.ts';

/** Whether one of the targets is this one. No targets, and `any`, are all; `none` is none. */
export function permitsOpen(targets: readonly string[], host: string, port: number, service: ServiceLookup): boolean {
  if (targets.length === 0) return true;
  return targets.some((target) => {
    if (target.toLowerCase() === 'any') return true;
    const [, bracketed, plain, number] = /^(?:\[([^\]]*)\]|([^:/[\]]*))[:/](.*)$/.exec(target) ?? [];
    const name = bracketed ?? plain;
    if (name === undefined || number === undefined) return false;
    return (name === '*' || name === host) && (number === '*' || parsePort(number, service) === port);
  });
}
