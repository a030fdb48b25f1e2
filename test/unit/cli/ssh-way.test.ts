// The way of `amiko ssh` to its host: what a shell gets to see of names that others may have made up, and what jump hosts inherit.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Asking } from '../../../src/cli/connection/asking.ts';
import type { ConnectionOptions } from '../../../src/cli/connection/options.ts';
import { settledSsh } from '../../support/cli-options.ts';
import { tempDir } from '../../support/peers.ts';

describe('ProxyCommand', () => {
  const command = async (text: string, ...more: string[]) =>
    (await settledSsh('-o', `ProxyCommand=${text}`, ...more, 'me@db.example.com', '-p2222')).proxyCommand;

  it.each([
    ['nc %h %p', 'nc db.example.com 2222'],
    ['ssh -l %r -W [%h]:%p %n', 'ssh -l me -W [db.example.com]:2222 db.example.com'],
    ['date +%%s; cat', 'date +%s; cat'],
    ['%%h', '%h'],
    ['plain', 'plain'],
    ['none', null],
  ])('%s', async (text, expanded) => {
    expect(await command(text)).toBe(expanded);
  });

  it.each(['%d %z', 'a %C%', '%_'])('refuses %j', async (text) => {
    await expect(command(text)).rejects.toThrow();
  });

  it('cannot hand a socket over', async () => {
    await expect(command('x', '-oProxyUseFdpass=yes')).rejects.toThrow('ProxyUseFdpass is not supported');
  });

  it("is not stdin and stdout, which are the session's", async () => {
    await expect(command('-')).rejects.toThrow('ProxyCommand - is not supported');
  });

  const evil = ['`id`', '$(id)', 'a;id', 'a|id', 'a&id', "a'b", 'a"b', 'a<b', 'a>b', 'a(b', 'a{b', 'a b', 'a\tb', 'a\nb'];
  it.each([...evil, '-oProxyCommand=id'])('gives no host or user %j to a shell', async (name) => {
    const settled = async (...args: string[]) => settledSsh('-o', 'ProxyCommand=x %h %r', ...args);
    await expect(settled('-o', `Hostname="${name}"`, 'h')).rejects.toThrow();
    await expect(settled('--', name)).rejects.toThrow();
    if (name !== 'a b') await expect(settled('-l', name, 'h')).rejects.toThrow();
  });
});

describe('a jump host', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('takes over how to talk, and nothing that decides whom to trust or that logs in', async () => {
    await using dir = tempDir();
    const config = dir.write('config', 'Host b\n  ForkAfterAuthentication yes\n  Tunnel yes\n');
    const words = ['-p2222', '-l', 'me', '-i', 'key', '-oStrictHostKeyChecking=no', '-oUserKnownHostsFile=/dev/null'];
    const more = ['-K', '-oBatchMode=yes', '-vv', '-oConnectTimeout=5', '-F', config, '-J', 'a,u@b:22', 'h'];
    const options = await settledSsh(...words, ...more);
    const [first, second] = options.proxyJump;
    if (first === undefined || second === undefined) throw new Error('no jump hosts');
    const hop = await options.jumpHost(second, [first]);
    expect(hop).toMatchObject({
      target: { host: 'b', port: 22, user: 'u' },
      proxyJump: [{ host: 'a' }],
      identityFiles: null,
      strictHostKeyChecking: 'ask',
      authentications: ['publickey', 'keyboard-interactive', 'password'],
      batchMode: true,
      verbosity: 2,
      connectTimeout: 5_000,
    });
    expect(hop.userKnownHostsFiles).not.toContain('/dev/null');
    // As with ssh -W: nothing of a session is wanted of it.
    expect(hop.notices).toEqual([]);
    expect(await hop.jumpHost(first, [])).toMatchObject({ target: { host: 'a', port: 22 }, proxyJump: [] });
  });

  it('has what the configuration says about it, a way of its own too', async () => {
    await using dir = tempDir();
    const file = dir.write(
      'config',
      'Host inner\n  ProxyJump gate\nHost gate\n  Hostname gate.example.com\n  Port 2200\n  User door\n  ProxyCommand nc %h %p\n',
    );
    const options = await settledSsh('-F', file, 'inner');
    expect(options.proxyJump).toMatchObject([{ host: 'gate' }]);
    expect(await options.jumpHost({ host: 'gate' }, [])).toMatchObject({
      target: { host: 'gate.example.com', port: 2200, user: 'door' },
      proxyCommand: 'nc gate.example.com 2200',
    });
  });

  it('does not lead in a circle for ever', async () => {
    await using dir = tempDir();
    const file = dir.write('config', 'Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n');
    let options: ConnectionOptions = await settledSsh('-F', file, 'a');
    const follow = async () => {
      for (let hops = 0; hops < 100; hops++) options = await options.jumpHost(options.proxyJump[0] as { host: string }, []);
    };
    await expect(follow()).rejects.toThrow('more than 16 jump hosts: does ProxyJump lead in a circle?');
  });

  it("does not get the destination's password", () => {
    vi.stubEnv('AMIKO_PASSWORD', 'secret');
    const asking = new Asking({ batchMode: true });
    expect(asking.environmentPassword).toBe('secret');
    expect(asking.forJumpHost().environmentPassword).toBeNull();
  });
});
