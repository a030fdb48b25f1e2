// The client must not believe a server that does not hold the key it shows, nor one whose key nobody has accepted: every input of
// the exchange hash falsified in turn (CVE-2025-26465 class), public values that are none, keys and signatures of the wrong kind,
// deciders that say anything but `true`.
import { describe, expect, it } from 'vitest';
import type { EngineConfig } from '../../src/engine/config.ts';
import { HostKeyError, ProtocolError, SSHError } from '../../src/errors.ts';
import { KexEcdhInit } from '../../src/wire/messages/kex.ts';
import { NewKeys } from '../../src/wire/messages/transport.ts';
import { Writer } from '../../src/wire/writer.ts';
import { Attacker, type AttackerOptions, type HashInput } from '../support/attacker.ts';
import { expectDead, expectViolation } from '../support/death.ts';
import { settle } from '../support/engine-pair.ts';
import { testKey } from '../support/seeded-crypto.ts';

function replyTo(options: Omit<AttackerOptions, 'victim'>): Attacker {
  return new Attacker({ victim: 'client', ...options }).reach('kex').sendReply();
}

const inputs: readonly HashInput[] = [
  'clientVersion',
  'serverVersion',
  'clientInit',
  'serverInit',
  'hostKey',
  'clientValue',
  'serverValue',
  'secret',
];

describe('the signature over the exchange', () => {
  it('is accepted when it is right, before any bit is turned', () => {
    expect(replyTo({}).victim.error).toBeNull();
  });

  it.each(inputs)('fails with one bit of %s turned, wherever it is', (input) => {
    for (const place of [0, 0.33, 0.66, 0.999]) {
      const attacker = replyTo({
        alterHash: (all) => {
          const bytes = all[input];
          const at = Math.floor(bytes.length * place);
          bytes[at] = (bytes[at] as number) ^ 1;
        },
      });
      expectViolation(attacker, 'bad-host-key-signature', 3);
      expect(attacker.receivedOf(NewKeys.number)).toHaveLength(0);
      expect(attacker.victim.eventsOf('keys')).toHaveLength(0);
    }
  });

  it('fails with one bit of itself turned, or as nothing', () => {
    for (let at = 0; at < 83; at += 9) {
      const attacker = replyTo({
        alterReply: (reply) => {
          reply.signature = reply.signature.slice();
          reply.signature[at] = (reply.signature[at] as number) ^ 0x20;
        },
      });
      expectViolation(attacker, 'bad-host-key-signature', 3);
    }
    for (const signature of [
      new Uint8Array(0),
      new Uint8Array(64),
      new Writer().string('ssh-ed25519').string(new Uint8Array(64)).finish(),
    ]) {
      expectViolation(
        replyTo({ alterReply: (reply) => Object.assign(reply, { signature: signature }) }),
        'bad-host-key-signature',
        3,
      );
    }
  });

  it('must be by the key that is shown', () => {
    const attacker = replyTo({ alterReply: (reply) => Object.assign(reply, { hostKey: testKey(5).publicKey.blob }) });
    expectViolation(attacker, 'bad-host-key-signature', 3);
  });
});

describe('the host key', () => {
  it.each([
    ['nothing', new Uint8Array(0)],
    ['another type', new Writer().string('ssh-dss').string(new Uint8Array(32)).finish()],
    ['a short point', new Writer().string('ssh-ed25519').string(new Uint8Array(31)).finish()],
    ['a certificate', new Writer().string('ssh-ed25519-cert-v01@openssh.com').string(new Uint8Array(32)).finish()],
    ['a length that it does not have', new Uint8Array([0xff, 0xff, 0xff, 0xff, 1])],
  ])('is refused when it is %s', (_name, blob) => {
    expectViolation(replyTo({ alterReply: (reply) => Object.assign(reply, { hostKey: blob }) }), 'bad-host-key', 9);
  });

  it('must be of the type that was agreed', () => {
    const p256 = new Writer().string('ecdsa-sha2-nistp256').string('nistp256');
    const point = Buffer.from(
      '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
      'hex',
    );
    const blob = p256.string(new Uint8Array(point)).finish();
    expectViolation(replyTo({ alterReply: (reply) => Object.assign(reply, { hostKey: blob }) }), 'bad-host-key', 9);
  });

  it('may not change in a rekey, and the session id stays', () => {
    const first = new Attacker({ victim: 'client' }).reach('open');
    const session = first.victim.engine.sessionId;
    first.reach('rekey-newkeys').sendNewKeys();
    expect(first.victim.engine.sessionId).toEqual(session);
    let key = testKey(0);
    const options: AttackerOptions = {
      victim: 'client',
      get hostKey() {
        return key;
      },
    };
    const attacker = new Attacker(options).reach('rekey');
    key = testKey(6);
    attacker.sendReply();
    expectViolation(attacker, 'host-key-changed', 9);
  });
});

describe('the public value', () => {
  const lowOrder = [
    new Uint8Array(32),
    Uint8Array.of(1, ...new Uint8Array(31)),
    new Uint8Array(Buffer.from('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'hex')),
    new Uint8Array(Buffer.from('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157', 'hex')),
    new Uint8Array(Buffer.from('ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'hex')),
    new Uint8Array(0),
    new Uint8Array(31).fill(9),
    new Uint8Array(33).fill(9),
  ];

  it.each(lowOrder.map((value, index) => [index, value] as const))(
    'of a server is refused where it proves nothing (%i)',
    (_index, value) => {
      expectViolation(replyTo({ alterReply: (reply) => Object.assign(reply, { serverValue: value }) }), 'bad-kex-value', 3);
    },
  );

  it.each(lowOrder.map((value, index) => [index, value] as const))(
    'of a client is refused where it proves nothing (%i)',
    (_index, value) => {
      const attacker = new Attacker({ victim: 'server' }).reach('kex');
      attacker.send(KexEcdhInit.encode({ clientValue: value }));
      expectViolation(attacker, 'bad-kex-value', 3);
    },
  );
});

describe('whoever decides about the host key', () => {
  const cases: [string, () => unknown][] = [
    ['false', () => false],
    ['undefined', () => undefined],
    ['1', () => 1],
    ["'yes'", () => 'yes'],
    ['an object', () => ({ ok: true })],
    ['new Boolean(true)', () => Object(true)],
  ];

  it.each(cases)('and says %s means no', (_name, verifyHostKey) => {
    const attacker = replyTo({ victimOptions: { verifyHostKey: verifyHostKey as EngineConfig['verifyHostKey'] } });
    expect(expectDead(attacker.victim)).toBeInstanceOf(HostKeyError);
    expect(attacker.disconnects).toEqual([9]);
    expect(attacker.receivedOf(NewKeys.number)).toHaveLength(0);
  });

  it('and throws means no', () => {
    for (const thrown of [new Error('boom'), 'a string', undefined, new TypeError('x'), new HostKeyError('revoked', 'x')]) {
      const attacker = replyTo({
        victimOptions: {
          verifyHostKey: () => {
            throw thrown;
          },
        },
      });
      const error = expectDead(attacker.victim);
      expect(error).toBeInstanceOf(SSHError);
      if (thrown instanceof SSHError) expect(error).toBe(thrown);
      // Words of ours do not go to the peer.
      expect(Buffer.concat(attacker.received.slice(-1)).toString('latin1')).not.toContain('boom');
      expect(attacker.receivedOf(NewKeys.number)).toHaveLength(0);
    }
  });

  it('and rejects later means no', () => {
    const attacker = replyTo({ victimOptions: { manualTasks: true } });
    attacker.victim.tasks[0]?.reject(new Error('no'));
    expectDead(attacker.victim);
    expect(attacker.pull().receivedOf(NewKeys.number)).toHaveLength(0);
  });

  it('and never says anything keeps everything waiting, NEWKEYS and input alike, until the time is up', () => {
    const attacker = replyTo({ victimOptions: { manualTasks: true, handshakeTimeoutMs: 1_000 } });
    const { victim } = attacker;
    expect(victim.engine.wantsInput).toBe(false);
    attacker.sendNewKeys();
    victim.tick(999);
    expect(attacker.pull().receivedOf(NewKeys.number)).toHaveLength(0);
    expect(victim.error).toBeNull();
    victim.tick(1_000);
    expect(victim.error).toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 1_000 });
    attacker.pull();
    expectDead(victim);
    // An answer that comes after the end changes nothing.
    for (const task of victim.tasks.splice(0)) settle(task);
    expect(attacker.pull().receivedOf(NewKeys.number)).toHaveLength(0);
    expectDead(victim);
  });

  it('and closes the connection before saying yes is not followed', () => {
    const attacker = new Attacker({
      victim: 'client',
      victimOptions: {
        verifyHostKey: () => {
          attacker.victim.engine.close();
          return true;
        },
      },
    }).reach('kex');
    attacker.sendReply();
    expect(attacker.receivedOf(NewKeys.number)).toHaveLength(0);
    expect(attacker.disconnects).toEqual([11]);
    expectDead(attacker.victim);
  });
});

describe('the host key of a server', () => {
  it('that makes a wrong signature never shows it', () => {
    const good = testKey(0);
    const hostKey = {
      publicKey: good.publicKey,
      algorithms: good.algorithms,
      sign: (data: Uint8Array) => {
        const signature = good.sign(data, 'ssh-ed25519').slice();
        signature[40] = (signature[40] as number) ^ 1;
        return signature;
      },
    };
    const attacker = new Attacker({ victim: 'server', victimOptions: { hostKeys: [hostKey] } }).reach('kex').sendInit();
    const error = expectDead(attacker.victim);
    expect(error).not.toBeInstanceOf(ProtocolError);
    expect(error.code).toBe('ERR_SSH_HOST_KEY');
    expect(attacker.received.map((payload) => payload[0])).toEqual([20, 1]);
  });
});
