// What callers without types do wrong who connect or serve, those above all who come from ssh2: each mistake is an error at once that
// names what is wrong, what is wanted and where there is one the right name. Nothing is passed over that somebody may believe in.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  AuthenticationError,
  connect,
  generateKey,
  InteractiveQuery,
  type PrivateKey,
  Transport,
  UsageError,
} from '../../src/index.ts';
import { createServer } from '../../src/server.ts';
import { loopback, OpenServer } from '../support/loopback.ts';
import { type Loose, loose, mistake } from '../support/mistakes.ts';

const callback = () => {};
const account = { host: '127.0.0.1', port: 1, username: 'me', hostKey: 'ignore' };
let key: PrivateKey;
beforeAll(async () => {
  key = await generateKey('ed25519');
});

describe('connect()', () => {
  const tell = (options: object | null | undefined | string, ...rest: unknown[]) =>
    mistake(() => (connect as Loose)(options, ...rest));

  it.each([
    ['nothing', undefined, 'options is missing; it must be an object of options'],
    ['null', null, 'not null'],
    ['an address as text', 'me@host', "not the string 'me@host'"],
  ])('%s', async (_, given, says) => expect(await tell(given)).toContain(says));

  it('a callback', async () => expect(await tell(account, callback)).toBe('connect takes no callback: it returns a promise'));

  it.each<[object, string]>([
    [{ hostVerifier: () => false }, "'hostKey'"],
    [{ hostHash: 'sha256' }, "'hostKey'"],
    [{ strictHostKeyChecking: true }, "'hostKey'"],
    [{ readyTimeout: 5 }, "'timeout'"],
    [{ keepaliveInterval: 5 }, "'keepalive'"],
    [{ keepaliveCountMax: 5 }, 'setKeepalive'],
    [{ tryKeyboard: true }, "'onQuestions'"],
    [{ authHandler: [] }, 'in this order'],
    [{ debug: callback }, "'log'"],
    [{ localAddress: '127.0.0.1' }, "'sock'"],
    [{ forceIPv4: true }, "'sock'"],
    [{ user: 'me' }, "'username'"],
    [{ privateKeyPath: 'id' }, 'readPrivateKey'],
    [{ pasword: 'x' }, "did you mean 'password'?"],
    [{ hostkey: 'x' }, "did you mean 'hostKey'?"],
    [{ algorithms: { cipher: [] } }, "'algorithms.cipher'; did you mean 'ciphers'?"],
    [{ algorithms: { serverHostKey: [] } }, "'algorithms.serverHostKey'; it is 'keys'"],
    [{ algorithms: { hmac: [] } }, "it is 'macs'"],
    [{ timeouts: { handshak: 5 } }, "'timeouts.handshak'; did you mean 'handshake'?"],
  ])('%j is unknown', async (option, says) => {
    const message = await tell({ ...account, ...option });
    expect(message).toMatch(/^connect: unknown option '/);
    expect(message).toContain(says);
  });

  it('an option that is inherited is one all the same', async () => {
    expect(await tell(Object.assign(Object.create({ hostVerifier: callback }), account))).toContain(
      "unknown option 'hostVerifier'",
    );
  });

  it.each<[object, string]>([
    [{ host: undefined }, "'host' is missing"],
    [{ host: 5 }, "'host'"],
    [{ host: 'here:22' }, 'port and username are options of their own'],
    [{ host: 'me@here' }, 'port and username are options of their own'],
    [{ port: '22' }, "'port' must be a whole number from 1 to 65535, not the string '22'"],
    [{ port: 0 }, "'port'"],
    [{ port: null }, 'not null (leave it out instead)'],
    [{ username: 5 }, "'username'"],
    [{ username: undefined }, 'username'],
    [{ hostKey: null }, "'hostKey'"],
    [{ hostKey: true }, "'hostKey'"],
    [{ hostKey: [] }, "'hostKey'"],
    [{ hostKey: 'SHA256:abc' }, "'hostKey'"],
    [{ hostKey: 'none' }, "or 'ignore', not the string 'none'"],
    [{ privateKey: Promise.resolve('') }, 'not a promise (await it first)'],
    [{ privateKey: 5 }, "'privateKey'"],
    [{ passphrase: Buffer.from('x'), privateKey: 'x' }, "'passphrase' must be a string, or a function, not a Buffer"],
    [{ timeout: '5' }, "'timeout' must be a number of milliseconds from 0"],
    [{ timeout: Number.NaN }, 'not the number NaN'],
    [{ timeouts: { auth: '5' } }, "'timeouts.auth'"],
    [{ signal: new AbortController() }, 'its `signal`'],
    [{ keepalive: true }, "'keepalive'"],
    [{ log: 'x' }, "'log'"],
    [{ sock: {} }, "'sock' must be a Duplex stream"],
    [{ agent: {} }, "'agent'"],
    [{ agentForward: 1 }, "'agentForward'"],
    [{ onQuestions: 'x' }, "'onQuestions'"],
    [{ proxyCommand: 'nc a 22' }, "'proxyCommand' must be an array"],
    [{ jump: 'host' }, "'jump'"],
    [{ jump: { host: 'a', username: 'me', hostVerifier: callback } }, "connect, for a jump host: unknown option 'hostVerifier'"],
    [{ disabledAlgorithms: { ciphers: 'aes128-ctr' } }, "'disabledAlgorithms.ciphers' must be an array"],
    [{ algorithms: { kex: { append: ['x'] } } }, "'algorithms.kex' must be an array of names, or a string"],
    [{ algorithms: { ciphers: [5] } }, "'algorithms.ciphers'"],
    [{ strictKex: 'no' }, "'strictKex' must be true or false"],
    [{ rekey: { bytes: -1 } }, "'rekey.bytes'"],
    [{ policy: 'weak' }, "'policy'"],
    [{ config: 5 }, 'config'],
  ])('%j', async (option, says) => expect(await tell({ ...account, ...option })).toContain(says));

  it('the private half where the public one is wanted', async () => {
    expect(await tell({ ...account, hostKey: key })).toContain('not an object of the class PrivateKey');
  });

  it('tells no secret', async () => {
    for (const option of [{ password: 4711 }, { passphrase: 4711, privateKey: 'x\n' }, { privateKey: 4711 }]) {
      const message = await tell({ ...account, ...option });
      expect(message).toContain('not a number');
      expect(message).not.toContain('4711');
    }
  });

  it('lets pass what stands for nothing', async () => {
    const nothing = { path: null, hostVerifier: undefined, password: undefined, signal: AbortSignal.abort('enough') };
    await expect((connect as Loose)({ ...account, ...nothing })).rejects.toBe('enough');
  });
});

describe('new Transport', () => {
  it.each<[string, unknown[], string]>([
    ['nothing', [], 'a transport needs'],
    ['null', [null], 'a transport needs'],
    ['a host and a port', ['h', 22], 'options must be an object of options, not the number 22'],
    ['a misspelt option', ['h', { windowSize: 5 }], "it is 'defaultWindowSize'"],
    ['null as options', ['h', null], 'not null'],
    ['a port as text', [{ host: 'h', port: '22' }], 'not the string'],
    ['a port as text in a tuple', [['h', '22']], 'not a port'],
    ['a wrong family', [{ host: 'h', family: 5 }], '4 or 6'],
  ])('%s', async (_, args, says) => {
    const Loosely = Transport as unknown as new (...args: unknown[]) => Transport;
    expect(await mistake(() => new Loosely(...args))).toContain(says);
  });

  it('takes what listen resolves with', () => {
    expect(() => new Transport({ host: 'h', port: 22, path: null } as { host: string; port: number })).not.toThrow();
  });
});

describe('answers to questions', () => {
  class Asking extends OpenServer {
    override getAllowedAuths() {
      return ['keyboard-interactive'];
    }
    override checkAuthInteractive() {
      return new InteractiveQuery('', '', ['Secret?', false]);
    }
    override checkAuthInteractiveResponse(answers: readonly string[]) {
      return answers[0] === 'geheim' ? ('successful' as const) : ('failed' as const);
    }
  }

  it.each<[string, Loose]>([
    ['text', () => 'geheim'],
    ['nothing, as where ssh2 calls finish', () => undefined],
    ['numbers', () => [4711]],
  ])('%s', async (_, answer) => {
    await using pair = await loopback({ server: new Asking(), login: false });
    const message = await mistake(() => loose(pair.client)['authInteractive']?.('u', answer));
    expect(message).toContain('what the handler of the questions returns');
    expect(message).not.toMatch(/geheim|4711/);
    // The connection has not suffered.
    expect(await pair.client.authInteractive('u', () => ['geheim'])).toEqual([]);
  });
});

describe('createServer()', () => {
  const good = () => ({ hostKeys: [key], server: () => new OpenServer() });
  const tell = (options: unknown, ...rest: unknown[]) => mistake(() => (createServer as unknown as Loose)(options, ...rest));

  it.each<[object, string]>([
    [{ hostKey: [] }, "it is 'hostKeys'"],
    [{ hostKeys: [] }, "'hostKeys' must be an array of at least one"],
    [{ hostKeys: ['-----BEGIN'] }, "'hostKeys'"],
    [{ hostKeys: [null] }, "'hostKeys'"],
    [{ server: new OpenServer() }, "'server' must be a function"],
    [{ server: OpenServer }, '() => new MyServer(), not a class'],
    [{ banner: 'x' }, 'getBanner'],
    [{ keepaliveInterval: 5 }, 'setKeepalive'],
    [{ maxSessions: '5' }, "'maxSessions'"],
    [{ maxAuthTries: -1 }, "'maxAuthTries'"],
    [{ onlogin: callback }, "did you mean 'onLogin'?"],
    [{ onLogin: 5 }, "'onLogin' must be a function"],
    [{ timeouts: { login: '5' } }, "'timeouts.login'"],
    [{ algorithms: { cipher: [] } }, "did you mean 'ciphers'?"],
  ])('%j', async (option, says) => expect(await tell({ ...good(), ...option })).toContain(says));

  it('nothing, or a listener as with ssh2', async () => {
    expect(await tell(undefined)).toContain('options is missing');
    expect(await tell(good(), callback)).toContain('takes no callback');
  });

  it.each<[string, unknown[], string]>([
    ['a port', [2222], 'not the number 2222'],
    ['a port as text', [{ port: '0' }], "'port'"],
    ['a port that is none', [{ port: 99_999 }], "'port'"],
    ['another name', [{ hostname: '0.0.0.0' }], "it is 'host'"],
    ['a callback', [{ port: 0 }, callback], 'takes no callback'],
    ['an empty path', [{ path: '' }], "'path'"],
    ['null', [null], 'not null'],
  ])('listen: %s', async (_, args, says) => {
    expect(await mistake(() => loose(createServer(good()))['listen']?.(...args))).toContain(says);
  });

  it('tells onError of a function that makes no ServerInterface, and the client does not wait for ever', async () => {
    const errors: unknown[] = [];
    await using server = createServer({ ...good(), server: () => ({}) as OpenServer, onError: (error) => errors.push(error) });
    const { host, port } = await server.listen();
    await expect(connect({ host, port, username: 'u', password: 'p', hostKey: key.publicKey })).rejects.toThrow();
    expect(errors).toEqual([expect.any(UsageError)]);
  });
});

describe('a decision about a login', () => {
  it('is no when it is true, and the log says so', async () => {
    class Careless extends OpenServer {
      override checkAuthPassword() {
        return true as unknown as 'successful';
      }
    }
    const lines: string[] = [];
    const serverOptions = { log: (_level: 1 | 2 | 3, line: string) => void lines.push(line) };
    await using pair = await loopback({ server: new Careless(), serverOptions, login: false });
    await expect(pair.client.authPassword('u', 'p')).rejects.toThrow(AuthenticationError);
    expect(lines).toContainEqual(expect.stringMatching(/^checkAuthPassword gave a boolean, .*'successful'/));
  });
});
