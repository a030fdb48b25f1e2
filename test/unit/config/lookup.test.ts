// What a configuration says about a host: blocks, Match by Match, Include, tokens, quoting, and the typed values.

import { chmodSync } from 'node:fs';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigError, type LookupOptions, type ResolvedConfig, SSHConfig } from '../../../src/config.ts';
import { tempDir } from '../../support/peers.ts';

const machine = {
  user: 'me',
  uid: 1000,
  home: '/home/me',
  hostname: 'laptop.local',
  env: { TOKEN: 'secret', LANG: 'C', SSH_AUTH_SOCK: '/run/agent' },
  addresses: () => ['127.0.0.1', '10.1.2.3', 'fe80::1%eth0', '2001:db8::5'],
};

function lookup(text: string, host = 'web', options: LookupOptions = {}): Promise<ResolvedConfig> {
  return SSHConfig.parse(text).lookup(host, { machine, resolve: async () => null, ...options });
}

/** Whether the Match line lets through what follows. */
async function matches(line: string, host = 'web', options: LookupOptions = {}, before = ''): Promise<boolean> {
  return (await lookup(`${before}\nMatch ${line}\nBatchMode yes`, host, options)).batchMode;
}

describe('values', () => {
  it('are the first that apply', async () => {
    const config = await lookup('Port 1\nHost db\nUser x\nHost w*\nUser y\nPort 2\nHost *\nUser z');
    expect([config.port, config.user, config.hostname]).toEqual([1, 'y', 'web']);
  });

  it('are printed without the environment', async () => {
    const config = await lookup('SendEnv TOKEN');
    expect(config.environment.get('TOKEN')).toBe('secret');
    expect(inspect(config, { depth: 10 }) + JSON.stringify(config)).not.toContain('secret');
  });

  it('of the command line win', async () => {
    const { user, port, batchMode } = await lookup('User a\nPort 1\nBatchMode no', 'web', {
      user: 'b',
      port: 2,
      overrides: ['BatchMode yes'],
    });
    expect([user, port, batchMode]).toEqual(['b', 2, true]);
  });

  it('have types', async () => {
    const config = await lookup(
      [
        'ConnectTimeout 1m',
        'StrictHostKeyChecking off',
        'IdentityFile ~/.ssh/%h_%r',
        'CertificateFile /c-%p',
        'ProxyJump a@b:1,[::1]:2',
        'UserKnownHostsFile ~/kh "/a b"',
        'LocalForward [::1]:80 web:81',
        'DynamicForward 1080',
        'RemoteForward /tmp/s /tmp/t',
        'SetEnv A=1 B="2 3"',
        'SendEnv LA* -X',
        'ServerAliveInterval 15',
        'RekeyLimit 1G 1h',
        'EscapeChar none',
        'ForwardAgent $SSH_AUTH_SOCK',
        'Compression yes',
        'PreferredAuthentications publickey,password',
      ].join('\n'),
    );
    expect(config.connectTimeout).toBe(60_000);
    expect(config.strictHostKeyChecking).toBe('no');
    expect(config.identityFiles).toEqual(['/home/me/.ssh/web_me']);
    expect(config.identityFilesAreDefaults).toBe(false);
    expect(config.certificateFiles).toEqual(['/c-22']);
    expect(config.proxyJump).toEqual([
      { user: 'a', host: 'b', port: 1 },
      { user: null, host: '::1', port: 2 },
    ]);
    expect(config.proxyCommand).toBeNull();
    expect(config.userKnownHostsFiles).toEqual(['/home/me/kh', '/a b']);
    expect(config.knownHostsFiles).toHaveLength(4);
    expect(config.localForwards).toEqual([{ listen: { host: '::1', port: 80 }, connect: { host: 'web', port: 81 } }]);
    expect(config.dynamicForwards).toEqual([{ listen: { host: null, port: 1080 }, connect: 'socks' }]);
    expect(config.remoteForwards).toEqual([{ listen: { path: '/tmp/s' }, connect: { path: '/tmp/t' } }]);
    expect([...config.environment]).toEqual([
      ['LANG', 'C'],
      ['A', '1'],
      ['B', '2 3'],
    ]);
    expect(config.serverAliveInterval).toBe(15_000);
    expect(config.rekeyLimit).toEqual({ bytes: 2 ** 30, milliseconds: 3_600_000 });
    expect(config.escapeChar).toBeNull();
    expect(config.forwardAgent).toBe('/run/agent');
    expect(config.identityAgent).toBe('/run/agent');
    expect(config.algorithms.compression?.at(-1)).toBe('none');
    expect(config.preferredAuthentications).toEqual(['publickey', 'password']);
    expect(config.get('PROXYJUMP')).toBe('a@b:1,[::1]:2');
    expect(config.get('ProxyCommand')).toBeUndefined();
    expect(config.get('SetEnv')).toEqual(['A=1', 'B=2 3']);
  });

  it('of nobody are the defaults', async () => {
    const config = await lookup('');
    expect(config.identityFilesAreDefaults).toBe(true);
    expect(config.identityFiles).toContain('/home/me/.ssh/id_ed25519');
    expect([config.port, config.user, config.strictHostKeyChecking, config.connectTimeout]).toEqual([22, 'me', 'ask', null]);
    expect(config.algorithms).toEqual({});
  });
});

describe('what the other side may open', () => {
  it('is everything, unless PermitRemoteOpen says otherwise', async () => {
    const ask = async (text: string) => {
      const config = await lookup(text);
      return (
        [
          ['a', 80],
          ['a', 81],
          ['A', 80],
          ['::1', 80],
        ] as const
      ).map(([host, port]) => config.permitsRemoteOpen(host, port));
    };
    expect(await ask('')).toEqual([true, true, true, true]);
    expect(await ask('PermitRemoteOpen any')).toEqual([true, true, true, true]);
    expect(await ask('PermitRemoteOpen none')).toEqual([false, false, false, false]);
    expect(await ask('PermitRemoteOpen a:80')).toEqual([true, false, false, false]);
    expect(await ask('PermitRemoteOpen a:* [::1]:80')).toEqual([true, true, false, true]);
    expect(await ask('PermitRemoteOpen *:http')).toEqual([true, false, true, true]);
    expect(await ask('PermitRemoteOpen ?:80 a*:80')).toEqual([false, false, false, false]);
  });

  it('is closed when it is idle, as ChannelTimeout has it', async () => {
    expect((await lookup('')).channelTimeouts).toEqual([]);
    expect((await lookup('ChannelTimeout none')).channelTimeouts).toEqual([]);
    expect((await lookup('ChannelTimeout session=1m30s x=0\nChannelTimeout *=1')).channelTimeouts).toEqual([
      { type: 'session', milliseconds: 90_000 },
      { type: 'x', milliseconds: 0 },
    ]);
  });
});

describe('algorithms', () => {
  it('that only OpenSSH has are left out', async () => {
    const { algorithms } = await lookup('MACs umac-64@openssh.com,hmac-sha2-512\nCiphers -*gcm*\nHostKeyAlgorithms ^ssh-rsa');
    expect(algorithms.macs).toEqual(['hmac-sha2-512']);
    expect(algorithms.ciphers).toContain('aes256-ctr');
    expect(algorithms.ciphers).not.toContain('aes256-gcm@openssh.com');
    expect(algorithms.keys?.[0]).toBe('ssh-rsa');
  });

  it('are an error where nothing is left of them', async () => {
    const config = await lookup('MACs umac-64@openssh.com');
    expect(() => config.algorithms).toThrow(ConfigError);
  });
});

describe('Match', () => {
  it.each([
    ['all', true],
    ['!all', false],
    ['host w*', true],
    ['host=w*,x', true],
    ['host !web,*', false],
    ['!host web', false],
    ['HOST WEB', true],
    ['originalhost web host web', true],
    ['user me', true],
    ['user you', false],
    ['localuser me,you', true],
    ['localuser ME', false],
    ['localnetwork 10.0.0.0/8', true],
    ['localnetwork 10.1.2.3', true],
    ['localnetwork 192.168.0.0/16,2001:db8::/32', true],
    ['localnetwork fe80::/10', true],
    ['localnetwork 10.2.0.0/16', false],
    ['!localnetwork 10.2.0.0/16', true],
    ['tagged ""', true],
    ['tagged *', false],
    ['command ""', true],
    ['command *', false],
    ['sessiontype shell', true],
    ['sessiontype exec', false],
    ['version amiko*', true],
    ['canonical', false],
    ['!canonical', true],
    ['final', true],
    ['canonical all', false],
    ['host web # comment', true],
    ['host "web"', true],
  ])('%s: %s', async (line, expected) => {
    expect(await matches(line)).toBe(expected);
  });

  it('sees what was set before it', async () => {
    expect(await matches('tagged blue', 'web', {}, 'Tag blue')).toBe(true);
    expect(await matches('host real.example', 'web', {}, 'Hostname real.example')).toBe(true);
    expect(await matches('originalhost real.example', 'web', {}, 'Hostname real.example')).toBe(false);
    expect(await matches('user root', 'web', {}, 'User root')).toBe(true);
    expect(await matches('sessiontype none', 'web', {}, 'SessionType none')).toBe(true);
  });

  it('sees what the caller wants to run', async () => {
    expect(await matches('command up*', 'web', { command: 'uptime' })).toBe(true);
    expect(await matches('sessiontype exec', 'web', { command: 'uptime' })).toBe(true);
    expect(await matches('sessiontype subsystem command sftp', 'web', { command: 'sftp', subsystem: true })).toBe(true);
  });

  it.each(['', 'host', 'nonsense x', 'all all', 'localnetwork 10.0.0.1/8', 'localnetwork x', 'localnetwork 10.0.0.0/33'])(
    'is an error: %j',
    async (line) => {
      await expect(matches(line || '#')).rejects.toThrow(ConfigError);
    },
  );

  it('offers the criterion that was meant', async () => {
    await expect(matches('orginalhost x')).rejects.toThrow("did you mean 'originalhost'?");
  });
});

describe('Match exec', () => {
  const run = (answers: boolean[], commands: string[]): LookupOptions => ({
    exec: async (command) => {
      commands.push(command);
      return answers.shift() ?? false;
    },
  });

  it('runs what it says, tokens put in, and goes by the answer', async () => {
    const commands: string[] = [];
    expect(await matches('exec "test %h:%p = %n%% && %r@%u"', 'web', run([true], commands), 'Hostname x.example\nPort 99')).toBe(
      true,
    );
    expect(commands).toEqual(['test x.example:99 = web% && me@me']);
    expect(await matches('!exec false', 'web', run([false], commands))).toBe(true);
  });

  it('is not run when something before it does not hold, or its block is dead', async () => {
    await using dir = tempDir();
    const commands: string[] = [];
    expect(await matches('host other exec x', 'web', run([true], commands))).toBe(false);
    dir.write('inc', 'Match exec y\nPort 1\n');
    await lookup(`Host other\nInclude ${dir.join('inc')}`, 'web', run([true], commands));
    expect(commands).toEqual([]);
  });

  it('opens no block unless the caller allows commands, with ! or without', async () => {
    const config = await lookup('Match exec true\nBatchMode yes\nMatch !exec false\nBatchMode yes');
    expect(config.batchMode).toBe(false);
    expect(config.notices).toEqual([expect.stringMatching(/line 1: Match exec was not run/), expect.stringMatching(/line 3/)]);
  });
});

describe('Include', () => {
  it('takes patterns, in order, relative to a directory, and keeps blocks apart', async () => {
    await using dir = tempDir();
    dir.write('b.conf', 'Host web\nUser b\nHost nobody\n');
    dir.write('a.conf', 'User a\nHost nobody\n');
    dir.write('.hidden.conf', 'User hidden\n');
    const config = SSHConfig.parse('Host *\nInclude *.conf missing\nPort 7\n', { baseDir: dir.path });
    const { user, port } = await config.lookup('web', { machine: { ...machine, uid: process.getuid?.() ?? -1 } });
    expect([user, port]).toEqual(['a', 7]);
  });

  it('takes tokens and variables', async () => {
    await using dir = tempDir();
    dir.write('secret-web', 'User found\n');
    const text = `Include "${dir.path}/\${TOKEN}-%h"\nInclude \${NONE}/x`;
    const config = await lookup(text);
    expect(config.user).toBe('found');
    expect(config.notices.join()).toContain("'NONE' is not set");
  });

  it('does not let a name choose the directory', async () => {
    await expect(lookup('Include /tmp/%h', '../etc/x')).rejects.toThrow('has a slash');
  });

  it('ends at a depth of 16', async () => {
    await using dir = tempDir();
    dir.write('loop', `Include ${dir.join('loop')}\n`);
    await expect(lookup(`Include ${dir.join('loop')}`)).rejects.toThrow('more than 16 files include each other');
  });

  it('refuses a file that others can write to', async () => {
    await using dir = tempDir();
    chmodSync(dir.write('open', 'User x\n'), 0o666);
    await expect(lookup(`Include ${dir.join('open')}`)).rejects.toThrow('others can write to the file');
    // A file that was named is the caller's choice, as with `ssh -F`.
    expect((await (await SSHConfig.load(dir.join('open'))).lookup('web', { machine })).user).toBe('x');
  });
});

describe('mistakes', () => {
  it('are told with file and line, all of them', async () => {
    await using dir = tempDir();
    const file = dir.write('config', '# one\nHots web\n  Port 99999\nHost other\nPasswordAuthentcation no\nUser "x\n');
    const error = await (await SSHConfig.load(file))
      .lookup('web', { machine: { home: dir.path } })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    const { problems, message, code } = error as ConfigError;
    expect(code).toBe('ERR_SSH_CONFIG');
    expect(problems.map(({ line }) => line)).toEqual([2, 3, 5, 6]);
    expect(message).toContain("~/config line 2: there is no option 'hots'; did you mean 'Host'?");
    expect(message).toContain("~/config line 3: bad port '99999'");
    expect(message).toContain("did you mean 'PasswordAuthentication'?");
    expect(message).toContain('~/config line 6: a quote is not closed');
  });

  it('are let pass where IgnoreUnknown says so', async () => {
    expect((await lookup('IgnoreUnknown Use*\nUseKeychain yes\nPort 5')).port).toBe(5);
  });

  it('of misspelt algorithms offer the nearest', async () => {
    await expect(lookup('Ciphers aes256-crt')).rejects.toThrow("did you mean 'aes256-ctr'?");
  });

  it('are a file that is not there', async () => {
    await expect(SSHConfig.load('/none/such')).rejects.toThrow('/none/such: there is no such file');
  });
});

describe('quoting', () => {
  it.each([
    ['User "a b"', 'a b'],
    ["User 'a b'", 'a b'],
    ['User a\\ b', 'a b'],
    ['User a#b', 'a#b'],
    ['User a #b', 'a'],
    ['User="a"b', 'ab'],
    ['User = a', 'a'],
    ['\tuser\ta\t\f', 'a'],
    ['"User" a', 'a'],
    ['User a\\b', 'a\\b'],
  ])('%j', async (line, expected) => {
    expect((await lookup(line)).user).toBe(expected);
  });
});
