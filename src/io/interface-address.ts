// The addresses of a network interface of this machine, for connections that are to leave from it (BindInterface of ssh_config(5)).
// As with ssh: one that others can reach is taken before one that is this machine's, or this link's, alone.

import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** The address of one kind, null where the interface has none or is not there. */
export function addressOfInterface(
  name: string,
  family: 4 | 6,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): string | null {
  const all = Object.hasOwn(interfaces, name) ? (interfaces[name] ?? []) : [];
  const suitable = all.filter((one) => one.family === `IPv${family}`);
  const chosen = suitable.find((one) => !isLocal(one)) ?? suitable[0];
  if (chosen === undefined) return null;
  // An address of a link says nothing without the link.
  return isLinkLocal(chosen) ? `${chosen.address}%${name}` : chosen.address;
}

function isLocal(info: NetworkInterfaceInfo): boolean {
  return info.internal || isLinkLocal(info);
}

/** RFC 4291 section 2.5.6: fe80::/10. */
function isLinkLocal({ family, address }: NetworkInterfaceInfo): boolean {
  return family === 'IPv6' && /^fe[89ab]/i.test(address);
}
