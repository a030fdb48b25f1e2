// Attacks on a server's user authentication (reliability A4): key confusion (Go CVE-2024-45337), users and services that change on
// the way, tries without end (CVE-2015-5600), lying counts (russh CVE-2026-42189), hooks that say yes by accident, users that can be
// told apart (CVE-2018-15473), passwords as long as a book (CVE-2016-6515).
import { describe, expect, it, vi } from 'vitest';
import { publickeySigned } from '../../src/auth/client.ts';
import type { ServerAuthHooks } from '../../src/auth/server.ts';
import { writeU32 } from '../../src/bytes/bytes.ts';
import type { PrivateKey } from '../../src/keys/private-key.ts';
import {
  UserauthFailure,
  UserauthInfoRequest,
  UserauthInfoResponse,
  UserauthPasswdChangereq,
  UserauthPkOk,
  UserauthRequest,
  UserauthSuccess,
} from '../../src/wire/messages/auth.ts';
import { ExtInfo, ServiceAccept, ServiceRequest } from '../../src/wire/messages/transport.ts';
import { Writer } from '../../src/wire/writer.ts';
import { Attacker, authRequest } from '../support/attacker.ts';
import { expectDead, expectViolation } from '../support/death.ts';
import type { PeerOptions } from '../support/engine-pair.ts';
import { fastest } from '../support/measure.ts';
import { testKey } from '../support/seeded-crypto.ts';

const no: ServerAuthHooks = {
  allowedMethods: () => ['publickey', 'password'],
  none: () => 'failed',
  password: () => 'failed',
  publickey: () => 'failed',
  interactive: () => 'failed',
  interactiveResponse: () => 'failed',
  banner: () => null,
};

function server(auth: Partial<ServerAuthHooks>, options: Partial<PeerOptions> = {}): Attacker {
  return new Attacker({ victim: 'server', victimOptions: { ...options, auth: { ...no, ...auth } } }).reach('auth');
}

const password = (text: string) => new Writer().bool(false).string(text).finish();
const interactive = () => new Writer().string('').string('').finish();

function query(key: PrivateKey, user = 'me'): Uint8Array {
  const data = new Writer().bool(false).string('ssh-ed25519').string(key.publicKey.blob).finish();
  return authRequest('publickey', data, user);
}

function signed(
  attacker: Attacker,
  key: PrivateKey,
  options: { user?: string; as?: PrivateKey; session?: Uint8Array } = {},
): Uint8Array {
  const { user = 'me', as = key, session = attacker.sessionId as Uint8Array } = options;
  const data = new Writer().bool(true).string('ssh-ed25519').string(as.publicKey.blob).finish();
  const unsigned = authRequest('publickey', data, user);
  const signature = key.sign(publickeySigned(session, unsigned), 'ssh-ed25519');
  return new Writer().raw(unsigned).string(signature).finish();
}

const numbers = (attacker: Attacker): (number | undefined)[] => attacker.received.map((payload) => payload[0]);
const loggedIn = (attacker: Attacker) => attacker.victim.eventsOf('authenticated').map((event) => event.who);

describe('a key', () => {
  const [a, b, c] = [testKey(1), testKey(2), testKey(3)];

  it('counts only where it signed: questions about A, B and C, and a signature by B, are a login by B', () => {
    const publickey = vi.fn((_user, _key, _signed) => 'successful' as const);
    const attacker = server({ publickey });
    attacker.send(query(a)).send(query(b)).send(query(c));
    expect(attacker.receivedOf(UserauthPkOk.number)).toHaveLength(3);
    expect(attacker.victim.engine.phase).toBe('auth');
    attacker.send(signed(attacker, b));
    expect(loggedIn(attacker)).toMatchObject([{ user: 'me', method: 'publickey' }]);
    expect(loggedIn(attacker)[0]?.key?.equals(b.publicKey)).toBe(true);
    expect(publickey.mock.calls.map((call) => call[2])).toEqual([false, false, false, true]);
  });

  it('is not proven by a signature of another key', () => {
    const publickey = vi.fn(() => 'successful' as const);
    const attacker = server({ publickey });
    attacker.send(query(a)).send(signed(attacker, b, { as: a }));
    expect(numbers(attacker).at(-1)).toBe(UserauthFailure.number);
    // The hook has only heard the question.
    expect(publickey).toHaveBeenCalledTimes(1);
  });

  it('is not proven by a signature over another session, user, or request', () => {
    const publickey = vi.fn(() => 'successful' as const);
    for (const forged of [
      (attacker: Attacker) => signed(attacker, a, { session: (attacker.sessionId as Uint8Array).map((byte) => byte ^ 1) }),
      (attacker: Attacker) => signed(attacker, a, { session: new Uint8Array(0) }),
      (attacker: Attacker) => {
        // Signed for one user, sent for another.
        const bytes = signed(attacker, a, { user: 'me' }).slice();
        bytes[5] = 'y'.charCodeAt(0);
        return bytes;
      },
    ]) {
      const attacker = server({ publickey });
      attacker.send(forged(attacker));
      expect(numbers(attacker).at(-1)).toBe(UserauthFailure.number);
    }
    expect(publickey).not.toHaveBeenCalled();
  });

  it('with an algorithm that is not its own, or not allowed, is refused unheard', () => {
    const publickey = vi.fn(() => 'successful' as const);
    for (const algorithm of ['ssh-rsa', 'rsa-sha2-256', 'ecdsa-sha2-nistp256', 'ssh-dss', 'none', 'x']) {
      const attacker = server({ publickey });
      attacker.send(authRequest('publickey', new Writer().bool(false).string(algorithm).string(a.publicKey.blob).finish()));
      expect(numbers(attacker).at(-1)).toBe(UserauthFailure.number);
    }
    expect(publickey).not.toHaveBeenCalled();
  });

  it('that the hook refuses is not asked for, and costs a try', () => {
    const attacker = server({}, { authLimits: { maxAttempts: 3 } });
    attacker.send(query(a)).send(query(b)).send(query(c));
    expectViolation(attacker, 'too-many-auth-attempts', 14);
  });

  it('cut at any byte gets the same answer for a user that there is and one that there is not', { timeout: 20_000 }, () => {
    const knows: Partial<ServerAuthHooks> = { publickey: (user) => (user === 'me' ? 'successful' : 'failed') };
    for (const make of [query, (key: PrivateKey, user: string) => signed(server(knows), key, { user })]) {
      const length = make(a, 'me').length;
      for (let end = 1; end < length; end += end > 40 ? 7 : 1) {
        const answers = ['me', 'no'].map((user) => {
          const attacker = server(knows);
          attacker.send(make(a, user).subarray(0, end));
          return attacker.received.map((payload) => Buffer.from(payload).toString('hex')).slice(-2);
        });
        // Whether the user may go on is not told by what is no proof and no question.
        expect(answers[0]?.at(-1), `cut at ${end}`).toBe(answers[1]?.at(-1));
      }
    }
  });
});

describe('users and services', () => {
  it('may not change: another user after a failure', () => {
    const attacker = server({});
    attacker.send(authRequest('password', password('x'), 'alice')).send(authRequest('password', password('x'), 'bob'));
    expectViolation(attacker, 'auth-out-of-order');
  });

  it('may not change: partial success of one is none for another', () => {
    const attacker = server({ password: () => 'partial', publickey: () => 'successful' });
    attacker.send(authRequest('password', password('x'), 'alice'));
    expect(UserauthFailure.decode(attacker.received.at(-1) as Uint8Array).partialSuccess).toBe(true);
    attacker.send(signed(attacker, testKey(1), { user: 'bob' }));
    expectViolation(attacker, 'auth-out-of-order');
    expect(loggedIn(attacker)).toEqual([]);
  });

  it('may not change: a key that was asked about for one user', () => {
    const attacker = server({ publickey: () => 'successful' });
    attacker.send(query(testKey(1), 'alice')).send(signed(attacker, testKey(1), { user: 'bob' }));
    expectViolation(attacker, 'auth-out-of-order');
  });

  it('are the last of the requests: partial success and then success log in the user that both were for', () => {
    const attacker = server({ password: () => 'partial', publickey: () => 'successful' });
    attacker.send(authRequest('password', password('x'))).send(signed(attacker, testKey(1)));
    expect(loggedIn(attacker)).toMatchObject([{ user: 'me', method: 'publickey' }]);
  });

  it.each(['ssh-userauth', 'x', 'SSH-CONNECTION'])("are refused for the service '%s'", (service) => {
    const attacker = server({ none: () => 'successful' });
    attacker.send(UserauthRequest.encode({ user: 'me', service, method: 'none', data: new Uint8Array(0) }));
    expectViolation(attacker, 'unexpected-service', 7);
  });

  it('need the service ssh-userauth first', () => {
    const attacker = new Attacker({ victim: 'server' }).reach('service');
    attacker.send(ServiceRequest.encode({ service: 'ssh-connection' }));
    expectViolation(attacker, 'unexpected-service', 7);
  });

  it('may ask for the service again, as paramiko does', () => {
    const attacker = server({});
    for (let i = 0; i < 3; i++) attacker.send(ServiceRequest.encode({ service: 'ssh-userauth' }));
    expect(attacker.receivedOf(ServiceAccept.number)).toHaveLength(4);
    expect(attacker.victim.error).toBeNull();
  });

  it('are let alone after the login: later requests are ignored', () => {
    const attacker = server({ none: () => 'successful' }).send(authRequest('none'));
    const count = attacker.received.length;
    attacker.send(authRequest('none', undefined, 'root')).send(authRequest('password', password('x'), 'root'));
    expect(attacker.received).toHaveLength(count);
    expect(loggedIn(attacker)).toMatchObject([{ user: 'me' }]);
  });

  it('hear no EXT_INFO in the middle of it', () => {
    const attacker = server({});
    attacker.send(ExtInfo.encode({ extensions: new Map() }));
    expectViolation(attacker, 'message-not-admitted');
  });
});

describe('tries', () => {
  it('end after maxAttempts failures, the last of which gets no answer but the goodbye', () => {
    const attacker = server({}, { authLimits: { maxAttempts: 6 } });
    for (let i = 0; i < 5; i++) attacker.send(authRequest('password', password('x')));
    expect(attacker.receivedOf(UserauthFailure.number)).toHaveLength(5);
    attacker.send(authRequest('password', password('x')));
    expectViolation(attacker, 'too-many-auth-attempts', 14);
    expect(attacker.receivedOf(UserauthFailure.number)).toHaveLength(5);
  });

  it('count whatever the method is called', () => {
    const attacker = server({});
    for (let i = 0; i < 6; i++) attacker.send(authRequest(`made-up-${i}`, new Uint8Array(i)));
    expectViolation(attacker, 'too-many-auth-attempts', 14);
  });

  it.each([
    ['questions about keys', (attacker: Attacker) => attacker.send(query(testKey(1)))],
    ["'none'", (attacker: Attacker) => attacker.send(authRequest('none'))],
    ['partial successes', (attacker: Attacker) => attacker.send(authRequest('password', password('x')))],
    [
      'interactive dialogues that are given up',
      (attacker: Attacker) => attacker.send(authRequest('keyboard-interactive', interactive())),
    ],
  ])('end after 128 of %s', (_name, send) => {
    const attacker = server({
      publickey: () => 'successful',
      password: () => 'partial',
      interactive: () => ({ name: '', instructions: '', prompts: [{ prompt: '?', echo: false }] }),
    });
    for (let i = 0; i < 127; i++) send(attacker);
    expect(attacker.victim.error).toBeNull();
    for (let i = 0; i < 2; i++) if (attacker.victim.error === null) send(attacker);
    expectViolation(attacker, 'too-many-auth-attempts', 14);
  });

  it('are answered no sooner than the floor, and nothing is read meanwhile', () => {
    const hook = vi.fn(() => 'failed' as const);
    const attacker = server({ password: hook }, { authLimits: { failureDelayMs: 250 } });
    const { victim } = attacker;
    victim.tick(1_000);
    attacker.sendAll([authRequest('password', password('a')), authRequest('password', password('b'))]);
    expect(victim.engine.wantsInput).toBe(false);
    expect(victim.engine.deadline).toBe(1_250);
    victim.tick(1_249);
    expect(attacker.pull().receivedOf(UserauthFailure.number)).toHaveLength(0);
    expect(hook).toHaveBeenCalledTimes(1);
    victim.tick(1_250);
    expect(attacker.pull().receivedOf(UserauthFailure.number)).toHaveLength(1);
    expect(hook).toHaveBeenCalledTimes(2);
    victim.tick(1_500);
    expect(attacker.pull().receivedOf(UserauthFailure.number)).toHaveLength(2);
  });

  it('do not make a success wait', () => {
    const attacker = server({ none: () => 'successful' }, { authLimits: { failureDelayMs: 250 } }).send(authRequest('none'));
    expect(attacker.received.at(-1)?.[0]).toBe(UserauthSuccess.number);
  });

  it('are over when the time for the login is', () => {
    const attacker = server({}, { loginTimeoutMs: 120_000 });
    attacker.victim.tick(119_999);
    expect(attacker.victim.error).toBeNull();
    attacker.victim.tick(120_000);
    expect(expectDead(attacker.victim)).toMatchObject({ code: 'ERR_SSH_TIMEOUT', milliseconds: 120_000, phase: 'auth' });
  });

  it('are over even if a hook never answers', () => {
    const attacker = new Attacker({
      victim: 'server',
      victimOptions: { loginTimeoutMs: 1_000, manualTasks: true },
    });
    attacker.reach('newkeys');
    attacker.victim.settleTasks();
    attacker.pull();
    attacker.victim.tick(1_000);
    expect(expectDead(attacker.victim).code).toBe('ERR_SSH_TIMEOUT');
  });
});

describe('keyboard-interactive', () => {
  const asking = (count: number, extra: Partial<ServerAuthHooks> = {}) => {
    const interactiveResponse = vi.fn<ServerAuthHooks['interactiveResponse']>(() => 'successful');
    const prompts = Array.from({ length: count }, () => ({ prompt: '?', echo: false }));
    const attacker = server({ interactive: () => ({ name: 'n', instructions: 'i', prompts }), interactiveResponse, ...extra });
    attacker.send(authRequest('keyboard-interactive', interactive()));
    expect(attacker.received.at(-1)?.[0]).toBe(UserauthInfoRequest.number);
    return { attacker, interactiveResponse };
  };

  it.each([
    [3, 0],
    [3, 2],
    [3, 4],
    [0, 1],
    [1, 64],
  ])('with %i questions and %i answers fails without asking the hook', (questions, answers) => {
    const { attacker, interactiveResponse } = asking(questions);
    attacker.send(UserauthInfoResponse.encode({ responses: Array.from({ length: answers }, () => 'x') }));
    expect(attacker.received.at(-1)?.[0]).toBe(UserauthFailure.number);
    expect(interactiveResponse).not.toHaveBeenCalled();
  });

  it.each([2 ** 32 - 1, 2 ** 31, 65])('drops a count of %i at once', (count) => {
    const payload = new Uint8Array(9);
    payload[0] = UserauthInfoResponse.number;
    writeU32(payload, 1, count);
    const time = fastest(
      5,
      () => asking(1),
      ({ attacker, interactiveResponse }) => {
        attacker.send(payload);
        expectViolation(attacker, 'malformed-message');
        expect(interactiveResponse).not.toHaveBeenCalled();
      },
    );
    expect(time).toBeLessThan(20);
  });

  it('drops an answer to no question', () => {
    const attacker = server({});
    attacker.send(UserauthInfoResponse.encode({ responses: [] }));
    expectViolation(attacker, 'auth-out-of-order');
  });

  it('drops a second answer to one question', () => {
    const { attacker } = asking(1, { interactiveResponse: () => 'failed' });
    const answer = UserauthInfoResponse.encode({ responses: ['x'] });
    attacker.send(answer).send(answer);
    expectViolation(attacker, 'auth-out-of-order');
  });

  it('ends after 16 rounds', () => {
    let rounds = 0;
    const { attacker } = asking(1, {
      interactiveResponse: () => {
        rounds++;
        return { name: '', instructions: '', prompts: [{ prompt: 'again?', echo: true }] };
      },
    });
    for (let i = 0; i < 100 && attacker.received.at(-1)?.[0] === UserauthInfoRequest.number; i++) {
      attacker.send(UserauthInfoResponse.encode({ responses: ['x'] }));
    }
    expect(rounds).toBe(16);
    expect(attacker.received.at(-1)?.[0]).toBe(UserauthFailure.number);
  });

  it('is given up by another request, which is then judged by itself', () => {
    const { attacker } = asking(1, { password: () => 'successful' });
    attacker.send(authRequest('password', password('x')));
    expect(loggedIn(attacker)).toMatchObject([{ method: 'password' }]);
  });

  it('cannot be used to change the user', () => {
    const { attacker } = asking(1, { password: () => 'successful' });
    attacker.send(authRequest('password', password('x'), 'root'));
    expectViolation(attacker, 'auth-out-of-order');
  });
});

describe('what is too long', () => {
  it.each([
    ['1025 letters', 'x'.repeat(1_025)],
    ['1026 bytes in 513 letters', 'é'.repeat(513)],
  ])('as a user name of %s never reaches a hook', (_name, user) => {
    const hook = vi.fn(() => 'successful' as const);
    const banner = vi.fn(() => null);
    const attacker = server({ none: hook, password: hook, publickey: hook, interactive: hook, banner });
    attacker
      .send(authRequest('password', password('x'), user))
      .send(authRequest('none', undefined, user))
      .send(query(testKey(1), user));
    expect(attacker.receivedOf(UserauthFailure.number)).toHaveLength(3);
    expect(hook).not.toHaveBeenCalled();
    expect(banner).not.toHaveBeenCalled();
  });

  it.each([
    ['4097 letters', 'x'.repeat(4_097)],
    ['4098 bytes in 2049 letters', 'é'.repeat(2_049)],
  ])('as a password of %s never reaches a hook', (_name, text) => {
    const hook = vi.fn(() => 'successful' as const);
    const attacker = server({ password: hook });
    attacker.send(authRequest('password', password(text)));
    attacker.send(authRequest('password', new Writer().bool(true).string('old').string(text).finish()));
    expect(attacker.receivedOf(UserauthFailure.number)).toHaveLength(2);
    expect(hook).not.toHaveBeenCalled();
    attacker.send(authRequest('password', password(text.slice(0, 2_048))));
    expect(hook).toHaveBeenCalledTimes(1);
  });
});

describe('hooks', () => {
  const answers: [string, unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['true', true],
    ['1', 1],
    ["'Successful'", 'Successful'],
    ["'success'", 'success'],
    ['an empty object', {}],
    ["['successful']", ['successful']],
    ['a String object', Object('successful')],
  ];

  it.each(answers)('that say %s deny', (_name, answer) => {
    const hook = () => answer as never;
    const denying = { none: hook, password: hook, publickey: hook, interactive: hook };
    const attempts = [
      (attacker: Attacker) => authRequest('none', undefined, attacker.victim.role === 'server' ? 'me' : ''),
      () => authRequest('password', password('x')),
      () => query(testKey(1)),
      (attacker: Attacker) => signed(attacker, testKey(1)),
    ];
    for (const attempt of attempts) {
      const attacker = server(denying);
      attacker.send(attempt(attacker));
      expect(numbers(attacker).at(-1)).toBe(UserauthFailure.number);
      expect(attacker.victim.engine.phase).toBe('auth');
    }
    // An object without prompts is no dialogue: denied, or the end of the connection, but never a way in.
    const attacker = server(denying);
    attacker.send(authRequest('keyboard-interactive', interactive()));
    expect(loggedIn(attacker)).toEqual([]);
    expect(attacker.received.at(-1)?.[0]).not.toBe(UserauthSuccess.number);
  });

  it('that throw end the connection without telling why', () => {
    const attacker = server({
      password: () => {
        throw new Error('database secret');
      },
    });
    attacker.send(authRequest('password', password('x')));
    expectDead(attacker.victim);
    expect(attacker.disconnects).toEqual([11]);
    expect(Buffer.from(attacker.received.at(-1) as Uint8Array).toString('latin1')).not.toContain('secret');
    expect(loggedIn(attacker)).toEqual([]);
  });

  it('that close the connection and then say yes are not followed', () => {
    const attacker = server({
      none: () => {
        attacker.victim.engine.close();
        return 'successful';
      },
    });
    attacker.send(authRequest('none'));
    expect(loggedIn(attacker)).toEqual([]);
    expect(attacker.receivedOf(UserauthSuccess.number)).toHaveLength(0);
    expectDead(attacker.victim);
  });

  it('that answer after the end are not heard', () => {
    const attacker = new Attacker({ victim: 'server', victimOptions: { manualTasks: true } });
    attacker.reach('kex').sendInit();
    attacker.victim.engine.end(0);
    for (const task of attacker.victim.tasks.splice(0)) task.resolve(new Uint8Array(83));
    expectDead(attacker.victim);
  });

  it('may ask for a new password', () => {
    const attacker = server({ password: (_user, _password, fresh) => (fresh === null ? { change: 'expired' } : 'successful') });
    attacker.send(authRequest('password', password('old')));
    expect(UserauthPasswdChangereq.decode(attacker.received.at(-1) as Uint8Array).prompt).toBe('expired');
    attacker.send(authRequest('password', new Writer().bool(true).string('old').string('new').finish()));
    expect(loggedIn(attacker)).toMatchObject([{ method: 'password' }]);
  });
});

describe('malformed requests', () => {
  it.each([
    ["'none' with data", authRequest('none', Uint8Array.of(1))],
    ['a password without text', authRequest('password', Uint8Array.of(0))],
    ['a password with more behind it', authRequest('password', new Writer().bool(false).string('x').u8(0).finish())],
    ['a change without a new password', authRequest('password', new Writer().bool(true).string('x').finish())],
    ['a key without blob', authRequest('publickey', new Writer().bool(false).string('ssh-ed25519').finish())],
    [
      'a signature that is not there',
      authRequest('publickey', new Writer().bool(true).string('ssh-ed25519').string('x').finish()),
    ],
    ['no dialogue', authRequest('keyboard-interactive', new Uint8Array(3))],
    [
      'a user that is not UTF-8',
      new Writer().u8(50).string(Uint8Array.of(0xff)).string('ssh-connection').string('none').finish(),
    ],
  ])('end the connection: %s', (_name, payload) => {
    const hook = vi.fn(() => 'successful' as const);
    const attacker = server({ none: hook, password: hook, publickey: hook, interactive: hook });
    attacker.send(payload);
    expectViolation(attacker, 'malformed-message');
    expect(hook).not.toHaveBeenCalled();
  });
});
