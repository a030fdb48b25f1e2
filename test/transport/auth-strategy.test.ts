// Authentication strategies: order, records, partial success, and what ends them.
import { describe, expect, it } from 'vitest';
import {
  type AuthDecision,
  AuthenticationError,
  AuthFailure,
  AuthResult,
  AuthSource,
  AuthStrategy,
  BadAuthenticationTypeError,
  ConnectionLostError,
  InMemoryPrivateKey,
  NoneAuth,
  OnDiskPrivateKey,
  Password,
  PrivateKeyAuth,
  type PublicKey,
  ServiceRequestingTransport,
  SourceResult,
  Transport,
  UsageError,
} from '../../src/index.ts';
import { hostKey, loopback, OpenServer, socketPair } from '../support/loopback.ts';

class Listed extends AuthStrategy {
  readonly #sources: readonly AuthSource[];
  asked = 0;

  constructor(...sources: readonly AuthSource[]) {
    super({ some: 'config' });
    this.#sources = sources;
  }

  override *getSources() {
    for (const source of this.#sources) {
      this.asked++;
      yield source;
    }
  }
}

/** Wants a key, and then the password. */
class TwoFactors extends OpenServer {
  #keyDone = false;

  override getAllowedAuths() {
    return [this.#keyDone ? 'password' : 'publickey'];
  }

  override checkAuthPublickey(_username: string, _key: PublicKey, signed: boolean): AuthDecision {
    if (signed) this.#keyDone = true;
    return 'partial';
  }

  override checkAuthPassword(username: string, password: string) {
    return this.#keyDone ? super.checkAuthPassword(username, password) : ('failed' as const);
  }
}

const right = () => new Password('u', () => 'p');
const wrong = () => new Password('u', async () => 'wrong');

describe('a strategy', () => {
  it('tries sources in order until one is let in, and records each', async () => {
    await using pair = await loopback({ login: false });
    const strategy = new Listed(new NoneAuth('u'), wrong(), right(), wrong());
    const result = await strategy.authenticate(pair.client);
    expect(result).toBeInstanceOf(AuthResult);
    expect(result.strategy).toBe(strategy);
    expect(result).toHaveLength(3);
    const [none, failed, success] = [...result] as [SourceResult, SourceResult, SourceResult];
    expect(none).toBeInstanceOf(SourceResult);
    expect(none.result).toBeInstanceOf(BadAuthenticationTypeError);
    expect(failed.result).toBeInstanceOf(AuthenticationError);
    expect(success.result).toEqual([]);
    expect(strategy.asked).toBe(3);
    expect(pair.client.isAuthenticated()).toBe(true);
    expect(String(result)).toBe(
      "NoneAuth(user='u') -> BadAuthenticationTypeError: the server does not accept 'none' authentication here; it accepts password\n" +
        "Password(user='u') -> AuthenticationError: 'password' authentication as 'u' failed: the server refused it\n" +
        "Password(user='u') -> success",
    );
    expect(strategy.sshConfig).toEqual({ some: 'config' });
  });

  it('does not take partial success for success', async () => {
    await using pair = await loopback({ login: false, server: new TwoFactors() });
    const key = new InMemoryPrivateKey('u', await hostKey());
    const result = await new Listed(key, right()).authenticate(pair.client);
    expect([...result].map((each) => each.result)).toEqual([['password'], []]);
    expect(pair.client.isAuthenticated()).toBe(true);
  });

  it('fails when partial success is all there is', async () => {
    await using pair = await loopback({ login: false, server: new TwoFactors() });
    const failure = await new Listed(new InMemoryPrivateKey('u', await hostKey())).authenticate(pair.client).catch((e) => e);
    expect(failure).toBeInstanceOf(AuthFailure);
    expect(failure).toBeInstanceOf(AuthenticationError);
    expect(failure.code).toBe('ERR_SSH_AUTHENTICATION');
    expect(failure.allowedTypes).toEqual(['password']);
    expect(failure.message).toMatch(
      /^authentication failed, tried:\nInMemoryPrivateKey\(user='u', key=ssh-ed25519 SHA256:\S+\) -> partial, next: password$/,
    );
    expect(pair.client.isAuthenticated()).toBe(false);
  });

  it('gives a source that came too early its turn after partial success, and skips those that do not fit', async () => {
    await using pair = await loopback({ login: false, server: new TwoFactors() });
    const key = new InMemoryPrivateKey('u', await hostKey());
    let asked = 0;
    const password = new Password('u', () => {
      asked++;
      return 'p';
    });
    const result = await new Listed(password, key, new InMemoryPrivateKey('u', await hostKey())).authenticate(pair.client);
    expect([...result].map(({ source }) => source)).toEqual([password, key, password]);
    expect(asked).toBe(2);
  });

  it('goes on where a source fails by itself, and ends where the connection does', async () => {
    await using pair = await loopback({ login: false });
    const broken = new Password('u', () => {
      throw new Error('no vault');
    });
    const cut = new (class extends AuthSource {
      override async authenticate(transport: Transport): Promise<readonly string[]> {
        pair.server.destroy();
        await transport.closed;
        return transport.authPassword('u', 'p');
      }
    })('u');
    const untouched = new Password('u', () => expect.unreachable());
    const strategy = new Listed(broken, cut, untouched);
    await expect(strategy.authenticate(pair.client)).rejects.toThrow(ConnectionLostError);
    expect(strategy.asked).toBe(2);
  });

  it('ends with its signal', async () => {
    await using pair = await loopback({ login: false });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(new Listed(right(), right()).authenticate(pair.client, { signal })).rejects.toThrow('enough');
  });

  it('without sources says so', async () => {
    await using pair = await loopback({ login: false });
    await expect(new Listed().authenticate(pair.client)).rejects.toThrow('there was nothing to try');
  });

  it('takes sources as they come', async () => {
    await using pair = await loopback({ login: false });
    class Slow extends AuthStrategy {
      override async *getSources() {
        yield wrong();
        await Promise.resolve();
        yield right();
      }
    }
    expect(await new Slow().authenticate(pair.client)).toHaveLength(2);
  });
});

describe('the sources', () => {
  it('describe themselves without secrets', async () => {
    const key = await hostKey();
    const disk = new OnDiskPrivateKey('u', 'implicit-home', '/home/u/.ssh/id_ed25519', key);
    expect(disk).toBeInstanceOf(PrivateKeyAuth);
    expect(String(disk)).toBe(
      `OnDiskPrivateKey(user='u', key=ssh-ed25519 ${key.publicKey.fingerprint}, source=implicit-home, path='/home/u/.ssh/id_ed25519')`,
    );
    expect(() => new OnDiskPrivateKey('u', 'elsewhere' as 'program', '/', key)).toThrow(UsageError);
    expect(JSON.stringify(new Password('u', () => 'secret'))).not.toContain('secret');
  });
});

it('ServiceRequestingTransport is a Transport in everything', () => {
  expect(Object.getPrototypeOf(ServiceRequestingTransport.prototype)).toBe(Transport.prototype);
  expect(Object.getOwnPropertyNames(ServiceRequestingTransport.prototype)).toEqual(['constructor']);
});

describe('connect, where the server wants a key and then the password', () => {
  it('gives both', async () => {
    const key = await hostKey();
    const [left, right] = await socketPair();
    await using server = new Transport(right);
    server.addServerKey(key);
    void server.startServer(new TwoFactors()).catch(() => {});
    await using client = new Transport(left);
    await client.connect({ hostKey: 'ignore', username: 'u', privateKey: key, password: 'p' });
    expect(client.isAuthenticated()).toBe(true);
  });

  it('rejects where it has no more to give: partial success is no login', async () => {
    const key = await hostKey();
    const [left, right] = await socketPair();
    await using server = new Transport(right);
    server.addServerKey(key);
    void server.startServer(new TwoFactors()).catch(() => {});
    await using client = new Transport(left);
    const error = await client.connect({ hostKey: 'ignore', username: 'u', privateKey: key }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ allowedTypes: ['password'], attempts: [{ method: 'publickey', result: 'partial' }] });
  });
});
