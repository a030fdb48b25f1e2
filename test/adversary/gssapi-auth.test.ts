// gssapi-with-mic and gssapi-keyex against peers that do it wrong: no proof, half a proof, somebody else's proof, lists longer than
// their bytes (Go CVE-2025-58181), tokens without end. The mechanism is a fake; what counts is what the flows make of it.
import { describe, expect, it, vi } from 'vitest';
import { type ClientAuthMethod, noneMethod } from '../../src/auth/client.ts';
import type { ServerGssHooks } from '../../src/auth/gssapi.ts';
import { GSSAPI_KEYEX, GSSAPI_WITH_MIC, gssKeyexMethod, gssSigned, gssWithMicMethod } from '../../src/auth/gssapi.ts';
import type { AuthOutcome } from '../../src/auth/outcome.ts';
import { KERBEROS_OID } from '../../src/crypto/gss.ts';
import { AuthenticationError, GssError, type SSHError } from '../../src/errors.ts';
import { UserauthFailure } from '../../src/wire/messages/auth.ts';
import {
  UserauthGssError,
  UserauthGssErrtok,
  UserauthGssExchangeComplete,
  UserauthGssMic,
  UserauthGssResponse,
  UserauthGssToken,
} from '../../src/wire/messages/gss.ts';
import { ServiceAccept } from '../../src/wire/messages/transport.ts';
import { Writer } from '../../src/wire/writer.ts';
import { Attacker, authRequest } from '../support/attacker.ts';
import { bytes, FakeGss, type FakeGssOptions } from '../support/fake-gss.ts';

const FAILURE = 51;
const SUCCESS = 52;
const oids = (...list: Uint8Array[]) => list.reduce((writer, oid) => writer.string(oid), new Writer().u32(list.length)).finish();
const token = (text: string) => UserauthGssToken.encode({ token: bytes(text) });

function server(options: FakeGssOptions = {}, hooks: Partial<ServerGssHooks> = {}) {
  const fake = new FakeGss(options);
  const withMic = vi.fn<ServerGssHooks['withMic']>(() => 'successful');
  const keyex = vi.fn<ServerGssHooks['keyex']>(() => 'successful');
  const failed = vi.fn<ServerGssHooks['failed']>();
  const gss = { provider: fake, delegation: false, withMic, keyex, failed, ...hooks };
  const attacker = new Attacker({ victim: 'server', victimOptions: { auth: { gss, none: () => 'failed' } } }).reach('auth');
  attacker.received.length = 0;
  const mic = (user = 'me', method = GSSAPI_WITH_MIC, session = attacker.sessionId as Uint8Array) =>
    new FakeGss()
      .initContext({ target: '', delegate: false, mutual: true, integrity: true })
      .getMic(gssSigned(session, user, method));
  const says = () => attacker.received.splice(0).map((payload) => payload[0]);
  /** The request, answered with the mechanism. */
  const begin = () => attacker.send(authRequest(GSSAPI_WITH_MIC, oids(KERBEROS_OID)));
  const sendMic = async (value: ReturnType<typeof mic>) =>
    attacker.send(UserauthGssMic.encode({ mic: (await value) as Uint8Array }));
  return { attacker, fake, withMic, keyex, failed, mic, says, begin, sendMic };
}

describe('a server', () => {
  it('lets in whom the hook lets in, once the MIC has been verified', async () => {
    const { attacker, fake, withMic, mic, says, begin, sendMic } = server();
    begin();
    expect(Uint8Array.from(UserauthGssResponse.decode(attacker.received[0] as Uint8Array).oid)).toEqual(KERBEROS_OID);
    expect(says()).toEqual([60]);
    attacker.send(token('init:1:alice@REALM'));
    expect(says()).toEqual([61]);
    expect(withMic).not.toHaveBeenCalled();
    await sendMic(mic());
    expect(says()).toEqual([SUCCESS]);
    expect(withMic.mock.calls).toEqual([['me', { principal: 'alice@REALM', delegated: null }]]);
    expect(attacker.victim.eventsOf('authenticated')[0]?.who).toMatchObject({ user: 'me', method: GSSAPI_WITH_MIC });
    expect(fake.open).toBe(0);
  });

  it.each([['failed'], [undefined], [true], [{}]])('fails whom the hook answers with %j', async (answer) => {
    const { attacker, mic, says, begin, sendMic, fake } = server({}, { withMic: () => answer as 'failed' });
    begin().send(token('init:1:alice@REALM'));
    says();
    await sendMic(mic());
    expect(says()).toEqual([FAILURE]);
    expect(attacker.victim.error).toBeNull();
    expect(fake.open).toBe(0);
  });

  it.each([
    ['another user', (m: ReturnType<typeof server>['mic']) => m('root')],
    ['another method', (m: ReturnType<typeof server>['mic']) => m('me', GSSAPI_KEYEX)],
    ['another session', (m: ReturnType<typeof server>['mic']) => m('me', GSSAPI_WITH_MIC, new Uint8Array(32))],
    ['nothing', () => new Uint8Array(32)],
  ])('fails a MIC over %s, and asks no hook', async (_name, make) => {
    const { mic, says, begin, sendMic, withMic, fake } = server();
    begin().send(token('init:1:alice@REALM'));
    says();
    await sendMic(make(mic));
    expect(says()).toEqual([FAILURE]);
    expect(withMic).not.toHaveBeenCalled();
    expect(fake.open).toBe(0);
  });

  it.each([0, 1])('fails a right MIC after %i of 2 tokens: a context that is not established proves nothing', async (tokens) => {
    const { attacker, mic, says, begin, sendMic, withMic, fake } = server({ rounds: 2, early: true });
    begin();
    for (let i = 1; i <= tokens; i++) attacker.send(token(`init:${i}:alice@REALM`));
    says();
    await sendMic(mic());
    expect(says()).toEqual([FAILURE]);
    expect(withMic).not.toHaveBeenCalled();
    expect(fake.open).toBe(0);
  });

  it('fails a context without integrity', async () => {
    const { mic, says, begin, sendMic, withMic } = server({ integrity: false });
    begin().send(token('init:1:alice@REALM'));
    says();
    await sendMic(mic());
    expect(says()).toEqual([FAILURE]);
    expect(withMic).not.toHaveBeenCalled();
  });

  it('does not ask that the client wanted the server proven', async () => {
    const { mic, says, begin, sendMic } = server({ mutual: false });
    begin().send(token('init:1:alice@REALM'));
    says();
    await sendMic(mic());
    expect(says()).toEqual([SUCCESS]);
  });

  it('fails an end without MIC, and a token too many', () => {
    for (const last of [UserauthGssExchangeComplete.encode({}), token('init:1:alice@REALM')]) {
      const { says, begin, withMic, fake } = server();
      begin().send(token('init:1:alice@REALM')).send(last);
      expect(says()).toEqual([60, 61, FAILURE]);
      expect(withMic).not.toHaveBeenCalled();
      expect(fake.open).toBe(0);
    }
  });

  it.each([
    ['2^32 - 1 mechanisms', new Writer().u32(0xffff_ffff).string(KERBEROS_OID).finish()],
    ['17 mechanisms', oids(...Array<Uint8Array>(17).fill(KERBEROS_OID))],
    ['more mechanisms than bytes', new Writer().u32(2).string(KERBEROS_OID).finish()],
    ['bytes after the mechanisms', new Writer().u32(1).string(KERBEROS_OID).u8(0).finish()],
    ['a mechanism longer than the message', new Writer().u32(1).u32(0xffff_fff0).finish()],
    ['no mechanism', oids()],
    ['no list', new Uint8Array(0)],
    ['another mechanism', oids(Uint8Array.of(6, 6, 0x2b, 6, 1, 5, 5, 2))],
    ['Kerberos without its tag', oids(KERBEROS_OID.subarray(2))],
  ])('fails %s without making a context', (_name, data) => {
    const { attacker, says, fake } = server();
    attacker.send(authRequest(GSSAPI_WITH_MIC, data));
    expect(says()).toEqual([FAILURE]);
    expect(fake.asked).toEqual([]);
    expect(attacker.victim.error).toBeNull();
  });

  it('finds Kerberos among 16', () => {
    const { attacker, says } = server();
    const other = Uint8Array.of(6, 1, 0x2a);
    attacker.send(authRequest(GSSAPI_WITH_MIC, oids(...Array<Uint8Array>(15).fill(other), KERBEROS_OID)));
    expect(says()).toEqual([60]);
  });

  it('passes on an error token, then fails, and goes on with other methods', () => {
    const { attacker, says, begin, failed, fake } = server({ acceptError: bytes('KRB_AP_ERR') });
    begin().send(token('init:1:alice@REALM'));
    expect(Uint8Array.from(UserauthGssErrtok.decode(attacker.received[1] as Uint8Array).token)).toEqual(bytes('KRB_AP_ERR'));
    expect(says()).toEqual([60, 65, FAILURE]);
    expect(failed.mock.calls[0]?.[0]).toBeInstanceOf(GssError);
    expect(fake.open).toBe(0);
    attacker.send(authRequest('password', new Writer().bool(false).string('secret').finish()));
    expect(says()).toEqual([SUCCESS]);
  });

  it('fails where it has no keys, before it has agreed to the mechanism', () => {
    const provider = {
      ...new FakeGss(),
      acceptContext: () => {
        throw new GssError('no keytab');
      },
    } as unknown as FakeGss;
    const { says, begin, failed } = server({}, { provider });
    begin();
    expect(says()).toEqual([FAILURE]);
    expect(failed).toHaveBeenCalledOnce();
  });

  it('fails where the mechanism neither is done nor has a token: both would wait for ever', () => {
    const { says, begin, fake } = server({ stuck: true });
    begin().send(token('init:1:alice@REALM'));
    expect(says()).toEqual([60, FAILURE]);
    expect(fake.open).toBe(0);
  });

  it("does not answer a client's error token (RFC 4462 section 3.9), and takes the next request", async () => {
    const { attacker, mic, says, begin, sendMic, fake } = server();
    begin().send(UserauthGssErrtok.encode({ token: bytes('sorry') }));
    expect(says()).toEqual([60]);
    expect(fake.open).toBe(0);
    begin().send(token('init:1:alice@REALM'));
    await sendMic(mic());
    expect(says()).toEqual([60, 61, SUCCESS]);
    expect(attacker.victim.error).toBeNull();
  });

  it('forgets a context for another request in between', () => {
    const { attacker, says, begin, fake } = server();
    begin().send(token('init:1:alice@REALM'));
    attacker.send(authRequest('none'));
    expect(says()).toEqual([60, 61, FAILURE]);
    expect(fake.open).toBe(0);
    // The MIC that comes now belongs to nothing.
    attacker.send(UserauthGssMic.encode({ mic: new Uint8Array(32) }));
    expect(attacker.victim.error).toMatchObject({ violation: 'auth-out-of-order' });
  });

  it('takes no more than 16 tokens', () => {
    const { attacker, says, begin, fake } = server({ rounds: 1_000 });
    begin();
    for (let i = 1; i <= 16; i++) attacker.send(token(`init:${i}:alice@REALM`));
    expect(says()).toEqual([60, ...Array<number>(16).fill(61), FAILURE]);
    expect(fake.open).toBe(0);
  });

  it('fails gssapi-keyex where the key exchange was another, whatever the MIC', async () => {
    const { attacker, mic, says, keyex } = server();
    const data = new Writer().string((await mic('me', GSSAPI_KEYEX)) as Uint8Array).finish();
    attacker.send(authRequest(GSSAPI_KEYEX, data));
    attacker.send(authRequest(GSSAPI_KEYEX, new Uint8Array(0)));
    expect(says()).toEqual([FAILURE, FAILURE]);
    expect(keyex).not.toHaveBeenCalled();
  });

  it('without GSS-API fails both methods (Go CVE-2020-29652)', () => {
    const attacker = new Attacker({ victim: 'server' }).reach('auth');
    attacker.received.length = 0;
    attacker
      .send(authRequest(GSSAPI_WITH_MIC, oids(KERBEROS_OID)))
      .send(authRequest(GSSAPI_KEYEX, new Writer().string('x').finish()));
    expect(attacker.received.map((payload) => payload[0])).toEqual([FAILURE, FAILURE]);
    expect(attacker.victim.error).toBeNull();
  });
});

function client(options: FakeGssOptions = {}, make?: (fake: FakeGss) => ClientAuthMethod) {
  const fake = new FakeGss(options);
  const attacker = new Attacker({ victim: 'client' }).reach('service');
  const outcomes: (AuthOutcome | SSHError)[] = [];
  const method = make?.(fake) ?? gssWithMicMethod('me', fake, 'host@server', false);
  attacker.victim.engine.authenticate(method, (outcome) => void outcomes.push(outcome));
  attacker.pull().send(ServiceAccept.encode({ service: 'ssh-userauth' }));
  const said = () =>
    attacker.received
      .splice(0)
      .map((payload) => payload[0])
      .filter((number) => number !== 2);
  const choose = (oid = KERBEROS_OID) => attacker.send(UserauthGssResponse.encode({ oid }));
  /** The connection is as good as new: another method can be tried. */
  const goesOn = () => {
    said();
    attacker.victim.engine.authenticate(noneMethod('me'), () => {});
    attacker.pull();
    expect(said()).toEqual([50]);
    expect(attacker.victim.error).toBeNull();
    expect(fake.open).toBe(0);
  };
  return { attacker, fake, outcomes, said, choose, goesOn };
}

const failure = UserauthFailure.encode({ methods: ['password'], partialSuccess: false });

describe('a client', () => {
  it('proves itself with a MIC over the session', () => {
    const { attacker, fake, outcomes, choose, said } = client();
    expect(said().slice(-1)).toEqual([50]);
    choose();
    expect(said()).toEqual([61]);
    attacker.send(token('accept:1'));
    const { mic } = UserauthGssMic.decode(attacker.received.find((payload) => payload[0] === 66) as Uint8Array);
    const signed = gssSigned(attacker.sessionId as Uint8Array, 'me', GSSAPI_WITH_MIC);
    expect(fake.initiators[0]?.verifyMic(signed, mic)).toBe(true);
    attacker.send(Uint8Array.of(SUCCESS));
    expect(outcomes).toEqual([{ result: 'success' }]);
    expect(fake.asked).toEqual([{ target: 'host@server', delegate: false, mutual: true, integrity: true }]);
    expect(fake.open).toBe(0);
  });

  it('without a ticket says nothing to the server', () => {
    const { outcomes, said, goesOn } = client({ noTicket: true });
    expect(said()).not.toContain(50);
    expect(outcomes).toMatchObject([{ code: 'ERR_SSH_GSSAPI', major: 0x000d_0000, minor: 7 }]);
    goesOn();
  });

  it('takes no mechanism that it has not offered', () => {
    const { outcomes, choose, goesOn } = client();
    choose(Uint8Array.of(6, 6, 0x2b, 6, 1, 5, 5, 2));
    expect(outcomes[0]).toBeInstanceOf(AuthenticationError);
    goesOn();
  });

  it('makes no MIC for a server that is not proven', () => {
    for (const options of [{ mutual: false }, { integrity: false }]) {
      const { attacker, outcomes, choose, said, goesOn } = client(options);
      choose();
      attacker.send(token('accept:1'));
      expect(said()).not.toContain(66);
      expect(outcomes[0]).toBeInstanceOf(GssError);
      goesOn();
    }
  });

  it("tells the server's error, which comes before the failure", () => {
    const { attacker, outcomes, choose, goesOn } = client();
    choose();
    attacker.send(UserauthGssError.encode({ major: 0x000d_0000, minor: 3, text: 'no key for\x1b[2J you', language: '' }));
    expect(outcomes).toEqual([]);
    attacker.send(failure);
    expect(outcomes).toMatchObject([{ result: 'failure', methods: ['password'], cause: { code: 'ERR_SSH_GSSAPI', minor: 3 } }]);
    expect((outcomes[0] as { cause: Error }).cause.message).toContain('no key for\\x1b[2J you');
    goesOn();
  });

  it("tells what the mechanism makes of the server's error token", () => {
    const { attacker, outcomes, choose, goesOn } = client();
    choose();
    attacker.send(UserauthGssErrtok.encode({ token: bytes('KRB_AP_ERR_SKEW') })).send(failure);
    expect((outcomes[0] as { cause: Error }).cause.message).toContain('KRB_AP_ERR_SKEW');
    goesOn();
  });

  it('gives up on a token that is none', () => {
    const { attacker, outcomes, choose, goesOn } = client();
    choose();
    attacker.send(token('garbage'));
    expect(outcomes[0]).toBeInstanceOf(GssError);
    goesOn();
  });

  it('gives up on a server that sends tokens without end', () => {
    const { attacker, outcomes, choose, goesOn } = client({ rounds: 1_000 });
    choose();
    for (let i = 1; i <= 16; i++) attacker.send(token(`accept:${i}`));
    expect(outcomes[0]).toBeInstanceOf(AuthenticationError);
    goesOn();
  });

  it('goes through several rounds', () => {
    const { attacker, choose, said } = client({ rounds: 3 });
    said();
    choose();
    for (let i = 1; i <= 3; i++) attacker.send(token(`accept:${i}`));
    expect(said()).toEqual([61, 61, 61, 66]);
  });

  it('does not try gssapi-keyex after another key exchange', () => {
    const { outcomes, said, goesOn } = client({}, () => gssKeyexMethod('me'));
    expect(said()).not.toContain(50);
    expect(outcomes[0]).toBeInstanceOf(GssError);
    goesOn();
  });
});
