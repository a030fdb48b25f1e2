// Networks, as `Match localnetwork`, `from` of authorized_keys and the source-address of certificates have them: addresses with or
// without the length of a prefix. An address with bits behind the prefix is a mistake, not a network, as it is for OpenSSH.

import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { LineError } from './line.ts';

/** Addresses that begin with the same bits. */
export interface Network {
  readonly address: Uint8Array;
  readonly bits: number;
}

/** Whether any of the addresses is in any of the networks. @throws LineError for an entry that is no network. */
export function anyInNetworks(addresses: readonly string[], list: string): boolean {
  const networks = list.split(',').map(parseNetwork);
  return addresses.some((text) => {
    const address = addressBytes(text.split('%')[0] ?? '');
    return address !== null && networks.some((network) => contains(network, address));
  });
}

/** One entry of a list. @throws LineError for what is no network. */
export function parseNetwork(text: string): Network {
  const [base = '', length, ...more] = text.split('/');
  const address = addressBytes(base);
  if (address === null || more.length > 0) throw new LineError(`'${text.slice(0, 64)}' is no network`);
  const most = address.length * 8;
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (bits < 0 || bits > most) throw new LineError(`'${text.slice(0, 64)}' has no valid prefix length`);
  const network = { address, bits };
  const rest = address.some((byte, index) => (byte & ~mask(bits, index) & 0xff) !== 0);
  if (rest) throw new LineError(`'${text.slice(0, 64)}' has bits behind its prefix`);
  return network;
}

/** Whether the address, of {@link addressBytes}, is in the network. */
export function contains({ address, bits }: Network, other: Uint8Array): boolean {
  return address.length === other.length && other.every((byte, index) => (byte & mask(bits, index)) === address[index]);
}

/** Which bits of the byte at an index belong to the prefix. */
function mask(bits: number, index: number): number {
  const left = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - left)) & 0xff;
}

/** 4 or 16 bytes; null for what is no address. */
export function addressBytes(text: string): Uint8Array | null {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return null;
  const canonical = new SocketAddress({ address: text, family: 'ipv6' }).address;
  // Version 4 in disguise keeps its dots.
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(canonical);
  const pair = (high: string | undefined, low: string | undefined): string => (Number(high) * 256 + Number(low)).toString(16);
  const plain = dotted === null ? canonical : `${dotted[1]}${pair(dotted[2], dotted[3])}:${pair(dotted[4], dotted[5])}`;
  const [head = '', tail] = plain.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? before : [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
