// The arguments of `amiko ssh`: what getopt would make of them, which values are refused, and what the refusal says.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseArguments } from '../../../src/cli/ssh/arguments.ts';
import type { SshOptions } from '../../../src/cli/ssh/options.ts';
import { ConfigError, UsageError } from '../../../src/errors.ts';
import { settledSsh, typedSsh } from '../../support/cli-options.ts';

const target = (host: string, user?: string, port?: number) => ({
  target: { host, ...(user !== undefined && { user }), ...(port !== undefined && { port }) },
});

/** Refused, at once or when the host is looked up. */
async function refused(args: string[], message: string): Promise<void> {
  const settled = (async () => settledSsh(...args))();
  await expect(settled).rejects.toThrow(UsageError);
  await expect(settled).rejects.toThrow(message);
}

describe('arguments', () => {
  it.each([
    [['h'], { ...target('h', undefined, 22), command: null }],
    [['u@h'], target('h', 'u')],
    [['a@b@h'], target('h', 'a@b')],
    [['a%b@h'], target('h', 'a%b')],
    [['-l', 'x', 'u@h'], target('h', 'x')],
    [['u@h', '-l', 'x'], target('h', 'u')],
    [['-oUser=x', 'u@h'], target('h', 'x')],
    [['u@h', '-oUser=x'], target('h', 'u')],
    [['-p2222', 'h'], target('h', undefined, 2222)],
    [['-p', '2222', 'h'], target('h', undefined, 2222)],
    [['-p', 'ssh', 'h'], target('h', undefined, 22)],
    [['-MM', '-S', 'none', 'h'], target('h', undefined, 22)],
    [['h', '-p', '2222', 'ls'], { ...target('h', undefined, 2222), command: 'ls' }],
    [['h', 'ls', '-p', '2222'], { command: 'ls -p 2222' }],
    [['h', 'a  b', '', 'c'], { command: 'a  b  c' }],
    [['h', '--', '-v'], { command: '-v', verbosity: 0 }],
    [['--', 'h', 'ls'], { ...target('h'), command: 'ls' }],
    [['-vvnC4', 'h'], { verbosity: 2, noStdin: true, address: { family: 4 } }],
    [['-vvvvv', 'h'], { verbosity: 3 }],
    [['-6qp22', 'h'], { address: { family: 6 }, quiet: true, silent: true, ...target('h', undefined, 22) }],
    [['-qv', 'h'], { quiet: false, silent: false, verbosity: 1 }],
    [['-e', 'none', 'h'], { escapeChar: null }],
    [['-e', '^a', 'h'], { escapeChar: '\x01' }],
    [['h'], { escapeChar: '~' }],
    [['-t', 'h'], { requestTty: 'yes' }],
    [['-tt', 'h'], { requestTty: 'force' }],
    [['-t', 'h', '-t'], { requestTty: 'force' }],
    [['-tT', 'h'], { requestTty: 'no' }],
    [['-Tt', 'h'], { requestTty: 'yes' }],
    [['-oRequestTTY=no', '-t', 'h'], { requestTty: 'yes' }],
    [['-i', 'a', '-ib c', 'h'], { identityFiles: ['a', 'b c'] }],
    [['-i', 'a"b', 'h'], { identityFiles: ['a"b'] }],
    [['ssh://u@h:2222'], target('h', 'u', 2222)],
    [['ssh://[::1]/'], target('::1')],
    [['ssh://a%40b@h'], target('h', 'a@b')],
    [['-J', 'a', 'h'], { proxyJump: [{ host: 'a' }] }],
    [['-J', 'none', 'h'], { proxyJump: [] }],
    [
      ['-J', 'u@a:22,[::1]:2222,ssh://v@b:3', 'h'],
      {
        proxyJump: [
          { user: 'u', host: 'a', port: 22 },
          { host: '::1', port: 2222 },
          { user: 'v', host: 'b', port: 3 },
        ],
      },
    ],
    [['::1'], target('::1')],
    [['u@[::1]'], target('::1', 'u')],
    [['HOST.example'], target('host.example')],
    [['-b', '127.0.0.2', 'h'], { address: { localAddress: '127.0.0.2' } }],
    [
      ['-c', 'aes128-ctr', '-m', '+hmac-sha2-256', 'h'],
      {
        algorithms: { ciphers: ['aes128-ctr'], macs: expect.arrayContaining(['hmac-sha2-256', 'hmac-sha2-256-etm@openssh.com']) },
      },
    ],
  ])('%j', async (args, expected) => {
    expect(await settledSsh(...args)).toMatchObject(expected);
  });

  it.each([[['--help']], [['-h']], [['-v', '--help']], [['h', '--help']]])('asks for help: %j', (args) => {
    expect(parseArguments(args)).toEqual({ kind: 'help' });
  });

  it('asks for the version', () => {
    expect(parseArguments(['-V'])).toEqual({ kind: 'version' });
  });

  it.each([
    [[], 'a host is missing'],
    [['-v'], 'a host is missing'],
    [['-p'], '-p needs a value'],
    [['-p', '0', 'h'], 'the port needs a whole number from 1 to 65535'],
    [['-p', '2x', 'h'], 'the port needs a whole number'],
    [['-p', '65536', 'h'], 'the port needs a whole number'],
    [['-J', 'a', '-J', 'b', 'h'], '-J can be given only once'],
    [['-o', 'ProxyCommand=x', '-J', 'a', 'h'], '-J and ProxyCommand are two ways'],
    [['-J', 'a,,b', 'h'], '-J a,,b: there is no host name'],
    [['-J', '-oProxyCommand=x', 'h'], "the host name '-oProxyCommand=x' begins"],
    [['-J', 'u@-x', 'h'], "the host name '-x' begins"],
    [['-J', '-x@a', 'h'], "the user name '-x' begins"],
    [['-J', 'a:0', 'h'], "bad port '0'"],
    [['-J', '::1', 'h'], 'there is no host name'],
    [['-J', 'ssh://a/path', 'h'], 'an ssh URI has no path'],
    [['-J', Array(17).fill('a').join(','), 'h'], 'more than 16 jump hosts'],
    [['-Z', 'h'], "unknown option '-Z'"],
    [['-P', '22', 'h'], "unknown option '-P'; did you mean '-p'?"],
    [['--versoin', 'h'], "did you mean '--version'?"],
    [['-e', 'ab', 'h'], '-e ab: '],
    [['-w', '0', 'h'], '-w (tunnels) is not supported yet'],
    [['ssh://u:secret@h'], 'a password in an address could be read by everybody'],
    [['ssh://h/x'], 'an ssh:// address has no path'],
    [['ssh://%2dx'], 'not a host name'],
    [['ssh://%2dx@h'], 'not a user name'],
    [['ssh://%zz@h'], 'a percent sign without two digits'],
    [['u@'], 'not a host name'],
    [['u@-oProxyCommand=x'], 'not a host name'],
    [['a\nb'], 'not a host name'],
    [['a b'], 'not a host name'],
    [['@h'], 'no user before the @'],
    [['a\x1b[2J@h'], 'not a user name'],
    [['-l', '-x', 'h'], 'not a user name'],
    [['-c', 'aes128-crt', 'h'], "-c aes128-crt: unknown algorithm 'aes128-crt'; did you mean 'aes128-ctr'?"],
    [['-b', 'eth0\nx', 'h'], 'a line break or NUL has no place in an option'],
    [['-o', 'KexAlgorithms=curve25519', 'h'], "unknown algorithm 'curve25519'"],
    [['-o', 'Ciphers=+nope', 'h'], "unknown algorithm 'nope'"],
    // They would decide about what stands behind them.
    [['-o', 'Host=other', '-o', 'StrictHostKeyChecking=yes', 'h'], '-o Host=other: blocks and files have no place here'],
    [['-o', 'match host other', 'h'], 'blocks and files have no place here'],
    [['-o', '"host" other', 'h'], 'blocks and files have no place here'],
    [['-o', 'INCLUDE = /etc/passwd', 'h'], 'blocks and files have no place here'],
    [['-p', 'no-such-service', 'h'], 'the port needs a whole number'],
  ])('refuses %j', refused);

  it.each([
    [['-o', 'Ciphers=rijndael-cbc@lysator.liu.se', 'h'], "the configuration of h: amiko has none of ciphers 'rijndael"],
    [['-o', 'User=-x', 'h'], "the user name '-x' begins"],
    [['-F', '/no/such/file', 'h'], '/no/such/file: there is no such file'],
  ])('cannot do %j', async (args, message) => {
    const settled = settledSsh(...args);
    await expect(settled).rejects.toThrow(ConfigError);
    await expect(settled).rejects.toThrow(message);
  });

  it('escapes what it repeats', async () => {
    for (const args of [['-o', 'a\x1b[2J=1', 'h'], ['--\x1b[2J', 'h'], ['-o', 'Port=\x1b[2J', 'h'], ['x\x1b[2J']]) {
      const message = await (async () => settledSsh(...args))().then(
        () => 'let pass',
        (error: Error) => error.message,
      );
      expect(message).toContain('\\x1b');
      expect(message).not.toContain('\x1b');
    }
  });
});

describe('-o', () => {
  const o = (...pairs: string[]): Promise<SshOptions> => settledSsh(...pairs.flatMap((pair) => ['-o', pair]), 'h');

  it.each([
    ['Port=2222', target('h', undefined, 2222)],
    ['port 2222', target('h', undefined, 2222)],
    ['PORT = 2222', target('h', undefined, 2222)],
    ['Port\t2222', target('h', undefined, 2222)],
    ['User=u', target('h', 'u')],
    ['Hostname=%h.example.com', target('h.example.com')],
    ['HostKeyAlias=other', { hostKeyAlias: 'other' }],
    ['UserKnownHostsFile=/a ~/b "/c d"', { userKnownHostsFiles: ['/a', join(homedir(), 'b'), '/c d'] }],
    ['GlobalKnownHostsFile=/dev/null', { globalKnownHostsFiles: ['/dev/null'] }],
    ['IdentityFile=/amiko/not/there', { identityFiles: [] }],
    ['IdentityFile=none', { identityFiles: [] }],
    ['BatchMode=yes', { identityFiles: null }],
    ['StrictHostKeyChecking=Accept-New', { strictHostKeyChecking: 'accept-new' }],
    ['StrictHostKeyChecking=off', { strictHostKeyChecking: 'no' }],
    ['HashKnownHosts=yes', { hashKnownHosts: true }],
    ['UpdateHostKeys=ask', { updateHostKeys: 'ask' }],
    ['CertificateFile=~/c', { certificateFiles: [join(homedir(), 'c')] }],
    ['IdentitiesOnly=yes', { identitiesOnly: true }],
    ['IdentityAgent=none', { identityAgent: null }],
    ['IdentityAgent=~/agent', { identityAgent: join(homedir(), 'agent') }],
    ['IdentityAgent="/a b"', { identityAgent: '/a b' }],
    ['ProxyCommand=nc %h %p', { proxyCommand: 'nc h 22' }],
    ['ProxyCommand=none', { proxyCommand: null }],
    ['ProxyJump=a,b', { proxyJump: [{ host: 'a' }, { host: 'b' }] }],
    ['Compression=yes', { algorithms: { compression: expect.arrayContaining(['zlib@openssh.com', 'none']) } }],
    ['BatchMode=yes', { batchMode: true }],
    ['ServerAliveInterval=1m30', { keepalive: { interval: 90_000 } }],
    ['ServerAliveInterval=9999999', { keepalive: { interval: 2_147_483_647 } }],
    ['ServerAliveCountMax=0', { keepalive: { countMax: 0 } }],
    ['ConnectTimeout=5', { connectTimeout: 5_000 }],
    ['ConnectTimeout=none', { connectTimeout: null }],
    ['ConnectTimeout=0', { connectTimeout: null }],
    ['RekeyLimit=64K', { rekey: { bytes: 65_536 } }],
    ['RekeyLimit=1g 1h', { rekey: { bytes: 2 ** 30, milliseconds: 3_600_000 } }],
    ['RekeyLimit=default none', { rekey: expect.not.objectContaining({ bytes: expect.anything() }) }],
    ['PreferredAuthentications=password,publickey', { authentications: ['password', 'publickey'] }],
    ['PreferredAuthentications=gssapi-with-mic,hostbased,password', { authentications: ['password'] }],
    ['PubkeyAuthentication=no', { authentications: ['keyboard-interactive', 'password'] }],
    ['PasswordAuthentication=no', { authentications: ['publickey', 'keyboard-interactive'] }],
    ['KbdInteractiveAuthentication=no', { authentications: ['publickey', 'password'] }],
    ['NumberOfPasswordPrompts=1', { passwordPrompts: 1 }],
    ['AddKeysToAgent=yes', { addKeysToAgent: { ask: false, confirm: false, lifetime: null } }],
    ['AddKeysToAgent=confirm 1h', { addKeysToAgent: { ask: false, confirm: true, lifetime: 3600 } }],
    ['AddKeysToAgent=5m', { addKeysToAgent: { ask: false, confirm: false, lifetime: 300 } }],
    ['AddKeysToAgent=ask', { addKeysToAgent: { ask: true, confirm: false, lifetime: null } }],
    ['LogLevel=DEBUG2', { verbosity: 2, quiet: false }],
    ['LogLevel=DEBUG', { verbosity: 1 }],
    ['LogLevel=ERROR', { verbosity: 0, quiet: true, silent: false }],
    ['LogLevel=FATAL', { quiet: true, silent: false }],
    ['LogLevel=QUIET', { quiet: true, silent: true }],
    ['SetEnv=A=1 "B=2 3" C=', { environment: new Map(Object.entries({ A: '1', B: '2 3', C: '' })) }],
    ['RequestTTY=force', { requestTty: 'force' }],
    ['HostKeyAlgorithms=ssh-ed25519', { algorithms: { keys: ['ssh-ed25519'] }, hostKeyOrderIsChosen: true }],
    ['HostKeyAlgorithms=+ssh-rsa', { hostKeyOrderIsChosen: false }],
    ['PubkeyAcceptedAlgorithms=ssh-ed25519', { algorithms: { pubkeys: ['ssh-ed25519'] } }],
  ])('%s', async (pair, expected) => {
    expect(await o(pair)).toMatchObject(expected);
  });

  it('takes the first of two, and all of lists', async () => {
    expect((await o('Port=1', 'Port=2')).target.port).toBe(1);
    expect((await settledSsh('-p', '1', '-oPort=2', 'h')).target.port).toBe(1);
    expect((await settledSsh('-oPort=2', '-p', '1', 'h')).target.port).toBe(2);
    expect((await o('StrictHostKeyChecking=no', 'StrictHostKeyChecking=yes')).strictHostKeyChecking).toBe('no');
  });

  describe('variables', () => {
    afterEach(() => vi.unstubAllEnvs());

    it('are sent by pattern and by value, the value first; never the password', async () => {
      const ours = { LANG: 'C', LC_ALL: 'de', AMIKO_PASSWORD: 'secret', AMIKO_TEST_A: '1' };
      for (const [name, value] of Object.entries(ours)) vi.stubEnv(name, value);
      const sent = async (...pairs: string[]) => Object.fromEntries((await o(...pairs)).environment);
      expect(await sent('SendEnv=LC_ALL', 'SendEnv=AMIKO_TEST_*')).toEqual({ LC_ALL: 'de', AMIKO_TEST_A: '1' });
      expect(await sent('SendEnv=LANG', 'SetEnv=LANG=x')).toEqual({ LANG: 'x' });
      expect(await sent('SendEnv=*')).not.toHaveProperty('AMIKO_PASSWORD');
      expect(await sent('SendEnv=*')).toHaveProperty('LANG', 'C');
      expect(await sent()).toEqual({});
    });
  });

  it.each([
    ['Prot=1', "-o Prot=1: there is no option 'prot'; did you mean 'Port'?"],
    ['StrictHostKeyCheking=no', "did you mean 'StrictHostKeyChecking'?"],
    ['PreferredAuthentications=pasword', 'none of the methods in PreferredAuthentications is one of'],
    ['IdentitiesOnly=perhaps', "-o IdentitiesOnly=perhaps: 'perhaps' is no value of this"],
    ['IdentityAgent=/a /b', 'too many arguments'],
    ['UpdateHostKeys=maybe', "'maybe' is no value of this"],
    ['qqqqqqqqqqqq=1', "there is no option 'qqqqqqqqqqqq'"],
    ['__proto__=1', "there is no option '__proto__'"],
    ['Port', "no argument after keyword 'Port'"],
    ['Port=', 'no argument after keyword'],
    ['=1', '-o needs Key=Value'],
    ['Compression=maybe', "'maybe' is no value of this"],
    ['StrictHostKeyChecking=accept-nwe', "did you mean 'accept-new'?"],
    ['StrictHostKeyChecking=constructor', "'constructor' is no value of this"],
    ['ConnectTimeout=soon', "'soon' is no time"],
    ['ConnectTimeout=-1', "'-1' is no time"],
    ['RekeyLimit=1X', "'1X' is no limit"],
    ['RekeyLimit=10', "'10' is no limit"],
    ['RekeyLimit=1G 1h x', 'too many arguments'],
    ['SetEnv=A', "'A' is not NAME=value"],
    ['SetEnv="A=1', 'a quote is not closed'],
    ['RequestTTY=please', "'please' is no value of this"],
    ['Port=1\nUser=x', '-o takes one line'],
    ['Tunnel=yes', 'network tunnels are not supported'],
  ])('refuses %s', (pair, message) => refused(['-o', pair, 'h'], message));
});

describe('ProxyJump and ProxyCommand', () => {
  it('the first one counts, and rules the other out', async () => {
    const o = (...pairs: string[]): Promise<SshOptions> => settledSsh(...pairs.flatMap((pair) => ['-o', pair]), 'h');
    expect(await o('ProxyJump=a', 'ProxyCommand=x')).toMatchObject({ proxyJump: [{ host: 'a' }], proxyCommand: null });
    expect(await o('ProxyCommand=x', 'ProxyJump=a')).toMatchObject({ proxyJump: [], proxyCommand: 'x' });
    // As with ssh: `none` stops other jump hosts only.
    expect(await o('ProxyJump=none', 'ProxyCommand=x')).toMatchObject({ proxyJump: [], proxyCommand: 'x' });
    expect(typedSsh('-J', 'a', 'h').letters.get('ProxyJump')?.text).toBe('ProxyJump a');
  });
});
