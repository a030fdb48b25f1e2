// Transport with GSS-API over a fake mechanism: what is offered, who is asked about the host key, what is left behind. The real
// mechanism is in test/interop/gssapi.test.ts.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { AuthenticationError, GssError, HostKeyError, NegotiationError, UsageError } from '../../src/errors.ts';
import {
  type Channel,
  type ConnectOptions,
  type GssIdentity,
  ServerInterface,
  Transport,
  type TransportOptions,
} from '../../src/index.ts';
import { FakeGss } from '../support/fake-gss.ts';
import { testKey } from '../support/seeded-crypto.ts';

const CURVE = 'gss-curve25519-sha256-toWM5Slw5Ew8Mqkay+al2g==';
const hostKey = testKey(0);
const refuse = () => false;

class Realm extends ServerInterface {
  readonly seen: string[] = [];
  enabled = true;

  override getAllowedAuths() {
    return ['gssapi-keyex', 'gssapi-with-mic', 'password'];
  }

  override enableAuthGssapi() {
    return this.enabled;
  }

  override checkAuthGssapiKeyex(username: string, { principal }: GssIdentity) {
    this.seen.push(`keyex ${principal}`);
    return principal === `${username}@REALM` ? ('successful' as const) : ('failed' as const);
  }

  override checkAuthGssapiWithMic(username: string, { principal }: GssIdentity) {
    this.seen.push(`with-mic ${principal}`);
    return principal === `${username}@REALM` ? ('successful' as const) : ('failed' as const);
  }

  override checkAuthPassword(_username: string, password: string) {
    return password === 'secret' ? ('successful' as const) : ('failed' as const);
  }

  override checkChannelRequest(_kind: string) {
    return true;
  }

  override checkChannelExecRequest(channel: Channel) {
    void channel.write('ran').then(() => channel.close());
    return true;
  }
}

interface Pair extends AsyncDisposable {
  readonly client: Transport;
  readonly realm: Realm;
  readonly gss: { readonly client: FakeGss; readonly server: FakeGss };
}

async function pair(
  clientOptions: TransportOptions,
  serverOptions: TransportOptions & { noHostKey?: boolean; disabled?: boolean } = {},
  gss = { client: new FakeGss(), server: new FakeGss() },
): Promise<Pair> {
  const { noHostKey = false, disabled = false, ...rest } = serverOptions;
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = new Transport(['127.0.0.1', (listener.address() as { port: number }).port], {
    gssProvider: gss.client,
    ...clientOptions,
  });
  const realm = new Realm();
  realm.enabled = !disabled;
  const accepted = once(listener, 'connection');
  let server: Transport | undefined;
  void accepted.then(([socket]) => {
    server = new Transport(socket, { gssProvider: gss.server, ...rest });
    if (!noHostKey) server.addServerKey(hostKey);
    // How it ends is the client's to tell.
    server.startServer(realm).catch(() => undefined);
  });
  return {
    client,
    realm,
    gss,
    async [Symbol.asyncDispose]() {
      listener.close();
      await client.close();
      await server?.close();
      // Whatever happened, no context is left.
      expect([gss.client.open, gss.server.open]).toEqual([0, 0]);
    },
  };
}

const login = { hostKey: refuse, username: 'alice', gssHost: 'server', gssTrustDns: false } as const satisfies ConnectOptions;

async function ran(transport: Transport): Promise<string> {
  const channel = await transport.openSession();
  await channel.execCommand('x');
  return Buffer.from(await channel.stdout.readAll()).toString();
}

test('a key exchange by GSS-API, a login by it, and rekeys', async () => {
  await using both = await pair({ gssDelegCreds: true }, { gssKex: true, gssDelegCreds: true });
  const { client, realm, gss } = both;
  await client.connect({ ...login, gssKex: true });
  expect(client.negotiated).toMatchObject({ kex: CURVE, hostKey: 'ssh-ed25519', postQuantum: false });
  expect(() => client.getRemoteServerKey()).toThrow('no existing session');
  expect(client.getUsername()).toBe('alice');
  expect(realm.seen).toEqual(['keyex alice@REALM']);
  expect(await ran(client)).toBe('ran');
  // The contexts of the first exchange are forgotten with the login.
  expect([gss.client.open, gss.server.open]).toEqual([0, 0]);
  expect((await client.renegotiateKeys()).kex).toBe(CURVE);
  expect(await ran(client)).toBe('ran');
  // Credentials go along once.
  const delegate = { target: 'host@server', mutual: true, integrity: true };
  expect(gss.client.asked).toEqual([true, false].map((flag) => ({ ...delegate, delegate: flag })));
  expect(gss.server.asked).toEqual([true, false].map((delegation) => ({ delegation })));
});

test('credentials do not go along unless asked', async () => {
  await using both = await pair({}, { gssKex: true });
  await both.client.connect({ ...login, gssKex: true });
  expect(both.gss.client.asked).toMatchObject([{ delegate: false }]);
  expect(both.gss.server.asked).toMatchObject([{ delegation: false }]);
});

test('a server without a host key is one by GSS-API alone', async () => {
  await using both = await pair({}, { gssKex: true, noHostKey: true });
  await both.client.connect({ ...login, gssKex: true });
  expect(both.client.negotiated?.hostKey).toBe('null');
  expect((await both.client.renegotiateKeys()).hostKey).toBe('null');
  await using other = await pair({}, { gssKex: true, noHostKey: true });
  await expect(other.client.connect({ ...login, hostKey: 'ignore' })).rejects.toThrow(NegotiationError);
});

test('a server without either does not start', async () => {
  const transport = new Transport(connectNowhere());
  await expect(transport.startServer(new Realm())).rejects.toThrow(UsageError);
  transport.destroy();
});

test('the host key is checked where the key exchange was another, however much GSS-API was wanted', async () => {
  await using refused = await pair({}, {});
  await expect(refused.client.connect({ ...login, gssKex: true })).rejects.toThrow(HostKeyError);
  await using accepted = await pair({}, {});
  const asked = { ...login, hostKey: hostKey.publicKey, gssKex: true };
  const error = await accepted.client.connect(asked).catch((error) => error);
  expect(error).toBeInstanceOf(GssError);
  expect(accepted.client.negotiated?.kex).not.toContain('gss');
  // And it goes on with what there is.
  expect(await accepted.client.authGssapiWithMic('alice', 'server')).toEqual([]);
});

test('without a ticket no exchange by GSS-API is offered, and the host key is checked', async () => {
  const gss = () => ({ client: new FakeGss({ noTicket: true }), server: new FakeGss() });
  await using refused = await pair({}, { gssKex: true }, gss());
  await expect(refused.client.connect({ ...login, gssKex: true })).rejects.toThrow(HostKeyError);
  await using accepted = await pair({}, { gssKex: true }, gss());
  const asked = { ...login, hostKey: hostKey.publicKey, gssKex: true, gssAuth: true };
  await expect(accepted.client.connect(asked)).rejects.toThrow('no ticket');
  await expect(accepted.client.authGssapiKeyex('alice')).rejects.toThrow('there was no key exchange by GSS-API: no ticket');
  expect(await accepted.client.authPassword('alice', 'secret')).toEqual([]);
  await using fallback = await pair({}, { gssKex: true }, gss());
  await fallback.client.connect({ ...asked, password: 'secret' });
  expect(fallback.client.getUsername()).toBe('alice');
});

test('a provider that breaks is as good as none', async () => {
  const gssProvider = {
    initContext: () => Promise.reject(new TypeError('a bug')),
    acceptContext: () => Promise.reject(new TypeError('a bug')),
  };
  await using both = await pair({ gssProvider }, { gssKex: true, gssProvider });
  await both.client.connect({ ...login, hostKey: hostKey.publicKey, gssKex: true, password: 'secret' });
  expect(both.client.negotiated?.kex).not.toContain('gss');
});

test('a wrong MIC of the server ends the connection', async () => {
  await using both = await pair({}, { gssKex: true }, { client: new FakeGss(), server: new FakeGss({ badMic: true }) });
  await expect(both.client.connect({ ...login, gssKex: true })).rejects.toMatchObject({ violation: 'bad-host-key-signature' });
});

test('a wrong MIC of the client is a failure, and other methods go on', async () => {
  await using both = await pair({}, { gssKex: true }, { client: new FakeGss({ badMic: true }), server: new FakeGss() });
  await expect(both.client.connect({ ...login, gssKex: true })).rejects.toThrow(AuthenticationError);
  await expect(both.client.authGssapiWithMic('alice')).rejects.toThrow(AuthenticationError);
  expect(both.realm.seen).toEqual([]);
  expect(await both.client.authPassword('alice', 'secret')).toEqual([]);
});

test('another principal is not let in', async () => {
  await using both = await pair({}, { gssKex: true });
  await expect(both.client.connect({ ...login, username: 'root', gssKex: true })).rejects.toThrow(AuthenticationError);
  await expect(both.client.authGssapiWithMic('root')).rejects.toThrow(AuthenticationError);
  expect(both.realm.seen).toEqual(['keyex alice@REALM', 'with-mic alice@REALM']);
});

test('a server that has not enabled it lets nobody in by it, and asks no hook', async () => {
  await using both = await pair({}, { gssKex: true, disabled: true });
  await expect(both.client.connect({ ...login, gssKex: true })).rejects.toThrow(AuthenticationError);
  await expect(both.client.authGssapiWithMic('alice')).rejects.toThrow(AuthenticationError);
  expect(both.realm.seen).toEqual([]);
});

test('as it stands a server lets nobody in', async () => {
  const base = new ServerInterface();
  const identity = { principal: 'alice@REALM', delegated: null };
  expect(base.enableAuthGssapi()).toBe(false);
  expect(base.checkAuthGssapiWithMic('alice', identity)).toBe('failed');
  expect(base.checkAuthGssapiKeyex('alice', identity)).toBe('failed');
});

test('names choose what is offered', async () => {
  const group = 'gss-group14-sha256-toWM5Slw5Ew8Mqkay+al2g==';
  await using named = await pair({}, { gssKex: true });
  await named.client.connect({ ...login, gssKex: [group] });
  expect(named.client.negotiated?.kex).toBe(group);
  await using without = await pair({ disabledAlgorithms: { kex: [CURVE] } }, { gssKex: true });
  await without.client.connect({ ...login, gssKex: true });
  expect(without.client.negotiated?.kex).toBe('gss-nistp256-sha256-toWM5Slw5Ew8Mqkay+al2g==');
  expect(() => new Transport('h', { gssKex: ['gss-group2-sha1-toWM5Slw5Ew8Mqkay+al2g==' as typeof CURVE] })).toThrow(UsageError);
});

test.each(['gss-group14-sha1-toWM5Slw5Ew8Mqkay+al2g==', 'gss-group1-sha1-toWM5Slw5Ew8Mqkay+al2g=='] as const)(
  '%s is not offered unless named',
  async (sha1) => {
    await using both = await pair({}, { gssKex: true });
    await expect(both.client.connect({ ...login, gssKex: [sha1] })).rejects.toThrow(HostKeyError);
    expect(both.client.negotiated).toBeNull();
    await using named = await pair({}, { gssKex: [sha1] });
    await named.client.connect({ ...login, gssKex: [sha1] });
    expect(named.client.negotiated?.kex).toBe(sha1);
  },
);

test('the host has to have a name, and only a name', async () => {
  const transport = new Transport(connectNowhere(), { gssKex: true, gssProvider: new FakeGss() });
  await expect(transport.setGssHost()).rejects.toThrow(UsageError);
  await transport.setGssHost(null, { gssapiRequested: false });
  for (const host of ['', 'a b', 'host/a', 'a@REALM', 'a\0b']) {
    await expect(transport.setGssHost(host, { trustDns: false })).rejects.toThrow(UsageError);
  }
  await expect(transport.startClient()).rejects.toThrow('call setGssHost');
  transport.destroy();
});

/** A stream without a peer and without a name. */
function connectNowhere() {
  const socket = connect({ port: 1, host: '127.0.0.1', autoSelectFamily: false });
  socket.on('error', () => undefined);
  return socket;
}
