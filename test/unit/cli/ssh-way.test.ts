// The way of `amiko ssh` to its host: what a shell gets to see of names that others may have made up, and what jump hosts inherit.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Asking } from '../../../src/cli/connection/asking.ts';
import { newConnectionOptions } from '../../../src/cli/connection/options.ts';
import { expandProxyCommand } from '../../../src/cli/connection/proxy-command.ts';
import { hopOptions } from '../../../src/cli/connection/way.ts';
import { UsageError } from '../../../src/errors.ts';

const target = { host: 'db.example.com', port: 2222, user: 'me' };

describe('ProxyCommand', () => {
  it.each([
    ['nc %h %p', 'nc db.example.com 2222'],
    ['ssh -l %r -W [%h]:%p %n', 'ssh -l me -W [db.example.com]:2222 db.example.com'],
    ['date +%%s; cat', 'date +%s; cat'],
    ['%%h', '%h'],
    ['plain', 'plain'],
  ])('%s', (command, expanded) => {
    expect(expandProxyCommand(command, target)).toBe(expanded);
  });

  it('does not expand what has been filled in', () => {
    expect(expandProxyCommand('x %h', { ...target, host: 'fe80::1%p' })).toBe('x fe80::1%p');
    expect(expandProxyCommand('$& %h', target)).toBe('$& db.example.com');
  });

  it.each(['%d', '%', 'a %C', '%\n', '-', 'a\nb', 'a\0b', '%_'])('refuses %j', (command) => {
    expect(() => expandProxyCommand(command, target)).toThrow(UsageError);
  });

  const evil = ['`id`', '$(id)', 'a;id', 'a|id', 'a&id', "a'b", 'a"b', 'a<b', 'a>b', 'a(b', 'a{b', 'a\\b', 'a b', 'a\tb', 'a\nb'];
  it.each([...evil, '-oProxyCommand=id', 'a*', 'a?', 'a[b', '~root', 'a!b', 'a#b', '\u{202e}a', ''])(
    'gives no host or user %j to a shell, though no token asks for it',
    (name) => {
      expect(() => expandProxyCommand('x', { ...target, host: name })).toThrow(UsageError);
      expect(() => expandProxyCommand('x', { ...target, user: name })).toThrow(UsageError);
    },
  );
});

describe('a jump host', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('takes over how to talk, and nothing that decides whom to trust or that logs in', () => {
    const options = {
      ...newConnectionOptions(),
      port: 2222,
      user: 'me',
      identityFiles: ['key'],
      strictHostKeyChecking: 'no' as const,
      userKnownHostsFiles: ['/dev/null'],
      gssapiAuthentication: true,
      batchMode: true,
      verbosity: 2 as const,
      connectTimeoutSeconds: 5,
    };
    expect(hopOptions(options)).toEqual({
      ...newConnectionOptions(),
      batchMode: true,
      verbosity: 2,
      connectTimeoutSeconds: 5,
    });
  });

  it("does not get the destination's password", () => {
    vi.stubEnv('AMIKO_PASSWORD', 'secret');
    const asking = new Asking({ batchMode: true });
    expect(asking.environmentPassword).toBe('secret');
    expect(asking.forJumpHost().environmentPassword).toBeNull();
  });
});
