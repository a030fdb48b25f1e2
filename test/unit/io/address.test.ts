import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { parseAddress } from '../../../src/io/dial.ts';

describe('parseAddress', () => {
  it.each([
    ['example.com', 'example.com', 22],
    ['example.com:2222', 'example.com', 2222],
    ['10.0.0.1', '10.0.0.1', 22],
    ['[::1]', '::1', 22],
    ['[fe80::1%eth0]:2200', 'fe80::1%eth0', 2200],
    ['::1', '::1', 22],
    ['2001:db8::7', '2001:db8::7', 22],
  ])('%s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each(['', ':22', 'host:', 'host:0', 'host:65536', 'host:x', '[::1', '-oProxyCommand=x', 'a b', 'a\0b', 'a\nb'])(
    'refuses %j',
    (text) => {
      expect(() => parseAddress(text)).toThrow(UsageError);
    },
  );
});
