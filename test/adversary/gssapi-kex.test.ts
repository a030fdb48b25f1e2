// The flows of the GSS-API key exchange by hand: each message at the wrong time, a MIC that is wrong, a host key that was swapped, a
// context that proves nothing. The mechanism is a fake.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type GssStep, KERBEROS_OID } from '../../src/crypto/gss.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { GssError, ProtocolError } from '../../src/errors.ts';
import type { Effect, Flow } from '../../src/flow/flow.ts';
import { builtInGroups } from '../../src/kex/dh-group.ts';
import { hashOf } from '../../src/kex/exchange.ts';
import { clientGssExchange, type GssExchangeContext, serverGssExchange } from '../../src/kex/gss.ts';
import { type GssKexMethod, gssKexMethod, gssKexMethods } from '../../src/kex/gss-methods.ts';
import type { KexScheme } from '../../src/kex/method.ts';
import { negotiate } from '../../src/kex/negotiate.ts';
import {
  KexGssContinue,
  KexGssCurveComplete,
  KexGssCurveInit,
  KexGssError,
  KexGssGroupInit,
  KexGssHostKey,
} from '../../src/wire/messages/gss.ts';
import type { KexInit } from '../../src/wire/messages/transport.ts';
import { bytes, FakeGss } from '../support/fake-gss.ts';
import { testKey } from '../support/seeded-crypto.ts';

const CURVE = gssKexMethod('gss-curve25519-sha256-toWM5Slw5Ew8Mqkay+al2g==') as GssKexMethod;
const transcript = {
  clientVersion: bytes('SSH-2.0-c'),
  serverVersion: bytes('SSH-2.0-s'),
  clientKexInit: bytes('client'),
  serverKexInit: bytes('server'),
};

/** Runs one side; messages wait in `sent`. */
class Side<T> {
  readonly sent: Uint8Array[] = [];
  result: T | null = null;
  error: unknown = null;
  readonly #flow: Flow<T>;
  #expected: Extract<Effect, { op: 'expect' }>['messages'] = [];

  constructor(start: (context: Omit<GssExchangeContext, 'method' | 'hostKeyAlgorithm'>) => Flow<T>) {
    const send = (payload: Uint8Array) => void this.sent.push(payload);
    this.#flow = start({ crypto: nodeCrypto, transcript, strengthBits: 112, groups: builtInGroups(), send });
    this.#run(() => this.#flow.next());
  }

  get over(): boolean {
    return this.result !== null || this.error !== null;
  }

  take(): Uint8Array {
    const payload = this.sent.shift();
    if (payload === undefined) throw this.error ?? new Error('nothing was sent');
    return payload;
  }

  receive(payload: Uint8Array): this {
    if (!this.#expected.some((message) => message.number === payload[0]))
      throw new Error(`message ${payload[0]} is not expected`);
    this.#run(() => this.#flow.next(payload));
    return this;
  }

  #run(advance: () => IteratorResult<Effect, T>): void {
    try {
      for (let step = advance(); ; ) {
        if (step.done) {
          this.result = step.value;
          return;
        }
        const effect = step.value;
        if (effect.op === 'expect') {
          this.#expected = effect.messages;
          return;
        }
        if (effect.op !== 'call') throw new Error('a key exchange does not sleep');
        let value: unknown;
        try {
          value = effect.run();
        } catch (error) {
          step = this.#flow.throw(error);
          continue;
        }
        step = this.#flow.next(value);
      }
    } catch (error) {
      this.error = error;
    }
  }
}

function client(fake: FakeGss, method: GssKexMethod = CURVE, hostKeyAlgorithm = 'ssh-ed25519') {
  const config = { provider: fake, target: 'host@server', delegate: false };
  return new Side((context) => clientGssExchange({ ...context, method, hostKeyAlgorithm }, config));
}

function server(fake: FakeGss, method: GssKexMethod = CURVE) {
  const hostKeyAlgorithm = 'ssh-ed25519';
  return new Side((context) =>
    serverGssExchange({ ...context, method, hostKeyAlgorithm }, { provider: fake, delegation: false }),
  );
}

function join<A, B>(one: Side<A>, other: Side<B>): void {
  for (let moved = true; moved; ) {
    moved = false;
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      while (from.sent.length > 0 && !to.over) {
        to.receive(from.take());
        moved = true;
      }
    }
  }
}

describe('the exchange', () => {
  it.each(gssKexMethods.map(({ name }) => name))('%s: both sides have the same', (name) => {
    const fake = new FakeGss({ rounds: 2 });
    const method = gssKexMethod(name) as GssKexMethod;
    const [c, s] = [client(fake, method), server(fake, method)];
    join(c, s);
    if (c.error ?? s.error) throw c.error ?? s.error;
    expect(c.result?.exchangeHash).toEqual(s.result?.exchangeHash);
    expect(c.result?.encodedSecret).toEqual(s.result?.encodedSecret);
    expect([c.result?.hostKey, s.result?.hostKey]).toEqual([null, null]);
    // gssapi-keyex needs both contexts still.
    expect(fake.open).toBe(2);
    expect(fake.asked[0]).toEqual({ target: 'host@server', delegate: false, mutual: true, integrity: true });
  });

  it('takes a host key that the MIC covers', () => {
    const { c, hostKey, complete } = honest();
    c.receive(hostKey).receive(complete);
    expect(c.error).toBeNull();
    expect(c.result?.hostKey?.equals(testKey(0).publicKey)).toBe(true);
  });

  it('has the mechanism in its name: the MD5 of its OID', () => {
    const suffix = createHash('md5').update(KERBEROS_OID).digest('base64');
    expect(gssKexMethods.filter(({ name }) => !name.endsWith(`-${suffix}`))).toEqual([]);
  });
});

/** A client that has sent its first token, and what a server would answer that names its host key, as asyncssh's does. */
function honest(hostKeyAlgorithm = 'ssh-ed25519') {
  const fake = new FakeGss();
  const c = client(fake, CURVE, hostKeyAlgorithm);
  const { token, clientValue } = KexGssCurveInit.decode(c.take());
  const acceptor = new FakeGss().acceptContext();
  const step = acceptor.step(token) as GssStep;
  const { value, encodedSecret } = (CURVE.scheme as KexScheme).respond(nodeCrypto, clientValue);
  const { blob } = testKey(0).publicKey;
  const hash = hashOf({ crypto: nodeCrypto, method: CURVE, transcript }, blob, clientValue, value, encodedSecret);
  const values = { serverValue: value, mic: acceptor.getMic(hash) as Uint8Array, token: step.token };
  return { fake, c, hostKey: KexGssHostKey.encode({ hostKey: blob }), complete: KexGssCurveComplete.encode(values), values };
}

function violates(side: Side<unknown>, violation: string): void {
  expect(side.result).toBeNull();
  expect(side.error).toBeInstanceOf(ProtocolError);
  expect(side.error).toMatchObject({ violation, disconnectReason: 3 });
}

describe('a client', () => {
  it('refuses a wrong MIC', () => {
    const { c, fake, hostKey, values } = honest();
    c.receive(hostKey).receive(KexGssCurveComplete.encode({ ...values, mic: new Uint8Array(32) }));
    violates(c, 'bad-host-key-signature');
    expect(fake.open).toBe(0);
  });

  it('refuses another host key than the one the MIC covers, and one that was left out', () => {
    const swapped = honest();
    swapped.c.receive(KexGssHostKey.encode({ hostKey: testKey(1).publicKey.blob })).receive(swapped.complete);
    violates(swapped.c, 'bad-host-key-signature');
    const dropped = honest();
    dropped.c.receive(dropped.complete);
    violates(dropped.c, 'bad-host-key-signature');
  });

  it('refuses another public value of the server', () => {
    const { c, hostKey, values } = honest();
    const serverValue = nodeCrypto.agreement('x25519').publicKey;
    c.receive(hostKey).receive(KexGssCurveComplete.encode({ ...values, serverValue }));
    violates(c, 'bad-host-key-signature');
  });

  it('refuses a public value that is none', () => {
    const { c, hostKey, values } = honest();
    c.receive(hostKey).receive(KexGssCurveComplete.encode({ ...values, serverValue: new Uint8Array(32) }));
    violates(c, 'bad-kex-value');
  });

  it('refuses two host keys, and any with the null algorithm', () => {
    const twice = honest();
    twice.c.receive(twice.hostKey).receive(twice.hostKey);
    violates(twice.c, 'kex-out-of-order');
    const none = honest('null');
    none.c.receive(KexGssHostKey.encode({ hostKey: testKey(0).publicKey.blob }));
    violates(none.c, 'kex-out-of-order');
  });

  it('refuses an end before the context is established', () => {
    const { c, fake, values } = honest();
    c.receive(KexGssCurveComplete.encode({ ...values, token: null }));
    violates(c, 'kex-out-of-order');
    expect(fake.open).toBe(0);
  });

  it('refuses to go on with an established context', () => {
    const one = honest();
    one.c
      .receive(KexGssContinue.encode({ token: bytes('accept:1') }))
      .receive(KexGssContinue.encode({ token: bytes('accept:2') }));
    violates(one.c, 'kex-out-of-order');
    const other = honest();
    other.c.receive(KexGssContinue.encode({ token: bytes('accept:1') })).receive(other.complete);
    violates(other.c, 'kex-out-of-order');
  });

  it('refuses an end that leaves a token of ours over', () => {
    const c = client(new FakeGss({ rounds: 2 }));
    c.receive(KexGssCurveComplete.encode({ serverValue: new Uint8Array(32), mic: new Uint8Array(0), token: bytes('accept:1') }));
    violates(c, 'kex-out-of-order');
  });

  it.each([{ mutual: false }, { integrity: false }])('refuses a context with %j', (options) => {
    const fake = new FakeGss(options);
    const c = client(fake);
    const s = server(new FakeGss());
    s.receive(c.take());
    for (const payload of s.sent) c.receive(payload);
    expect(c.result).toBeNull();
    expect(c.error).toBeInstanceOf(GssError);
    expect(fake.open).toBe(0);
  });

  it('goes no more than 16 rounds', () => {
    const fake = new FakeGss({ rounds: 1_000 });
    const c = client(fake);
    for (let i = 1; i <= 16; i++) c.receive(KexGssContinue.encode({ token: bytes(`accept:${i}`) }));
    violates(c, 'kex-out-of-order');
    expect(fake.open).toBe(0);
  });

  it("ends with the server's error", () => {
    const { c, fake } = honest();
    c.receive(KexGssError.encode({ major: 0x000d_0000, minor: 5, text: 'no \x07key', language: '' }));
    expect(c.error).toMatchObject({ code: 'ERR_SSH_GSSAPI', major: 0x000d_0000, minor: 5 });
    expect((c.error as Error).message).toContain('no \\x07key');
    expect(fake.open).toBe(0);
  });

  it('ends where it has no ticket, with nothing sent', () => {
    const fake = new FakeGss({ noTicket: true });
    const c = client(fake);
    expect(c.error).toBeInstanceOf(GssError);
    expect(c.sent).toEqual([]);
    expect(fake.open).toBe(0);
  });
});

describe('a server', () => {
  const init = (token = 'init:1:alice@REALM') =>
    KexGssCurveInit.encode({ token: bytes(token), clientValue: nodeCrypto.agreement('x25519').publicKey });

  it('tells the client why it fails: the error token, then the codes', () => {
    const fake = new FakeGss({ acceptError: bytes('KRB_ERROR') });
    const s = server(fake).receive(init());
    expect(s.error).toBeInstanceOf(GssError);
    expect(KexGssContinue.decode(s.take()).token).toEqual(bytes('KRB_ERROR'));
    expect(KexGssError.decode(s.take())).toMatchObject({ major: 0x000d_0000, minor: 9 });
    expect(s.sent).toEqual([]);
    expect(fake.open).toBe(0);
  });

  it.each([{ mutual: false }, { integrity: false }, { stuck: true }, { acceptError: true as const }])('refuses %j', (options) => {
    const fake = new FakeGss(options);
    const s = server(fake).receive(init());
    expect(s.result).toBeNull();
    expect(s.error).toBeInstanceOf(GssError);
    expect(s.sent.at(-1)?.[0]).toBe(KexGssError.number);
    expect(fake.open).toBe(0);
  });

  it('goes no more than 16 rounds', () => {
    const fake = new FakeGss({ rounds: 1_000 });
    const s = server(fake).receive(init());
    for (let i = 2; i <= 16; i++) s.receive(KexGssContinue.encode({ token: bytes(`init:${i}:alice@REALM`) }));
    violates(s, 'kex-out-of-order');
    expect(fake.open).toBe(0);
  });

  it('refuses public values that are none', () => {
    const curve = server(new FakeGss()).receive(
      KexGssCurveInit.encode({ token: bytes('init:1:a'), clientValue: new Uint8Array(32) }),
    );
    violates(curve, 'bad-kex-value');
    const group = server(new FakeGss(), gssKexMethod('gss-group14-sha256-toWM5Slw5Ew8Mqkay+al2g==') as GssKexMethod);
    group.receive(KexGssGroupInit.encode({ token: bytes('init:1:a'), clientValue: Uint8Array.of(1) }));
    violates(group, 'bad-kex-value');
  });
});

describe('the null host key algorithm', () => {
  const init = (kex: string, keys: readonly string[]): KexInit => ({
    cookie: new Uint8Array(16),
    kex: [kex],
    serverHostKey: keys,
    cipherClientToServer: ['aes128-gcm@openssh.com'],
    cipherServerToClient: ['aes128-gcm@openssh.com'],
    macClientToServer: [],
    macServerToClient: [],
    compressionClientToServer: ['none'],
    compressionServerToClient: ['none'],
    languagesClientToServer: [],
    languagesServerToClient: [],
    firstKexPacketFollows: false,
    reserved: 0,
  });

  it('is agreed on with GSS-API alone', () => {
    const gss = init(CURVE.name, ['ssh-ed25519', 'null']);
    expect(negotiate(gss, init(CURVE.name, ['null']), 'client').hostKey).toBe('null');
    const other = init('curve25519-sha256', ['ssh-ed25519', 'null']);
    expect(() => negotiate(other, init('curve25519-sha256', ['null']), 'client')).toThrow('server host key');
    expect(() => negotiate(other, init('curve25519-sha256', ['null']), 'server')).toThrow('server host key');
  });
});
