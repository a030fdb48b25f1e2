// What connect({ config }) makes of a configuration and of what the caller says, before anything is connected to.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { configuredPlan } from '../../../src/client/configured.ts';
import type { ConfiguredOptions } from '../../../src/client/connect-options.ts';
import type { Plan } from '../../../src/client/establish.ts';
import { SSHConfig } from '../../../src/config.ts';
import { connect, SSHTimeoutError, UsageError } from '../../../src/index.ts';
import { tempDir } from '../../support/peers.ts';

const FILES = 'Host *\n  UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile /dev/null\n';

afterEach(() => vi.unstubAllEnvs());

async function planned(text: string, options: Partial<ConfiguredOptions> = {}): Promise<Plan> {
  return configuredPlan({ host: 'web', config: SSHConfig.parse(`${text}\n${FILES}`), ...options }, () => {
    throw new Error('nobody asked for jump hosts');
  });
}

describe('the plan', () => {
  it('connects where the configuration says, and waits and talks as it says', async () => {
    const plan = await planned(
      [
        'Hostname web.example.com\nPort 2222\nUser deploy\nBindAddress 127.0.0.2\nAddressFamily inet\nConnectTimeout 90',
        'ServerAliveInterval 7\nServerAliveCountMax 2\nRekeyLimit 1M 1h\nCiphers aes256-ctr\nCompression yes',
        'HostKeyAlgorithms rsa-sha2-512,ssh-ed25519\nKexAlgorithms curve25519-sha256\nMACs hmac-sha2-256',
      ].join('\n'),
    );
    expect(plan).toMatchObject({
      target: { host: 'web.example.com', port: 2222, family: 4, localAddress: '127.0.0.2' },
      call: { timeout: 90_000 },
      keepalive: { interval: 7_000, countMax: 2 },
      gss: { host: 'web.example.com', requested: false },
      agent: null,
      transport: {
        algorithms: {
          ciphers: ['aes256-ctr'],
          keys: 'rsa-sha2-512,ssh-ed25519',
          kex: ['curve25519-sha256'],
          macs: ['hmac-sha2-256'],
          compression: ['zlib@openssh.com', 'none'],
        },
        rekey: { bytes: 2 ** 20, milliseconds: 3_600_000 },
        timeouts: { handshake: 90_000 },
      },
    });
  });

  it('is what it is without a configuration where that says nothing', async () => {
    const plan = await planned('');
    expect(plan.target).toEqual({ host: 'web', port: 22, family: 0, keepAlive: true });
    expect(plan).toMatchObject({ call: {}, keepalive: { interval: 15_000 }, agent: null });
    expect(plan.call.timeout).toBeUndefined();
    expect(plan.transport).toMatchObject({ rekey: {}, timeouts: {} });
    expect(plan.transport.rekey).toEqual({});
    expect(plan.transport.timeouts).toEqual({});
    expect(Object.keys(plan.transport.algorithms ?? {})).toEqual(['keys']);
  });

  it('is second to the caller', async () => {
    const text = [
      'Hostname web.example.com\nPort 2222\nUser deploy\nConnectTimeout 5\nServerAliveInterval 0\nRekeyLimit 1M 1h',
      'Ciphers aes256-ctr\nMACs hmac-sha2-256\nForwardAgent /run/agent\nGSSAPIAuthentication yes\nProxyJump door',
    ].join('\n');
    expect(await planned(text, { jump: [] })).toMatchObject({
      keepalive: { interval: 0 },
      agent: { required: false },
      gss: { requested: true },
    });
    const options = { port: 22, timeout: 250, keepalive: 1_000, rekey: { bytes: 2 ** 30 }, agentForward: false, gssAuth: false };
    const algorithms = { ciphers: ['aes128-ctr'], keys: '+ssh-rsa' } as const;
    const hostKey = () => true;
    const secrets = { password: 'secret', passphrase: 'secret' };
    const plan = await planned(text, { ...options, algorithms, hostKey, jump: [], timeouts: { handshake: 1 }, ...secrets });
    expect(plan).toMatchObject({
      target: { host: 'web.example.com', port: 22 },
      call: { timeout: 250 },
      keepalive: { interval: 1_000 },
      hostKey,
      agent: null,
      gss: { requested: false },
      transport: {
        algorithms: { ciphers: ['aes128-ctr'], keys: '+ssh-rsa', macs: ['hmac-sha2-256'] },
        rekey: { bytes: 2 ** 30, milliseconds: 3_600_000 },
        timeouts: { handshake: 1 },
      },
    });
    expect(JSON.stringify(plan.transport)).not.toContain('secret');
  });

  it('does not shorten the later key exchanges to a short ConnectTimeout', async () => {
    const plan = await planned('ConnectTimeout 1');
    expect(plan).toMatchObject({ call: { timeout: 1_000 }, transport: { timeouts: { handshake: 20_000 } } });
  });

  it('forwards an agent that is there, and misses only one that the caller wants', async () => {
    vi.stubEnv('SSH_AUTH_SOCK', '');
    const lines: string[] = [];
    const log = (_level: number, line: string) => void lines.push(line);
    expect((await planned('ForwardAgent yes', { log })).agent).toBeNull();
    expect(lines).toEqual(['ForwardAgent of the configuration has no effect: there is no agent']);
    await expect(planned('', { agentForward: true })).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
    expect((await planned('ForwardAgent yes\nIdentityAgent /run/agent')).agent).toMatchObject({ required: false });
    expect((await planned('ForwardAgent yes\nIdentityAgent /run/agent', { agent: false })).agent).toBeNull();
    expect((await planned('', { agentForward: '/run/agent' })).agent).toMatchObject({ required: true });
  });
});

describe('what is wrong is said before anything is connected to', () => {
  it.each([
    ['Prot 22', /line 1: there is no option 'prot'/],
    ['ProxyCommand nc %h %p\nProxyUseFdpass yes', /configuration of web: ProxyUseFdpass is not supported/],
    ['PreferredAuthentications hostbased', /none of the methods in PreferredAuthentications/],
    ['ProxyJump a;b', /the host name 'a;b'/],
    ['Match host web\n  ProxyJump door\nMatch host door\n  ProxyJump web', /ProxyJump leads in a circle: web -> door -> web$/],
    [
      'Match host web\n  ProxyJump a\nMatch host a\n  ProxyJump b\nMatch host b\n  ProxyJump a',
      /ProxyJump leads in a circle: a -> b -> a$/,
    ],
    [`ProxyJump ${Array.from({ length: 17 }, (_, at) => `h${at}`).join(',')}`, /more than 16 hosts/],
    // Every lookup has another answer, and so it never comes back to the same question.
    ['ProxyJump x%h', /ProxyJump leads through more than 16 hosts$/],
  ])('%j', async (text, message) => {
    const failure = planned(text);
    await expect(failure).rejects.toMatchObject({ code: 'ERR_SSH_CONFIG', message: expect.stringMatching(message) });
  });

  it('names that could be taken for something else', async () => {
    for (const host of ['-oProxyCommand=id', 'a;id', '']) await expect(planned('', { host })).rejects.toThrow(UsageError);
    await expect(planned('', { username: '-l' })).rejects.toThrow(UsageError);
    await expect(planned('', { username: '' })).rejects.toThrow(UsageError);
  });

  it('two ways at once, options that want a configuration, and no configuration', async () => {
    await expect(planned('', { jump: [], proxyCommand: ['x'] })).rejects.toThrow(UsageError);
    for (const more of [{ passphrase: 'x' }, { configExec: true }]) {
      await expect(connect({ host: 'h', username: 'me', ...more })).rejects.toMatchObject({
        code: 'ERR_SSH_USAGE',
        message: expect.stringContaining('with config'),
      });
    }
    // @ts-expect-error without a configuration nobody else names the user
    await expect(connect({ host: 'h' })).rejects.toThrow(UsageError);
    // @ts-expect-error not a configuration
    await expect(connect({ host: 'h', config: false })).rejects.toThrow(UsageError);
  });

  it('revoked keys that cannot be read', async () => {
    await expect(planned('RevokedHostKeys /no/such/file')).rejects.toMatchObject({
      code: 'ERR_SSH_HOST_KEY',
      message: expect.stringMatching(/^the revoked keys cannot be read: .*\/no\/such\/file/),
    });
  });
});

it('keywords that matter and have no effect are told of', async () => {
  const lines: string[] = [];
  const text =
    'Tunnel yes\nKnownHostsCommand /bin/true\nHostbasedAuthentication no\nLocalForward 1 a:2\nMatch exec "true"\n  Port 5';
  const plan = await planned(text, { log: (_level, line) => void lines.push(line) });
  expect(plan.target.port).toBe(22);
  expect(lines.filter((line) => line.includes('has no effect'))).toEqual([
    'Tunnel of the configuration has no effect: network tunnels are not supported',
    'KnownHostsCommand of the configuration has no effect: programs that know host keys are not supported',
  ]);
  expect(lines.some((line) => /exec/i.test(line))).toBe(true);
  expect((await planned(text, { configExec: true })).target.port).toBe(5);
});

it('a time limit and a signal hold while the configuration is read', async () => {
  await using dir = tempDir();
  const text = `Match exec "exec sleep 60"\n  Port 5\n`;
  await expect(planned(text, { configExec: true, timeout: 50 })).rejects.toThrow(SSHTimeoutError);
  const reason = new Error('enough');
  await expect(planned('', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await expect(connect({ host: 'web', config: dir.join('none') })).rejects.toMatchObject({ code: 'ERR_SSH_CONFIG' });
});
