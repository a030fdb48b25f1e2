// Where files are, in every form that scp(1) and sftp(1) have.
import { describe, expect, it } from 'vitest';
import { parsePlace, parseRemotePlace } from '../../../src/cli/transfer/place.ts';
import { UsageError } from '../../../src/errors.ts';

const remote = (path: string, destination: object) => ({ kind: 'remote', path, destination });

describe('a source or target', () => {
  it.each([
    ['host:path', remote('path', { host: 'host' })],
    ['host:', remote('', { host: 'host' })],
    ['user@host:/a/b', remote('/a/b', { host: 'host', user: 'user' })],
    ['u@dom@host:a', remote('a', { host: 'host', user: 'u@dom' })],
    ['host:a:b', remote('a:b', { host: 'host' })],
    ['host:a b', remote('a b', { host: 'host' })],
    ['[::1]:a', remote('a', { host: '::1' })],
    ['u@[::1]:a', remote('a', { host: '::1', user: 'u' })],
    ['[fe80::1%eth0]:', remote('', { host: 'fe80::1%eth0' })],
    ['sftp://host', remote('', { host: 'host' })],
    ['sftp://host/', remote('', { host: 'host' })],
    ['sftp://host/a/b', remote('a/b', { host: 'host' })],
    ['sftp://host//a/b', remote('/a/b', { host: 'host' })],
    ['sftp://host/~/a', remote('~/a', { host: 'host' })],
    ['scp://me@host:2222/a%20b', remote('a b', { host: 'host', user: 'me', port: 2222 })],
    ['SFTP://m%40e@[::1]:22/x', remote('x', { host: '::1', user: 'm@e', port: 22 })],
    ['sftp://me;fingerprint=x@host/a', remote('a', { host: 'host', user: 'me' })],
    ['a', { kind: 'local', path: 'a' }],
    ['/a:b', { kind: 'local', path: '/a:b' }],
    ['./host:path', { kind: 'local', path: './host:path' }],
    ['dir/a:b', { kind: 'local', path: 'dir/a:b' }],
    [':a', { kind: 'local', path: ':a' }],
    ['[x', { kind: 'local', path: '[x' }],
    ['a@b', { kind: 'local', path: 'a@b' }],
    ['-', { kind: 'local', path: '-' }],
  ])('%s', (text, expected) => {
    expect(parsePlace(text, 'linux')).toEqual(expected);
  });

  it('on Windows is a drive where it looks like one', () => {
    expect(parsePlace('C:\\x', 'win32')).toEqual({ kind: 'local', path: 'C:\\x' });
    expect(parsePlace('c:x', 'win32')).toEqual({ kind: 'local', path: 'c:x' });
    expect(parsePlace('c:x', 'linux')).toEqual(remote('x', { host: 'c' }));
  });

  it.each([
    ['', 'an empty name'],
    ['-oProxyCommand=x:a', 'not a host name'],
    ['a b:c', 'not a host name'],
    ['x\x1b[2J:c', 'not a host name'],
    ['@:c', 'not a host name'],
    ['@h:c', "no user before the @ in '@h'"],
    ['sftp://@h/c', 'no user before the @'],
    ['sftp://', 'no host'],
    ['sftp:///x', 'no host'],
    ['sftp://u:secret@host/x', 'a password in an address could be read by everybody'],
    ['sftp://host:0/x', 'the port needs a whole number from 1 to 65535'],
    ['sftp://host:x/x', 'the port needs a whole number'],
    ['sftp://host/%zz', 'a percent sign without two digits'],
    ['sftp://-x/a', 'not a host name'],
  ])('%j is refused', (text, message) => {
    expect(() => parsePlace(text, 'linux')).toThrow(UsageError);
    expect(() => parsePlace(text, 'linux')).toThrow(message);
  });

  it('never tells the password of an address', () => {
    expect(() => parsePlace('sftp://u:secret@host/x')).not.toThrow(/secret/);
  });
});

describe('what sftp connects to', () => {
  it.each([
    ['host', remote('', { host: 'host' })],
    ['user@host', remote('', { host: 'host', user: 'user' })],
    ['host:file', remote('file', { host: 'host' })],
    ['::1', remote('', { host: '::1' })],
    ['[::1]', remote('', { host: '::1' })],
    ['[::1]:x', remote('x', { host: '::1' })],
    ['sftp://host:99/x', remote('x', { host: 'host', port: 99 })],
  ])('%s', (text, expected) => {
    expect(parseRemotePlace(text)).toEqual(expected);
  });

  it.each([['a/b'], [''], ['u@'], ['-x']])('%j is refused', (text) => {
    expect(() => parseRemotePlace(text)).toThrow(UsageError);
  });
});
