// What an attacker may choose (host and user names, sometimes patterns) does no harm: nothing of it reaches a command, a path or a
// terminal, and nothing takes long. CVE-2023-51385, CVE-2025-61984, CVE-2025-61985; CVE-2026-0967 for the patterns.

import { describe, expect, it } from 'vitest';
import { shellWords } from '../../../src/config/command.ts';
import { ConfigError, parseDestination, SSHConfig, UsageError } from '../../../src/config.ts';

const machine = { user: 'me', uid: 1000, home: '/home/me', hostname: 'laptop', env: {} };
const COMMANDS = ['ProxyCommand nc %h %p', 'KnownHostsCommand /bin/kh %n', 'PermitLocalCommand yes\nLocalCommand echo %r'];

const HOSTS = [
  '-oProxyCommand=x',
  'a;b',
  'a`b`',
  '$(id)',
  'a b',
  'a\nb',
  'a\tb',
  "a'b",
  'a"b',
  'a\\b',
  'a|b',
  'a&b',
  'a<b',
  'a\0b',
  '\x1b[2J',
];
const USERS = [
  '-oProxyCommand=x',
  'a;b',
  'a`b`',
  'a\nb',
  "a'b",
  'a"b',
  'a|b',
  'a -oX',
  'a\\',
  'a\0b',
  'a\x7fb',
  'a\u0085b',
  'a(b',
];

describe('hostile names', () => {
  it.each([...HOSTS, 'a'.repeat(256)])('host %j is refused before anything is read', async (host) => {
    await expect(SSHConfig.parse('Nonsense').lookup(host, { machine })).rejects.toThrow(UsageError);
  });

  it.each(USERS)('user %j is refused before anything is read', async (user) => {
    await expect(SSHConfig.parse('Nonsense').lookup('web', { machine, user })).rejects.toThrow(UsageError);
  });

  it('do not come in by User with a variable', async () => {
    const env = { EVIL: "x';id;'" };
    const config = SSHConfig.parse(`User ${'$'}{EVIL}`);
    await expect(config.lookup('web', { machine: { ...machine, env } })).rejects.toThrow('has characters that no name has');
  });

  it.each(['a;b', '-a', 'u@-a', "u'x@a", 'a,b;c,d', 'a$(id)', 'ssh://u%0ax@a', 'ssh://u%00@a'])(
    'ProxyJump %j is refused',
    async (jump) => {
      await expect(SSHConfig.parse(`ProxyJump ${jump}`).lookup('web', { machine })).rejects.toThrow(ConfigError);
    },
  );

  it.each(['-x', "a'b", 'a;b', 'u\x01@a', 'a b'])('destination %j is refused', (text) => {
    expect(() => parseDestination(text)).toThrow();
  });

  // The shell makes two words of it, and the second is an option: of the inner ssh, as it were.
  it('with a variable in it log in, but are not put into a command', async () => {
    const text =
      'Match user x* exec "true %r"\nMatch all\nProxyCommand ssh -l %r gate\nPermitLocalCommand yes\nLocalCommand echo %r';
    const user = 'x$IFS-oProxyCommand=y';
    await expect(SSHConfig.parse(text).lookup('web', { machine, user })).rejects.toThrow('dollar sign');
    const config = await SSHConfig.parse(text.split('Match all\n')[1] as string).lookup('web', { machine, user });
    expect(config.user).toBe(user);
    expect(() => config.proxyCommand).toThrow('dollar sign; it is not put into a command');
    expect(() => config.localCommand).toThrow('dollar sign; it is not put into a command');
  });

  it('that a configuration makes are not put into a command', async () => {
    for (const command of ['ProxyCommand nc %h %p', 'ProxyCommand nc %k']) {
      const text = `${command}\nHostname "x;id"\nHostKeyAlias "y;id"`;
      const config = await SSHConfig.parse(text).lookup('web', { machine });
      expect(() => config.proxyCommand).toThrow('it is not put into a command');
    }
    const text = 'Hostname "x;id"\nMatch exec "test %h"\nPort 1';
    const ran: string[] = [];
    const lookup = SSHConfig.parse(text).lookup('web', { machine, exec: async (command) => ran.push(command) > 0 });
    await expect(lookup).rejects.toThrow('it is not put into a command');
    expect(ran).toEqual([]);
  });

  it('from a known_hosts command line of the peer are not put into a command', async () => {
    const config = await SSHConfig.parse('KnownHostsCommand /bin/kh %H %t').lookup('web', { machine });
    expect(() => config.knownHostsCommand({ H: 'a;id', t: 'x' })).toThrow('it is not put into a command');
    expect(() => config.knownHostsCommand({ H: 'a', t: 'x y$(id)' })).toThrow('it is not put into a command');
    expect(config.knownHostsCommand({ H: 'a', t: 'ssh-rsa' })?.argv).toEqual(['/bin/kh', 'a', 'ssh-rsa']);
  });

  it('leave an honest lookup alone', async () => {
    const config = await SSHConfig.parse(COMMANDS.join('\n')).lookup('web', { machine });
    expect(config.proxyCommand).toEqual({ text: 'nc web 22', argv: ['nc', 'web', '22'] });
    expect(config.localCommand?.text).toBe('echo me');
    expect(config.knownHostsCommand()?.argv).toEqual(['/bin/kh', 'web']);
  });
});

describe('commands without a shell', () => {
  it.each<[string, string[] | null]>([
    ["ssh -W '[%h]:%p' gate", ['ssh', '-W', '[%h]:%p', 'gate']],
    ['ssh -W [%h]:%p gate', ['ssh', '-W', '[%h]:%p', 'gate']],
    ['a "b c" d\\ e "f\\"g" \'$x\'', ['a', 'b c', 'd e', 'f"g', '$x']],
    ['a ""', ['a', '']],
    ['a | b', null],
    ['a; b', null],
    ['a $HOME', null],
    ['a "$HOME"', null],
    ['a `b`', null],
    ['a > b', null],
    ['a *.txt', null],
    ['~/bin/a', null],
    ['A=b c', null],
    ['a "b', null],
    ["a 'b", null],
    ['a \\', null],
    ['', null],
  ])('%j', (command, expected) => {
    expect(shellWords(command)).toEqual(expected);
  });

  it('never make two arguments of one value', async () => {
    const text = 'ProxyCommand a %r b';
    const { proxyCommand } = await SSHConfig.parse(text).lookup('web', { machine, user: 'x y' });
    expect(proxyCommand?.argv).toEqual(['a', 'x y', 'b']);
  });
});

describe('64 KiB of anything takes no time', () => {
  const K = 65_536;
  it.each([
    ['Host stars', `Host ${'*a'.repeat(K / 2)}b`],
    ['Host a*a*', `Host ${'a*'.repeat(K / 2)}`],
    ['Host many', `Host ${'*a*b '.repeat(K / 5)}`],
    ['Match host', `Match host ${'*a,'.repeat(K / 3)}x`],
    ['Match user', `Match user ${'*?'.repeat(K / 2)}`],
    ['digits', `ConnectTimeout ${'1'.repeat(K)}x`],
    ['time', `ConnectTimeout ${'1s'.repeat(K / 2)}x`],
    ['keyword', `${'a'.repeat(K)} x`],
    ['equals', `Port ${'='.repeat(K)}`],
    ['criterion', `Match ${'a'.repeat(K)}`],
    ['value', `LogLevel ${'a'.repeat(K)}`],
    ['algorithms', `HostKeyAlgorithms ${'*a*,'.repeat(K / 4)}*z`],
    ['ciphers', `Ciphers ${'a,'.repeat(K / 2)}z`],
    ['quotes', `User ${'""'.repeat(K / 2)}`],
    ['backslashes', `User ${'\\'.repeat(K)}`],
    ['spaces', `User${' '.repeat(K)}"`],
    ['tokens', `Hostname ${'%h'.repeat(K / 2)}`],
    ['domain', `CanonicalDomains ${'a.'.repeat(K / 2)}-`],
    ['jump', `ProxyJump ${'a,'.repeat(K / 2)}`],
    ['network', `Match localnetwork ${'1'.repeat(K)}/8`],
    ['forward', `LocalForward ${'a:'.repeat(K / 2)} b`],
    ['include', `Include /tmp/${'*'.repeat(K)}x`],
    ['size', `RekeyLimit ${'9'.repeat(K)}G`],
  ])('%s', async (_name, text) => {
    const config = SSHConfig.parse(`${text}\nPort 1`);
    const host = 'a'.repeat(255);
    const once = async (): Promise<number> => {
      const start = process.cpuUsage();
      await config.lookup(host, { machine, resolve: async () => null }).catch((error: unknown) => {
        expect(error).toBeInstanceOf(ConfigError);
      });
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    };
    // The first run compiles; what is measured is the matcher, and not what else this machine does.
    let best = await once();
    for (let again = 0; again < 10 && best >= 50; again++) best = Math.min(best, await once());
    expect(best).toBeLessThan(50);
  });
});
