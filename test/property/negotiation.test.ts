// Negotiation against a model that follows the words of RFC 4253 section 7.1 and shares no line with the product.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NegotiationError } from '../../src/errors.ts';
import { isWrongGuess, type NegotiatedAlgorithms, negotiate } from '../../src/kex/negotiate.ts';
import type { KexInit } from '../../src/wire/messages/transport.ts';
import { runs } from '../support/runs.ts';

const lists = {
  kex: [
    'mlkem768x25519-sha256',
    'curve25519-sha256',
    'ext-info-c',
    'ext-info-s',
    'kex-strict-c-v00@openssh.com',
    'kex-strict-s-v00@openssh.com',
    'x',
  ],
  keys: ['ssh-ed25519', 'rsa-sha2-256', 'ecdsa-sha2-nistp256', 'y'],
  ciphers: ['aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes128-ctr', 'aes256-ctr'],
  macs: ['hmac-sha2-256', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-512'],
  compression: ['none', 'zlib@openssh.com'],
};
const some = (names: readonly string[]) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.shuffledSubarray([...names], { minLength: names.length - 1 }) },
    fc.shuffledSubarray([...names]),
  );

const kexInit: fc.Arbitrary<KexInit> = fc.record({
  cookie: fc.constant(new Uint8Array(16)),
  kex: some(lists.kex),
  serverHostKey: some(lists.keys),
  cipherClientToServer: some(lists.ciphers),
  cipherServerToClient: some(lists.ciphers),
  macClientToServer: some(lists.macs),
  macServerToClient: some(lists.macs),
  compressionClientToServer: some(lists.compression),
  compressionServerToClient: some(lists.compression),
  languagesClientToServer: fc.constant([]),
  languagesServerToClient: fc.constant([]),
  firstKexPacketFollows: fc.boolean(),
  reserved: fc.constant(0),
});

/** For each name of the client, in order: take it if the server has it. Undefined where none is. */
function model(client: KexInit, server: KexInit): NegotiatedAlgorithms | undefined {
  let failed = false;
  const first = (ofClient: readonly string[], ofServer: readonly string[]): string => {
    for (const name of ofClient) {
      if (name.startsWith('ext-info-') || name.startsWith('kex-strict-')) continue;
      if (new Set(ofServer).has(name)) return name;
    }
    failed = true;
    return '';
  };
  const way = (cipher: string, mac: () => string, compression: string) => ({
    cipher,
    mac: cipher.includes('gcm') || cipher.includes('poly1305') ? '' : mac(),
    compression,
  });
  const c2s = first(client.cipherClientToServer, server.cipherClientToServer);
  const s2c = first(client.cipherServerToClient, server.cipherServerToClient);
  const result = {
    kex: first(client.kex, server.kex),
    hostKey: first(client.serverHostKey, server.serverHostKey),
    clientToServer: way(
      c2s,
      () => first(client.macClientToServer, server.macClientToServer),
      first(client.compressionClientToServer, server.compressionClientToServer),
    ),
    serverToClient: way(
      s2c,
      () => first(client.macServerToClient, server.macServerToClient),
      first(client.compressionServerToClient, server.compressionServerToClient),
    ),
  };
  return failed ? undefined : result;
}

function outcome(client: KexInit, server: KexInit, role: 'client' | 'server'): NegotiatedAlgorithms | NegotiationError {
  try {
    return negotiate(client, server, role);
  } catch (error) {
    expect(error).toBeInstanceOf(NegotiationError);
    return error as NegotiationError;
  }
}

describe('negotiation', () => {
  it('is as the model says, the same on both sides', () => {
    let agreed = 0;
    fc.assert(
      fc.property(kexInit, kexInit, (client, server) => {
        const expected = model(client, server);
        const [ours, theirs] = [outcome(client, server, 'client'), outcome(client, server, 'server')];
        if (expected === undefined) {
          expect(ours).toBeInstanceOf(NegotiationError);
          // Both name the same category, each with its own list first.
          expect(theirs).toMatchObject({
            category: (ours as NegotiationError).category,
            ours: (ours as NegotiationError).theirs,
            theirs: (ours as NegotiationError).ours,
          });
          return;
        }
        agreed++;
        expect(ours).toEqual(expected);
        expect(theirs).toEqual(expected);
      }),
      runs(3_000),
    );
    expect(agreed).toBeGreaterThan(20);
  });

  it('never agrees on what one side did not offer, nor on a marker', () => {
    fc.assert(
      fc.property(kexInit, kexInit, (client, server) => {
        const result = outcome(client, server, 'client');
        if (result instanceof NegotiationError) return;
        expect(client.kex).toContain(result.kex);
        expect(server.kex).toContain(result.kex);
        expect(result.kex).not.toMatch(/^(ext-info|kex-strict)-/);
        expect(client.cipherServerToClient).toContain(result.serverToClient.cipher);
        expect(server.cipherServerToClient).toContain(result.serverToClient.cipher);
      }),
      runs(1_000),
    );
  });

  it('takes a guess for right exactly where the first of both lists agree', () => {
    fc.assert(
      fc.property(kexInit, kexInit, (client, server) => {
        const right = client.kex[0] === server.kex[0] && client.serverHostKey[0] === server.serverHostKey[0];
        expect(isWrongGuess(client, server)).toBe(!right);
      }),
      runs(500),
    );
  });
});
