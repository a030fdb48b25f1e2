// The arguments of `amiko ssh`: what getopt would make of them, which values are refused, and what the refusal says.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseArguments, type SshOptions } from '../../../src/cli/ssh/options.ts';
import { UsageError } from '../../../src/errors.ts';

function parse(...args: string[]): SshOptions {
  const invocation = parseArguments(args);
  if (invocation.kind !== 'connect') throw new Error(invocation.kind);
  return invocation.options;
}

describe('arguments', () => {
  it.each([
    [['h'], { host: 'h', command: null }],
    [['u@h'], { host: 'h', user: 'u' }],
    [['a@b@h'], { host: 'h', user: 'a@b' }],
    [['-l', 'x', 'u@h'], { user: 'x' }],
    [['u@h', '-l', 'x'], { user: 'u' }],
    [['-p2222', 'h'], { port: 2222 }],
    [['-p', '2222', 'h'], { port: 2222 }],
    [['h', '-p', '2222', 'ls'], { host: 'h', port: 2222, command: 'ls' }],
    [['h', 'ls', '-p', '2222'], { command: 'ls -p 2222' }],
    [['h', 'a  b', '', 'c'], { command: 'a  b  c' }],
    [['h', '--', '-v'], { command: '-v', verbosity: 0 }],
    [['--', 'h', 'ls'], { host: 'h', command: 'ls' }],
    [['-vvnC4', 'h'], { verbosity: 2, noStdin: true, compression: true, family: 4 }],
    [['-vvvvv', 'h'], { verbosity: 3 }],
    [['-6qp22', 'h'], { family: 6, quiet: true, port: 22 }],
    [['-e', 'none', 'h'], { escape: false }],
    [['h'], { escape: true }],
    [['-t', 'h'], { requestTty: 'yes' }],
    [['-tt', 'h'], { requestTty: 'force' }],
    [['-t', 'h', '-t'], { requestTty: 'force' }],
    [['-tT', 'h'], { requestTty: 'no' }],
    [['-i', 'a', '-ib c', 'h'], { identityFiles: ['a', 'b c'] }],
    [['-i', 'a"b', 'h'], { identityFiles: ['a"b'] }],
    [['ssh://u@h:2222'], { host: 'h', user: 'u', port: 2222 }],
    [['ssh://[::1]/'], { host: '::1' }],
    [['ssh://a%40b@h'], { host: 'h', user: 'a@b' }],
    [['-J', 'a', 'h'], { proxyJump: [{ host: 'a' }] }],
    [['-J', 'none', 'h'], { proxyJump: null }],
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
    [['::1'], { host: '::1' }],
    [['u@[::1]'], { host: '::1', user: 'u' }],
    [['-c', 'aes128-ctr', '-m', '+hmac-sha2-256', 'h'], { algorithms: { ciphers: 'aes128-ctr', macs: '+hmac-sha2-256' } }],
  ])('%j', (args, expected) => {
    expect(parse(...args)).toMatchObject(expected);
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
    [['-p', '0', 'h'], 'Port needs a whole number from 1 to 65535'],
    [['-p', '2x', 'h'], 'Port needs a whole number'],
    [['-p', '65536', 'h'], 'Port needs a whole number'],
    [['-J', 'a', '-J', 'b', 'h'], '-J can be given only once'],
    [['-o', 'ProxyCommand=x', '-J', 'a', 'h'], '-J and ProxyCommand are two ways'],
    [['-J', 'a,,b', 'h'], "a jump host is missing in 'a,,b'"],
    [['-J', '-oProxyCommand=x', 'h'], 'not a host name'],
    [['-J', 'u@-x', 'h'], 'not a host name'],
    [['-J', '-x@a', 'h'], 'not a user name'],
    [['-J', 'a:0', 'h'], 'the port needs a whole number from 1 to 65535'],
    [['-J', '::1', 'h'], 'not a host name'],
    [['-J', 'ssh://a/path', 'h'], 'an ssh:// address has no path'],
    [['-J', Array(17).fill('a').join(','), 'h'], '17 jump hosts are too many'],
    [['h', '-F', 'x'], '-F (configuration files) is not supported yet'],
    [['-Z', 'h'], "unknown option '-Z'"],
    [['-P', '22', 'h'], "unknown option '-P'; did you mean '-p'?"],
    [['--versoin', 'h'], "did you mean '--version'?"],
    [['-e', '~', 'h'], "-e takes only 'none'"],
    [['ssh://u:secret@h'], 'a password in an address could be read by everybody'],
    [['ssh://h/x'], 'an ssh:// address has no path'],
    [['ssh://%2dx'], 'not a host name'],
    [['ssh://%2dx@h'], 'not a user name'],
    [['ssh://%zz@h'], 'a percent sign without two digits'],
    [['u@'], 'not a host name'],
    [['u@-oProxyCommand=x'], 'not a host name'],
    [['a\nb'], 'not a host name'],
    [['a b'], 'not a host name'],
    [['@h'], 'User needs a value'],
    [['a\x1b[2J@h'], 'not a user name'],
    [['-l', '-x', 'h'], 'not a user name'],
    [['-c', 'aes128-crt', 'h'], "did you mean 'aes128-ctr'?"],
    [['-o', 'KexAlgorithms=curve25519', 'h'], 'unknown key exchange'],
    [['-o', 'Ciphers=+nope', 'h'], 'unknown cipher'],
  ])('refuses %j', (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });

  it('escapes what it repeats', () => {
    for (const args of [['-o', 'a\x1b[2J=1', 'h'], ['--\x1b[2J', 'h'], ['-o', 'Port=\x1b[2J', 'h'], ['x\x1b[2J']]) {
      expect(() => parse(...args)).toThrow(/\\x1b/);
    }
  });
});

describe('-o', () => {
  const o = (...pairs: string[]): SshOptions => parse(...pairs.flatMap((pair) => ['-o', pair]), 'h');

  it.each([
    ['Port=2222', { port: 2222 }],
    ['port 2222', { port: 2222 }],
    ['PORT = 2222', { port: 2222 }],
    ['Port\t2222', { port: 2222 }],
    ['User=u', { user: 'u' }],
    ['UserKnownHostsFile=/a ~/b "/c d"', { userKnownHostsFiles: ['/a', join(homedir(), 'b'), '/c d'] }],
    ['GlobalKnownHostsFile=/dev/null', { globalKnownHostsFiles: ['/dev/null'] }],
    ['IdentityFile=~/.ssh/k', { identityFiles: [join(homedir(), '.ssh/k')] }],
    ['StrictHostKeyChecking=Accept-New', { strictHostKeyChecking: 'accept-new' }],
    ['StrictHostKeyChecking=off', { strictHostKeyChecking: 'no' }],
    ['HashKnownHosts=yes', { hashKnownHosts: true }],
    ['UpdateHostKeys=ask', { updateHostKeys: 'ask' }],
    ['CertificateFile=~/c', { certificateFiles: [join(homedir(), 'c')] }],
    ['IdentitiesOnly=yes', { identitiesOnly: true }],
    ['IdentityAgent=none', { identityAgent: null }],
    ['IdentityAgent=~/agent', { identityAgent: join(homedir(), 'agent') }],
    ['IdentityAgent="/a b"', { identityAgent: '/a b' }],
    ['ProxyCommand=nc %h %p', { proxyCommand: 'nc %h %p' }],
    ['ProxyCommand=none', { proxyCommand: null }],
    ['ProxyJump=a,b', { proxyJump: [{ host: 'a' }, { host: 'b' }] }],
    ['Compression=no', { compression: false }],
    ['BatchMode=yes', { batchMode: true }],
    ['ServerAliveInterval=1m30', { serverAliveIntervalSeconds: 90 }],
    ['ServerAliveCountMax=0', { serverAliveCountMax: 0 }],
    ['ConnectTimeout=5', { connectTimeoutSeconds: 5 }],
    ['RekeyLimit=64K', { rekey: { bytes: 65_536 } }],
    ['RekeyLimit=1g 1h', { rekey: { bytes: 2 ** 30, milliseconds: 3_600_000 } }],
    ['RekeyLimit=default none', { rekey: {} }],
    ['PreferredAuthentications=password,publickey', { preferredAuthentications: ['password', 'publickey'] }],
    ['PreferredAuthentications=gssapi-with-mic,password', { preferredAuthentications: ['gssapi-with-mic', 'password'] }],
    ['SetEnv=A=1 "B=2 3" C=', { setEnv: new Map(Object.entries({ A: '1', B: '2 3', C: '' })) }],
    ['SendEnv=LANG LC_*', { sendEnv: ['LANG', 'LC_*'] }],
    ['RequestTTY=force', { requestTty: 'force' }],
    ['HostKeyAlgorithms=^ssh-ed25519', { algorithms: { keys: '^ssh-ed25519' } }],
    ['PubkeyAcceptedAlgorithms=ssh-ed25519', { algorithms: { pubkeys: 'ssh-ed25519' } }],
  ])('%s', (pair, expected) => {
    expect(o(pair)).toMatchObject(expected);
  });

  it('ConnectTimeout=none is none', () => {
    expect(o('ConnectTimeout=none')).not.toHaveProperty('connectTimeoutSeconds');
  });

  it('takes the first of two, and all of lists', () => {
    expect(o('Port=1', 'Port=2').port).toBe(1);
    expect(parse('-p', '1', '-oPort=2', 'h').port).toBe(1);
    expect(o('SetEnv=A=1', 'SetEnv=A=2 B=3').setEnv).toEqual(new Map(Object.entries({ A: '1', B: '3' })));
    expect(o('SendEnv=A', 'SendEnv=B').sendEnv).toEqual(['A', 'B']);
    expect(o('StrictHostKeyChecking=no', 'StrictHostKeyChecking=yes').strictHostKeyChecking).toBe('no');
  });

  it.each([
    ['Prot=1', "unknown option '-o Prot'; did you mean 'Port'?"],
    ['StrictHostKeyCheking=no', "did you mean 'StrictHostKeyChecking'?"],
    ['ProxyJump=a b', 'not a host name'],
    ['AddKeysToAgent=yes', '-o AddKeysToAgent is not supported yet'],
    ['IdentitiesOnly=perhaps', "IdentitiesOnly cannot be 'perhaps'"],
    ['IdentityAgent=/a /b', 'IdentityAgent needs the path of one socket'],
    ['UpdateHostKeys=maybe', "UpdateHostKeys cannot be 'maybe'"],
    ['qqqqqqqqqqqq=1', "unknown option '-o qqqqqqqqqqqq'"],
    ['__proto__=1', "unknown option '-o __proto__'"],
    ['Port', 'Port needs a value'],
    ['Port=', 'Port needs a value'],
    ['=1', '-o needs Key=Value'],
    ['Compression=maybe', "Compression cannot be 'maybe'"],
    ['StrictHostKeyChecking=accept-nwe', "did you mean 'accept-new'?"],
    ['StrictHostKeyChecking=constructor', "cannot be 'constructor'"],
    ['ConnectTimeout=soon', 'ConnectTimeout needs a time'],
    ['ConnectTimeout=-1', 'ConnectTimeout needs a time'],
    ['ServerAliveInterval=9999999', 'too long'],
    ['RekeyLimit=1X', 'RekeyLimit needs a size'],
    ['RekeyLimit=100', 'too small'],
    ['RekeyLimit=1G 0', 'above 0'],
    ['RekeyLimit=1G 1h x', 'RekeyLimit takes a size and a time'],
    ['PreferredAuthentications=pasword', "did you mean 'password'?"],
    ['SetEnv=A', 'SetEnv needs NAME=VALUE'],
    ['SetEnv="A=1', 'a quote is not closed'],
    ['RequestTTY=please', 'RequestTTY cannot be'],
  ])('refuses %s', (pair, message) => {
    expect(() => o(pair)).toThrow(UsageError);
    expect(() => o(pair)).toThrow(message);
  });
});

describe('ProxyJump and ProxyCommand', () => {
  it('the first one counts, and rules the other out', () => {
    const o = (...pairs: string[]): SshOptions => parse(...pairs.flatMap((pair) => ['-o', pair]), 'h');
    expect(o('ProxyJump=a', 'ProxyCommand=x')).toMatchObject({ proxyJump: [{ host: 'a' }] });
    expect(o('ProxyJump=a', 'ProxyCommand=x').proxyCommand).toBeUndefined();
    expect(o('ProxyCommand=x', 'ProxyJump=a').proxyJump).toBeUndefined();
    expect(o('ProxyJump=none', 'ProxyCommand=x').proxyCommand).toBeUndefined();
  });
});
