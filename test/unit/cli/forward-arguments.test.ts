// -L, -R, -D and -W: every form that ssh(1) has, what is refused, and what the options mean for each other.
import { describe, expect, it } from 'vitest';
import { describePlace, parseDynamic, parseForward, parseStdioForward } from '../../../src/cli/ssh/forward-arguments.ts';
import { usage } from '../../../src/cli/ssh/help.ts';
import { parseXauthList } from '../../../src/cli/ssh/offers.ts';
import { UsageError } from '../../../src/errors.ts';
import { settledSsh } from '../../support/cli-options.ts';

const web = { host: 'web', port: 80 };

describe('a forward', () => {
  it.each([
    ['8080:web:80', { host: null, port: 8080 }, web],
    ['0:web:80', { host: null, port: 0 }, web],
    ['localhost:8080:web:80', { host: 'localhost', port: 8080 }, web],
    ['127.0.0.2:8080:web:80', { host: '127.0.0.2', port: 8080 }, web],
    ['*:8080:web:80', { host: '', port: 8080 }, web],
    [':8080:web:80', { host: '', port: 8080 }, web],
    ['[::1]:8080:[fe80::1]:80', { host: '::1', port: 8080 }, { host: 'fe80::1', port: 80 }],
    ['8080:[::1]:80', { host: null, port: 8080 }, { host: '::1', port: 80 }],
    ['80:2:3', { host: null, port: 80 }, { host: '2', port: 3 }],
    ['8080:/run/s.sock', { host: null, port: 8080 }, { path: '/run/s.sock' }],
    ['localhost:8080:/run/s', { host: 'localhost', port: 8080 }, { path: '/run/s' }],
    ['[::1]:8080:./s', { host: '::1', port: 8080 }, { path: './s' }],
    ['/tmp/l:web:80', { path: '/tmp/l' }, web],
    ['/tmp/l:[::1]:80', { path: '/tmp/l' }, { host: '::1', port: 80 }],
    ['/tmp/l:/run/r', { path: '/tmp/l' }, { path: '/run/r' }],
    ['/tmp/a\\:b:/run/r\\\\', { path: '/tmp/a:b' }, { path: '/run/r\\' }],
  ])('%s', (text, from, to) => {
    expect(parseForward('local', text)).toEqual({ kind: 'local', from, to });
    expect(parseForward('remote', text)).toEqual({ kind: 'remote', from, to });
  });

  it.each([
    '',
    ':',
    '8080',
    '8080:web',
    'web:80',
    '8080:web:0',
    '8080:web:',
    '8080::80',
    '8080:web:http',
    '65536:web:80',
    '8080:web:65536',
    '-1:web:80',
    '0x50:web:80',
    'a:8080:web:80:90',
    'a:b:web:80',
    '::1:8080:web:80',
    '[::1:8080:web:80',
    '[::1]8080:web:80',
    'x[::1]:8080:web:80',
    '[8080]:web:80',
    '8080:web:[80]',
    '/tmp/l:8080:/run/r',
    '/tmp/l:8080:web:80',
    'localhost:/tmp/l:web:80',
    '8080:/run/r:80',
    '/tmp/l',
    '8080:we\nb:80',
    '8080:/run/\x1b[2J',
    '8080:web:80\\',
  ])('refuses -L %j', (text) => {
    expect(() => parseForward('local', text)).toThrow(UsageError);
    expect(() => parseForward('local', text)).toThrow(/^-L needs \[bind_address:\]port:host:hostport/);
  });

  it.each([
    ['1080', { host: null, port: 1080 }],
    ['0', { host: null, port: 0 }],
    ['localhost:1080', { host: 'localhost', port: 1080 }],
    ['*:1080', { host: '', port: 1080 }],
    ['[::1]:1080', { host: '::1', port: 1080 }],
    ['/run/proxy', { path: '/run/proxy' }],
  ])('-R %s is a SOCKS proxy on the other side', (text, from) => {
    expect(parseForward('remote', text)).toEqual({ kind: 'remote-dynamic', from });
  });

  it.each(['web', 'a:1080:b', '65536', '[1080]', ''])('refuses -R %j', (text) => {
    expect(() => parseForward('remote', text)).toThrow(/^-R needs .*, or \[bind_address:\]port, not/);
  });

  it('escapes what it repeats', () => {
    expect(() => parseForward('local', '\x1b[2J')).toThrow(/'\\x1b\[2J'/);
  });
});

it.each([
  ['1080', { host: null, port: 1080 }],
  ['0', { host: null, port: 0 }],
  ['localhost:1080', { host: 'localhost', port: 1080 }],
  ['*:1080', { host: '', port: 1080 }],
  [':1080', { host: '', port: 1080 }],
  ['[::1]:1080', { host: '::1', port: 1080 }],
])('-D %s', (text, from) => {
  expect(parseDynamic(text)).toEqual({ kind: 'dynamic', from });
});

it.each(['', 'x', '1080:web:80', '::1:1080', '/run/s', '/run/s:1080', '65536'])('refuses -D %j', (text) => {
  expect(() => parseDynamic(text)).toThrow(/^-D needs \[bind_address:\]port/);
});

it.each([
  ['web:80', web],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['/run/s', { path: '/run/s' }],
])('-W %s', (text, target) => {
  expect(parseStdioForward(text)).toEqual(target);
});

it.each(['', 'web', '80', 'web:', ':80', 'web:0', '::1:80', 'a:web:80', '/run/s:80'])('refuses -W %j', (text) => {
  expect(() => parseStdioForward(text)).toThrow(/^-W needs host:port/);
});

it.each([
  [{ host: 'web', port: 80 }, 'web:80'],
  [{ host: '::1', port: 80 }, '[::1]:80'],
  [{ host: '', port: 80 }, '*:80'],
  [{ host: null, port: 80 }, 'localhost:80'],
  [{ path: '/a\x1b' }, '/a\\x1b'],
])('describes %j', (place, text) => {
  expect(describePlace(place)).toBe(text);
});

describe('options', () => {
  const all = ['gssapi-with-mic', 'publickey', 'keyboard-interactive', 'password'];
  const local = (port: number) => ({ kind: 'local', from: { host: null, port }, to: web });

  it('keeps all forwards, those of letters first', async () => {
    const words = ['-NL', '1:web:80', '-o', 'LocalForward=2 web:80', '-oRemoteForward 3 web:80', '-D4', 'h', '-L5:web:80'];
    const { forwards, noSession } = await settledSsh(...words);
    expect(forwards).toEqual([
      local(1),
      { kind: 'dynamic', from: { host: null, port: 4 } },
      local(5),
      local(2),
      { ...local(3), kind: 'remote' },
    ]);
    expect(noSession).toBe(true);
    const proxy = await settledSsh('-o', 'DynamicForward=[::1]:4', '-oDynamicForward *:5', 'h');
    expect(proxy.forwards).toEqual([
      { kind: 'dynamic', from: { host: '::1', port: 4 } },
      { kind: 'dynamic', from: { host: '', port: 5 } },
    ]);
    const sockets = await settledSsh('-o', 'LocalForward=/run/a /run/b', 'h');
    expect(sockets.forwards).toEqual([{ kind: 'local', from: { path: '/run/a' }, to: { path: '/run/b' } }]);
  });

  it.each([
    [['-o', 'ClearAllForwardings=yes', '-L1:web:80', 'h'], { forwards: [] }],
    [['-o', 'ClearAllForwardings=no', '-L1:web:80', 'h'], { forwards: [local(1)] }],
    [['-W', 'web:80', '-L1:web:80', 'h'], { stdioForward: web, noSession: true, exitOnForwardFailure: true, forwards: [] }],
    [['-W', 'web:80', '-o', 'ClearAllForwardings=no', '-L1:web:80', 'h'], { forwards: [local(1)] }],
    [['-W', 'web:80', '-o', 'ExitOnForwardFailure=no', 'h'], { exitOnForwardFailure: false }],
    [['-o', 'ExitOnForwardFailure=yes', 'h'], { exitOnForwardFailure: true }],
    [['-g', 'h'], { gatewayPorts: true }],
    [['-o', 'GatewayPorts=yes', 'h'], { gatewayPorts: true }],
    [['-o', 'SessionType=none', 'h'], { noSession: true }],
    [['-o', 'SessionType=default', 'h', 'ls'], { noSession: false, command: 'ls' }],
    [['-A', 'h'], { forwardAgent: true }],
    [['-Aa', 'h'], { forwardAgent: false }],
    [['-aA', 'h'], { forwardAgent: true }],
    [['-A', '-o', 'ForwardAgent=no', 'h'], { forwardAgent: true }],
    [['-o', 'ForwardAgent=/run/agent', 'h'], { forwardAgent: '/run/agent' }],
    [['-o', 'ForwardAgent=$AMIKO_NOT_SET', 'h'], { forwardAgent: false }],
    [['-o', 'ForwardX11=yes', '-o', 'ForwardX11Trusted=no', 'h'], { forwardX11: false }],
    [['-X', '-o', 'ForwardX11Trusted=no', 'h'], { forwardX11: false }],
    [['-Y', '-o', 'ForwardX11Trusted=no', 'h'], { forwardX11: true }],
    [['-s', 'h', 'netconf'], { subsystem: true, command: 'netconf' }],
    [['-o', 'RemoteCommand=uptime now', 'h'], { subsystem: false, command: 'uptime now' }],
    [['-X', 'h'], { forwardX11: true }],
    [['-Y', 'h'], { forwardX11: true }],
    [['-Xx', 'h'], { forwardX11: false }],
    [['-o', 'ForwardX11=yes', '-o', 'ForwardX11Trusted=yes', 'h'], { forwardX11: true }],
    [['-K', 'h'], { authentications: all, gssapiDelegateCredentials: true }],
    [['-Kk', 'h'], { authentications: all, gssapiDelegateCredentials: false }],
    [['-o', 'GSSAPIAuthentication=yes', 'h'], { authentications: all }],
  ])('%j', async (args, expected) => {
    expect(await settledSsh(...args)).toMatchObject(expected);
  });

  it('forwards nothing, and uses no Kerberos, unless asked', async () => {
    expect(await settledSsh('h')).toMatchObject({
      forwards: [],
      forwardAgent: false,
      forwardX11: false,
      gatewayPorts: false,
      noSession: false,
      stdioForward: null,
      authentications: all.slice(1),
      gssapiDelegateCredentials: false,
    });
  });

  it.each([
    [['-N', 'h', 'ls'], "-N runs no command: there is 'ls' behind the host"],
    [['-W', 'a:1', 'h', 'ls'], '-W runs no command'],
    [['-W', 'a:1', '-W', 'b:2', 'h'], '-W can be given only once'],
    [['-L', 'h'], '-L needs [bind_address:]port:host:hostport'],
    [['-o', 'LocalForward=8080', 'h'], 'the destination is missing'],
    [['-o', 'LocalForwrd=1 web:80', 'h'], "did you mean 'LocalForward'?"],
    [['-s', 'h'], '-s needs the name of a subsystem'],
    [['-o', 'SessionType=sbsystem', 'h'], "did you mean 'subsystem'?"],
    [['-o', 'ExitOnForwardFailure=perhaps', 'h'], "'perhaps' is no value of this"],
    [['-o', 'Tunnel=yes', 'h'], 'Tunnel: network tunnels are not supported'],
  ])('refuses %j', async (args, message) => {
    const refused = (async () => settledSsh(...args))();
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
  });

  it('explains every letter', () => {
    for (const letter of 'LRDWNgAaXYxKkFGsb') expect(usage(), letter).toMatch(new RegExp(`^ .*-${letter}\\b`, 'm'));
  });
});

it.each([
  ['host/unix:0  MIT-MAGIC-COOKIE-1  00ff\n', '00ff'],
  ['#ffff#6f#:  MIT-MAGIC-COOKIE-1  0a0B\nhost/unix:0  MIT-MAGIC-COOKIE-1  00ff\n', '0a0b'],
  ['', null],
  ['xauth:  file does not exist\n', null],
  ['host/unix:0  MIT-MAGIC-COOKIE-1  00f\n', null],
])('reads the output of xauth: %j', (output, cookie) => {
  const found = parseXauthList(output);
  expect(found === null ? null : Buffer.from(found.data).toString('hex')).toBe(cookie);
});
