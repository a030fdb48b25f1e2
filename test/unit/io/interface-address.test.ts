// Which address of a network interface is taken to connect from.
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { dial } from '../../../src/io/dial.ts';
import { addressOfInterface } from '../../../src/io/interface-address.ts';

const four = (address: string, internal = false): NetworkInterfaceInfo => ({
  address,
  internal,
  family: 'IPv4',
  netmask: '',
  mac: '',
  cidr: null,
});
const six = (address: string, internal = false): NetworkInterfaceInfo => ({
  ...four(address, internal),
  family: 'IPv6',
  scopeid: 1,
});

describe('the address of an interface', () => {
  const interfaces = {
    eth0: [six('fe80::1'), four('192.0.2.1'), six('2001:db8::1'), four('192.0.2.2')],
    lo: [four('127.0.0.1', true), six('::1', true)],
    link: [six('febf::2'), six('fe80::3')],
  };
  it.each([
    ['eth0', 4, '192.0.2.1'],
    ['eth0', 6, '2001:db8::1'],
    ['lo', 4, '127.0.0.1'],
    ['lo', 6, '::1'],
    ['link', 6, 'febf::2%link'],
    ['link', 4, null],
    ['eth', 4, null],
    ['toString', 4, null],
  ] as const)('%s, IPv%i: %s', (name, family, address) => {
    expect(addressOfInterface(name, family, interfaces)).toBe(address);
  });

  it('one that is not there is said so, with what was to be reached', async () => {
    await expect(dial({ host: '127.0.0.1', port: 1, localInterface: 'none-0' })).rejects.toMatchObject({
      code: 'ERR_SSH_CONNECT',
      message: 'cannot connect to 127.0.0.1 port 1: none-0 has no suitable address',
    });
  });
});
