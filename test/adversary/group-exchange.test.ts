// The group exchange (RFC 4419) with a peer that lies: groups that are too small for anything (Logjam), too large for anybody's time,
// even, of order two (libssh2 CVE-2019-13115 is what else can go wrong here), public values that give the secret away, and requests
// that contradict themselves.
import { describe, expect, it } from 'vitest';
import { defaultAlgorithms } from '../../src/algorithms/registry.ts';
import { fromHex } from '../../src/bytes/bytes.ts';
import { builtInGroups } from '../../src/kex/dh-group.ts';
import { KexDhInit, KexGexGroup, KexGexInit, KexGexReply, KexGexRequest, KexGexRequestOld } from '../../src/wire/messages/kex.ts';
import { KexInit } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { expectViolation } from '../support/death.ts';
import { EnginePair } from '../support/engine-pair.ts';

const METHOD = 'diffie-hellman-group-exchange-sha256';
const group14 = (builtInGroups()[0] as { prime: Uint8Array }).prime;
const p = BigInt(`0x${Buffer.from(group14).toString('hex')}`);
const two = Uint8Array.of(2);

const bytes = (value: bigint): Uint8Array => {
  const hex = value.toString(16);
  return fromHex(hex.length % 2 === 0 ? hex : `0${hex}`) as Uint8Array;
};

function attack(victim: 'client' | 'server', ciphers?: readonly string[]): Attacker {
  return new Attacker({
    victim,
    strict: false,
    victimOptions: { algorithms: { kex: [METHOD], ...(ciphers && { ciphers }) } },
    alterKexInit: (init) => ({
      ...init,
      kex: [METHOD],
      ...(ciphers && { cipherClientToServer: ciphers, cipherServerToClient: ciphers }),
    }),
  }).reach('kex');
}

describe('a client', () => {
  it.each([
    ['aes128-gcm@openssh.com', 3072],
    ['aes192-ctr', 7680],
    ['aes256-ctr', 8192],
    ['chacha20-poly1305@openssh.com', 8192],
  ])('asks for a group as strong as %s: %i bits', (cipher, preferred) => {
    const [request, ...more] = attack('client', [cipher]).receivedOf(KexGexRequest.number);
    expect(more).toEqual([]);
    expect(KexGexRequest.decode(request as Uint8Array)).toEqual({ min: 2048, preferred, max: 8192 });
  });

  const groups: [string, Uint8Array, Uint8Array][] = [
    ['p = 0', new Uint8Array(0), two],
    ['p = 1', Uint8Array.of(1), two],
    ['512 bits (Logjam)', bytes((1n << 511n) + 1n), two],
    ['1024 bits', bytes((1n << 1023n) + 1n), two],
    ['2047 bits', bytes((1n << 2046n) + 1n), two],
    ['8193 bits', bytes((1n << 8192n) + 1n), two],
    ['30 kB', new Uint8Array(30_000).fill(0x7f), two],
    ['an even p', bytes(p - 1n), two],
    ['g = 0', group14, new Uint8Array(0)],
    ['g = 1', group14, Uint8Array.of(1)],
    ['g = p - 1', group14, bytes(p - 1n)],
    ['g = p', group14, group14],
    ['g = p + 1', group14, bytes(p + 1n)],
    ['a g of 30 kB', group14, new Uint8Array(30_000).fill(0x7f)],
  ];
  it.each(groups)('refuses a group with %s', (_what, prime, generator) => {
    const attacker = attack('client');
    attacker.send(KexGexGroup.encode({ prime, generator }));
    expectViolation(attacker, 'bad-kex-value', 3);
    expect(attacker.receivedOf(KexGexInit.number)).toEqual([]);
  });

  it('refuses a negative prime, and one that is not minimal', () => {
    for (const payload of [
      Uint8Array.of(31, 0, 0, 0, 1, 0x80, 0, 0, 0, 1, 2),
      Uint8Array.of(31, 0, 0, 0, 2, 0, 1, 0, 0, 0, 1, 2),
    ]) {
      expectViolation(attack('client').send(payload), 'malformed-message');
    }
  });

  it.each([
    ['0', 0n],
    ['1', 1n],
    ['p - 1', p - 1n],
    ['p', p],
    ['p + 1', p + 1n],
    ['2^8192', 1n << 8192n],
  ])('refuses f = %s', (_what, f) => {
    const attacker = attack('client').send(KexGexGroup.encode({ prime: group14, generator: two }));
    expect(attacker.receivedOf(KexGexInit.number)).toHaveLength(1);
    const hostKey = attackerKey();
    attacker.send(KexGexReply.encode({ hostKey, serverValue: f === 0n ? new Uint8Array(0) : bytes(f), signature: hostKey }));
    expectViolation(attacker, 'bad-kex-value', 3);
  });

  it('takes nothing out of order', () => {
    const reply = KexGexReply.encode({ hostKey: two, serverValue: two, signature: two });
    expectViolation(attack('client').send(reply), 'kex-out-of-order');
    const group = KexGexGroup.encode({ prime: group14, generator: two });
    expectViolation(attack('client').send(group).send(group), 'kex-out-of-order');
    expectViolation(attack('client').send(KexGexRequest.encode({ min: 2048, preferred: 2048, max: 2048 })), 'kex-out-of-order');
  });
});

describe('a server', () => {
  const given = (attacker: Attacker): number | undefined => {
    const [group] = attacker.receivedOf(KexGexGroup.number);
    return group && KexGexGroup.decode(group).prime.length * 8;
  };

  it.each([
    [2048, 2048, 8192, 2048],
    [2048, 3072, 8192, 4096],
    [1024, 1024, 8192, 2048],
    [1024, 8192, 8192, 8192],
    [2048, 4097, 8191, 4096],
    [4096, 4096, 4096, 4096],
    [2048, 0xffff, 0xffff_ffff, 8192],
  ])('asked for %i <= %i <= %i bits gives %i', (min, preferred, max, bits) => {
    const attacker = attack('server').send(KexGexRequest.encode({ min, preferred, max }));
    expect(attacker.victim.error).toBeNull();
    expect(given(attacker)).toBe(bits);
  });

  it.each([
    ['min above max', 4096, 4096, 2048],
    ['a preference below min', 2048, 1024, 8192],
    ['a preference above max', 2048, 8192, 4096],
    ['zeros', 0, 0, 0],
    ['only what is too small', 512, 1024, 1024],
    ['only what is too large', 16_384, 16_384, 16_384],
    ['a size that there is not', 3072, 3072, 3072],
  ])('refuses %s', (_what, min, preferred, max) => {
    const attacker = attack('server').send(KexGexRequest.encode({ min, preferred, max }));
    expectViolation(attacker, 'bad-kex-value', 3);
    expect(given(attacker)).toBeUndefined();
  });

  it.each([
    [0, 2048],
    [1024, 2048],
    [3000, 4096],
    [20_000, 8192],
  ])('answers the old request for %i bits with %i', (preferred, bits) => {
    expect(given(attack('server').send(KexGexRequestOld.encode({ preferred })))).toBe(bits);
  });

  it.each([
    ['0', 0n],
    ['1', 1n],
    ['p - 1', p - 1n],
    ['p', p],
    ['p + 1', p + 1n],
    ['2^8192', 1n << 8192n],
  ])('refuses e = %s', (_what, e) => {
    const attacker = attack('server').send(KexGexRequest.encode({ min: 2048, preferred: 2048, max: 2048 }));
    attacker.send(KexGexInit.encode({ clientValue: e === 0n ? new Uint8Array(0) : bytes(e) }));
    expectViolation(attacker, 'bad-kex-value', 3);
    expect(attacker.receivedOf(KexGexReply.number)).toEqual([]);
  });

  it('takes nothing out of order, nor what only looks like an INIT', () => {
    expectViolation(attack('server').send(KexGexInit.encode({ clientValue: two })), 'kex-out-of-order');
    // 30 is the INIT of other methods, and here the old request.
    expectViolation(attack('server').send(KexDhInit.encode({ clientValue: group14 })), 'malformed-message');
    const request = KexGexRequest.encode({ min: 2048, preferred: 2048, max: 2048 });
    expectViolation(attack('server').send(request).send(request), 'kex-out-of-order');
  });
});

describe('two engines', () => {
  it.each([METHOD, 'diffie-hellman-group-exchange-sha1'])('agree by %s, and again', (name) => {
    const algorithms = { kex: [name], ciphers: ['aes128-ctr'] };
    const pair = new EnginePair({ client: { algorithms }, server: { algorithms } }).login();
    pair.client.engine.rekey();
    pair.settle();
    for (const peer of pair.peers) {
      expect(peer.error).toBeNull();
      expect(peer.eventsOf('keys')).toHaveLength(2);
      expect(peer.engine.algorithms?.kex).toBe(name);
    }
    expect(pair.client.engine.sessionId).toEqual(pair.server.engine.sessionId);
  });
});

describe('by default', () => {
  it.each(['client', 'server'] as const)('a %s says nothing of what is old', (victim) => {
    const attacker = new Attacker({ victim, victimOptions: { algorithms: defaultAlgorithms() } }).reach('kexinit');
    const init = KexInit.decode(attacker.receivedOf(KexInit.number)[0] as Uint8Array);
    const names = Object.values(init).filter(Array.isArray).flat() as string[];
    expect(names).toContain(METHOD);
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => /sha1$|sha1-|md5|cbc|^ssh-rsa$|^ssh-dss$|group1-|3des|-96/.test(name))).toEqual([]);
  });
});

function attackerKey(): Uint8Array {
  const blob = new Uint8Array(4 + 11 + 4 + 32);
  blob.set([0, 0, 0, 11], 0);
  blob.set(new TextEncoder().encode('ssh-ed25519'), 4);
  blob.set([0, 0, 0, 32], 15);
  // Any point will do: what is wrong with the value is found before what is wrong with the signature.
  blob.set(new Uint8Array(32).fill(0x58), 19);
  return blob;
}
