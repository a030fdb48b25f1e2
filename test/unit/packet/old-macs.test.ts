// The MACs for old peers: HMAC-MD5 and HMAC-SHA-1 with the test cases of RFC 2202, whole and cut to 96 bits as the "-96" names do,
// and the sizes that each row promises.
import { describe, expect, it } from 'vitest';
import { concat, toHex } from '../../../src/bytes/bytes.ts';
import { Outbox } from '../../../src/bytes/outbox.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { createSealer, keySizes } from '../../../src/packet/ciphers.ts';
import { macs } from '../../../src/packet/macs.ts';
import { truncated } from '../../../src/packet/stream-mac.ts';

const bytes = (byte: number, count: number) => new Uint8Array(count).fill(byte);
const text = (value: string) => new TextEncoder().encode(value);

const cases: readonly [key: (size: number) => Uint8Array, data: Uint8Array, md5: string, sha1: string][] = [
  [(size) => bytes(0x0b, size), text('Hi There'), '9294727a3638bb1c13f48ef8158bfc9d', 'b617318655057264e28bc0b6fb378c8ef146be00'],
  [
    () => text('Jefe'),
    text('what do ya want for nothing?'),
    '750c783e6ab0b503eaa86e310a5db738',
    'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
  ],
  [(size) => bytes(0xaa, size), bytes(0xdd, 50), '56be34521d144c88dbb8c733f0e8b3f6', '125d7342b9ac11cd91a39af48aa17b4f63f175d3'],
  [
    () => bytes(0xaa, 80),
    text('Test Using Larger Than Block-Size Key - Hash Key First'),
    '6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd',
    'aa4ae5e15272d00e95705637ce8a3b55ed402112',
  ],
];

describe('RFC 2202', () => {
  it.each(cases)('case %#', (key, data, md5, sha1) => {
    for (const [name, size, expected] of [
      ['md5', 16, md5],
      ['sha1', 20, sha1],
    ] as const) {
      const mac = nodeCrypto.hmac(name, key(size));
      expect(toHex(mac.compute(data.subarray(0, 3), data.subarray(3)))).toBe(expected);
      const short = truncated(mac, 12);
      expect(short.bytes).toBe(12);
      expect(toHex(short.compute(data.subarray(0, 1), data.subarray(1, 2), data.subarray(2)))).toBe(expected.slice(0, 24));
    }
  });
});

describe('each row', () => {
  const sizes: Record<string, [key: number, tag: number]> = {
    'hmac-sha1-etm@openssh.com': [20, 20],
    'hmac-sha1': [20, 20],
    'hmac-sha1-96': [20, 12],
    'hmac-md5': [16, 16],
    'hmac-md5-96': [16, 12],
  };
  it('of an old MAC is here', () => {
    expect(macs.filter(({ status }) => status !== 'default').map(({ name }) => name)).toEqual(Object.keys(sizes));
  });

  it.each(Object.entries(sizes))('%s has the sizes of RFC 4253 section 6.4', (name, [key, tag]) => {
    expect(keySizes('aes128-ctr', name).macKey).toBe(key);
    const keys = { key: bytes(1, 16), iv: bytes(2, 16), macKey: bytes(3, key) };
    const outbox = new Outbox();
    const sealer = createSealer(nodeCrypto, 'aes128-cbc', name, keys);
    const packet = new Uint8Array(32 + sealer.clearBytes);
    sealer.seal(0, packet, outbox);
    expect(concat(...outbox.take()).length).toBe(packet.length + tag);
  });
});
