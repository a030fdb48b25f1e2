// Options of the seed's constructor: what they change on the wire, and that a mistake in them is told.
import { describe, expect, it } from 'vitest';
import { Transport, type TransportOptions, UsageError } from '../../src/index.ts';
import { KexInit } from '../../src/wire/messages/transport.ts';
import { loopback, socketPair } from '../support/loopback.ts';

const quick: TransportOptions = { algorithms: { kex: ['curve25519-sha256'] } };

/** Message numbers that a transport received, in order, from the lines of its hex dump. */
function received(lines: readonly string[]): number[] {
  return lines.flatMap((line) => {
    const number = /^IN {2}message (\d+),/.exec(line)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

describe('disabledAlgorithms', () => {
  it('takes algorithms away, by the seed’s categories', async () => {
    await using pair = await loopback({
      clientOptions: {
        ...quick,
        disabledAlgorithms: {
          ciphers: new Set(['chacha20-poly1305@openssh.com', 'aes128-gcm@openssh.com', 'no-such-cipher']),
          macs: [],
          keys: ['rsa-sha2-512'],
          pubkeys: ['rsa-sha2-512'],
          kex: ['diffie-hellman-group14-sha256'],
          compression: ['zlib@openssh.com'],
        },
      },
    });
    const options = pair.client.getSecurityOptions();
    expect(options.ciphers).not.toContain('chacha20-poly1305@openssh.com');
    expect(options.keyTypes).not.toContain('rsa-sha2-512');
    expect(options.pubkeys).not.toContain('rsa-sha2-512');
    expect(pair.client.negotiated?.clientToServer.cipher).not.toMatch(/chacha|aes128-gcm/);
  });

  it('refuses a category that there is not, naming the nearest', async () => {
    const [left, right] = await socketPair();
    expect(() => new Transport(left, { disabledAlgorithms: { cipher: ['aes128-ctr'] } })).toThrow(UsageError);
    expect(() => new Transport(left, { disabledAlgorithms: { cipher: ['aes128-ctr'] } })).toThrow("did you mean 'ciphers'?");
    left.destroy();
    right.destroy();
  });
});

describe('serverSigAlgs', () => {
  it.each([
    [undefined, true],
    [true, true],
    [false, false],
  ])('%s: EXT_INFO is sent: %s', async (serverSigAlgs, sent) => {
    const lines: string[] = [];
    const serverOptions = { ...quick, ...(serverSigAlgs !== undefined && { serverSigAlgs }) };
    await using pair = await loopback({
      clientOptions: { ...quick, log: (_level, line) => lines.push(line) },
      serverOptions,
      prepare: (client) => client.setHexdump(true),
    });
    // Once only: a rekey carries no second one (RFC 8308 section 2.1).
    await pair.client.renegotiateKeys();
    await pair.client.ping();
    expect(received(lines).filter((number) => number === 7)).toHaveLength(sent ? 1 : 0);
    expect(lines.some((line) => line.includes('server-sig-algs'))).toBe(sent);
  });
});

describe('strictKex', () => {
  it.each([
    [true, true, true],
    [true, false, false],
    [false, true, false],
    [false, false, false],
  ])('client %s, server %s: agreed %s', async (client, server, agreed) => {
    const lines: string[] = [];
    await using pair = await loopback({
      clientOptions: { ...quick, strictKex: client, log: (_level, line) => lines.push(line) },
      serverOptions: { ...quick, strictKex: server },
      prepare: (transport) => transport.setHexdump(true),
    });
    expect(pair.client.negotiated?.strictKex).toBe(agreed);
    expect(pair.server.negotiated?.strictKex).toBe(agreed);
    await pair.client.renegotiateKeys();
    expect(pair.client.negotiated?.strictKex).toBe(agreed);
    const offers = (way: string) =>
      lines
        .filter((line) => line.startsWith(`${way} message 20,`))
        .map((line) => KexInit.decode(bytesOf(line)).kex.some((name) => name.startsWith('kex-strict-')));
    // The marker belongs in the first KEXINIT only.
    expect(offers('OUT')).toEqual([client, false]);
    expect(offers('IN ')).toEqual([server, false]);
  });

  it('is on by default', async () => {
    await using pair = await loopback();
    expect(pair.client.negotiated?.strictKex).toBe(true);
  });
});

/** What a hex dump shows. */
function bytesOf(dump: string): Uint8Array {
  const rows = dump.split('\n').slice(1);
  return Buffer.from(rows.map((row) => row.slice(6, 6 + 48).replaceAll(' ', '')).join(''), 'hex');
}
