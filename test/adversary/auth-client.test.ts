// Attacks on a client's login: success that nobody asked for (libssh CVE-2018-10933 the other way round), replies of another method,
// keys that were not offered, questions without end (libssh2 CVE-2019-3856), banners without end.
import { describe, expect, it, vi } from 'vitest';
import { type ClientAuthMethod, interactiveMethod, noneMethod, passwordMethod, publickeyMethod } from '../../src/auth/client.ts';
import type { AuthOutcome } from '../../src/auth/outcome.ts';
import { writeU32 } from '../../src/bytes/bytes.ts';
import { AuthenticationError, type SSHError } from '../../src/errors.ts';
import {
  UserauthBanner,
  UserauthFailure,
  UserauthInfoRequest,
  UserauthInfoResponse,
  UserauthPasswdChangereq,
  UserauthPkOk,
  UserauthRequest,
  UserauthSuccess,
} from '../../src/wire/messages/auth.ts';
import { ExtInfo, ServiceAccept, ServiceRequest } from '../../src/wire/messages/transport.ts';
import { Attacker } from '../support/attacker.ts';
import { expectViolation } from '../support/death.ts';
import { testKey } from '../support/seeded-crypto.ts';

const failure = (partialSuccess = false) => UserauthFailure.encode({ methods: ['password', 'publickey'], partialSuccess });
const success = UserauthSuccess.encode({});

/** A client in the middle of an attempt, and how that ended. */
function trying(method: ClientAuthMethod): { attacker: Attacker; settled: (AuthOutcome | SSHError)[] } {
  const attacker = new Attacker({ victim: 'client' }).reach('service');
  const settled: (AuthOutcome | SSHError)[] = [];
  attacker.victim.engine.authenticate(method, (outcome) => void settled.push(outcome));
  attacker.pull().send(ServiceAccept.encode({ service: 'ssh-userauth' }));
  return { attacker, settled };
}

describe('a client', () => {
  it.each([
    ['SERVICE_ACCEPT', 'unexpected-service', ServiceAccept.encode({ service: 'ssh-userauth' })],
    ['USERAUTH_SUCCESS', 'message-not-admitted', success],
    ['USERAUTH_FAILURE', 'message-not-admitted', failure()],
  ] as const)('that has asked for nothing drops %s', (_name, violation, payload) => {
    const attacker = new Attacker({ victim: 'client' }).reach('service');
    attacker.send(payload);
    expectViolation(attacker, violation);
    expect(attacker.victim.eventsOf('authenticated')).toHaveLength(0);
  });

  it('drops the acceptance of a service that it did not ask for', () => {
    const attacker = new Attacker({ victim: 'client' }).reach('service');
    attacker.victim.engine.authenticate(noneMethod('me'), () => {});
    attacker.pull().send(ServiceAccept.encode({ service: 'ssh-connection' }));
    expectViolation(attacker, 'unexpected-service');
  });

  it.each([
    ['success', success],
    ['failure', failure()],
    ['question', UserauthInfoRequest.encode({ name: '', instruction: '', language: '', prompts: [] })],
  ])('drops a %s after its attempt has failed', (_name, payload) => {
    const { attacker, settled } = trying(noneMethod('me'));
    attacker.send(failure());
    expect(settled).toEqual([{ result: 'failure', methods: ['password', 'publickey'], partialSuccess: false }]);
    attacker.send(payload);
    expectViolation(attacker, 'auth-out-of-order');
    expect(settled).toHaveLength(1);
    expect(attacker.victim.eventsOf('authenticated')).toHaveLength(0);
  });

  it('drops a second success', () => {
    const { attacker, settled } = trying(noneMethod('me'));
    attacker.send(success).send(success);
    expectViolation(attacker, 'message-not-admitted');
    expect(settled).toEqual([{ result: 'success' }]);
  });

  it("drops number 60 where the method has none: 'none'", () => {
    const { attacker, settled } = trying(noneMethod('me'));
    attacker.send(UserauthPkOk.encode({ algorithm: 'ssh-ed25519', blob: new Uint8Array(3) }));
    expectViolation(attacker, 'auth-out-of-order');
    expect(settled).toEqual([attacker.victim.error]);
  });

  it('does not sign for a key that it did not offer', () => {
    const key = testKey(1);
    const sign = vi.fn(key.sign.bind(key));
    const signer = { publicKey: key.publicKey, algorithms: key.algorithms, sign };
    const { attacker, settled } = trying(publickeyMethod('me', signer, 'ssh-ed25519', true));
    attacker.send(UserauthPkOk.encode({ algorithm: 'ssh-ed25519', blob: testKey(2).publicKey.blob }));
    expect(settled[0]).toBeInstanceOf(AuthenticationError);
    expect(sign).not.toHaveBeenCalled();
    expect(attacker.receivedOf(UserauthRequest.number)).toHaveLength(1);
  });

  it('goes on after a signer that failed: only the attempt is over', () => {
    const key = testKey(1);
    const signer = {
      publicKey: key.publicKey,
      algorithms: key.algorithms,
      sign: () => {
        throw new Error('the card was pulled');
      },
    };
    const { attacker, settled } = trying(publickeyMethod('me', signer, 'ssh-ed25519', false));
    expect(settled).toMatchObject([{ code: 'ERR_SSH_AUTHENTICATION', message: expect.stringContaining('the card was pulled') }]);
    attacker.victim.engine.authenticate(noneMethod('me'), (outcome) => void settled.push(outcome));
    attacker.pull().send(success);
    expect(settled[1]).toEqual({ result: 'success' });
  });

  it('takes a password change request for a failure where nobody can answer it', () => {
    const { attacker, settled } = trying(passwordMethod('me', 'old'));
    attacker.send(UserauthPasswdChangereq.encode({ prompt: 'new?', language: '' }));
    expect(settled[0]).toBeInstanceOf(AuthenticationError);
    expect(attacker.victim.error).toBeNull();
  });

  it.each([
    [
      'questions',
      interactiveMethod('me', ({ prompts }) => prompts.map(() => 'x')),
      UserauthInfoRequest.encode({ name: '', instruction: '', language: '', prompts: [{ prompt: '?', echo: true }] }),
    ],
    ['new passwords', passwordMethod('me', 'old', () => 'new'), UserauthPasswdChangereq.encode({ prompt: '?', language: '' })],
  ])('gives up after 16 rounds of %s', (_name, method, question) => {
    const { attacker, settled } = trying(method);
    let rounds = 0;
    while (settled.length === 0 && rounds < 100) {
      attacker.send(question);
      rounds++;
    }
    expect(rounds).toBe(16);
    expect(settled[0]).toBeInstanceOf(AuthenticationError);
    expect(attacker.victim.error).toBeNull();
  });

  it.each([2 ** 32 - 1, 65])('drops %i questions at once', (count) => {
    const { attacker } = trying(interactiveMethod('me', () => []));
    const payload = new Uint8Array(17);
    payload[0] = UserauthInfoRequest.number;
    writeU32(payload, 13, count);
    attacker.send(payload);
    expectViolation(attacker, 'malformed-message');
  });

  it('refuses to send the wrong number of answers', () => {
    const { attacker, settled } = trying(interactiveMethod('me', () => ['one too many']));
    attacker.send(UserauthInfoRequest.encode({ name: '', instruction: '', language: '', prompts: [] }));
    expect(settled[0]).toBeInstanceOf(AuthenticationError);
    expect(attacker.receivedOf(UserauthInfoResponse.number)).toHaveLength(0);
  });

  it('drops a reply cut anywhere', () => {
    const replies = [
      failure(),
      UserauthPkOk.encode({ algorithm: 'ssh-ed25519', blob: testKey(1).publicKey.blob }),
      UserauthBanner.encode({ message: 'hello', language: '' }),
    ];
    for (const reply of replies) {
      for (let end = 2; end < reply.length; end++) {
        const { attacker } = trying(publickeyMethod('me', testKey(1), 'ssh-ed25519', true));
        attacker.send(reply.subarray(0, end));
        // A banner may lack its language altogether, as some send it.
        if (attacker.victim.error !== null) expectViolation(attacker, 'malformed-message');
        else expect([reply[0], end]).toEqual([UserauthBanner.number, reply.length - 4]);
      }
    }
  });

  it('keeps 64 KiB of banners and drops the rest', () => {
    const { attacker } = trying(noneMethod('me'));
    for (let i = 0; i < 100; i++) attacker.send(UserauthBanner.encode({ message: 'x'.repeat(10_000), language: '' }));
    expect(attacker.victim.eventsOf('banner')).toHaveLength(6);
    expect(attacker.victim.error).toBeNull();
  });

  it('takes EXT_INFO before USERAUTH_SUCCESS, and nothing between them', () => {
    const extInfo = ExtInfo.encode({ extensions: new Map([['server-sig-algs', new Uint8Array(3)]]) });
    const good = trying(noneMethod('me')).attacker.send(extInfo).send(success);
    expect(good.victim.engine.phase).toBe('open');
    const bad = trying(noneMethod('me')).attacker.send(extInfo).send(failure());
    expectViolation(bad, 'message-not-admitted');
  });

  it('asks for the service once, however often it tries', () => {
    const { attacker } = trying(noneMethod('me'));
    attacker.send(failure());
    attacker.victim.engine.authenticate(passwordMethod('me', 'x'), () => {});
    expect(attacker.pull().receivedOf(ServiceRequest.number)).toHaveLength(1);
  });
});
