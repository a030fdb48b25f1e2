// UpdateHostKeys ask, as people meet it: ssh and `amiko ssh` on a terminal, at the same server, with the same known_hosts before. What
// is in the file afterwards has to be the same.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { amikoBin } from '../support/amiko-serve.ts';
import { Cli } from '../support/cli.ts';
import { describePeer, type HostKeyType, keyPair, peer, runPeer, type Sshd, startSshd } from '../support/peers.ts';
import { Screen } from '../support/screen.ts';

describePeer(['sshd', 'ssh', 'ssh-keygen', 'tmux'], 'UpdateHostKeys ask on a terminal', () => {
  const cli = new Cli();
  let server: Sshd;
  beforeAll(async () => {
    server = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
  });
  afterAll(async () => {
    await server.stop();
    await cli[Symbol.asyncDispose]();
  });

  const line = (type: HostKeyType): string =>
    `[127.0.0.1]:${server.port} ${server.hostKeys[type].publicLine.split(' ').slice(0, 2).join(' ')}\n`;
  /** The same without the name. */
  const bare = (type: HostKeyType): string => line(type).slice(line(type).indexOf(' '));
  const other = `other.example ${keyPair('ed25519').publicLine}\n`;

  const settings = (more: readonly string[]): readonly string[] => {
    const file = cli.home.join('known');
    const trust = [`UserKnownHostsFile ${file}`, 'GlobalKnownHostsFile none', 'StrictHostKeyChecking yes', 'UpdateHostKeys ask'];
    const access = [`Port ${server.port}`, `User ${server.user}`, `IdentityFile ${server.identity.path}`, 'IdentitiesOnly yes'];
    return [...more, ...trust, ...access, 'GSSAPIAuthentication no', 'LogLevel INFO', 'Hostname 127.0.0.1'];
  };
  const programs = { ssh: () => peer('ssh').path, amiko: () => `${process.execPath} ${amikoBin} ssh` };

  /** What the file has after a shell in which the question was answered like this; null: there must be none. */
  const afterwards = async (
    program: keyof typeof programs,
    before: string,
    answers: readonly string[] | null,
    more: readonly string[] = ['HashKnownHosts no'],
  ): Promise<string> => {
    const file = cli.home.write('known', before);
    cli.home.write('config', `${settings(more).join('\n')}\n`);
    await using screen = await Screen.open(cli.home.path, [160, 50]);
    await screen.type(`PS1= ${programs[program]()} -F ${cli.home.join('config')} web`, 'Enter');
    const asked = /\(yes\/no\)|'yes' or 'no'|"yes" or "no"/g;
    for (const [index, answer] of (answers ?? []).entries()) {
      await expect.poll(async () => (await screen.text()).match(asked)?.length, { timeout: 10_000 }).toBeGreaterThan(index);
      await screen.type(answer, 'Enter');
    }
    // The shell is there, and gets what is typed from now on.
    await screen.type('echo shell-$((6 * 7))', 'Enter');
    await screen.until(/shell-42/);
    if (answers === null) expect((await screen.text()).match(asked)).toBeNull();
    await screen.type('exit', 'Enter');
    await screen.until(/local> $/);
    return readFileSync(file, 'utf8');
  };

  it.each<[string, () => string, readonly string[], () => string]>([
    ['a new key', () => line('ed25519'), ['yes'], () => line('ed25519') + line('rsa')],
    ['a new key, YES', () => line('ed25519'), ['YES'], () => line('ed25519') + line('rsa')],
    ['a new key, and an answer that is none', () => line('ed25519'), ['maybe', 'yes'], () => line('ed25519') + line('rsa')],
    ['a new key, refused', () => line('ed25519'), ['no'], () => line('ed25519')],
    ['a new key, and no answer', () => line('ed25519'), ['', 'x', 'y'], () => line('ed25519')],
    [
      'a key that it does not have any more',
      () => `# comment\n${line('ecdsa')}${line('ed25519')}${other}${line('rsa')}`,
      ['yes'],
      () => `# comment\n${line('ed25519')}${other}${line('rsa')}`,
    ],
    [
      'a key that it does not have any more, refused',
      () => line('ecdsa') + line('ed25519') + line('rsa'),
      ['no'],
      () => line('ecdsa') + line('ed25519') + line('rsa'),
    ],
    ['both', () => line('ecdsa') + line('ed25519') + other, ['yes'], () => line('ed25519') + other + line('rsa')],
  ])('%s', async (_, before, answers, after) => {
    for (const program of ['ssh', 'amiko'] as const) {
      expect(await afterwards(program, before(), answers), program).toBe(after());
    }
  });

  it.each<[string, () => string]>([
    ['nothing is new', () => line('ed25519') + line('rsa')],
    ['the line is a pattern', () => line('ed25519').replace('127.0.0.1', '127.0.0.*')],
    ['the new key is revoked', () => `${line('ed25519')}@revoked *${bare('rsa')}`],
    ['the key is known by another name, too', () => `${line('ed25519')}other.example${bare('ed25519')}`],
    ['the new key is known by another name', () => `${line('ed25519')}other.example${bare('rsa')}`],
    ['the new key is known for the address without the port', () => `${line('ed25519')}127.0.0.1${bare('rsa')}`],
    ['the old key is known by another name', () => `${line('ed25519')}${line('ecdsa')}other.example${bare('ecdsa')}`],
  ])('nobody is asked where %s', async (_, before) => {
    for (const program of ['ssh', 'amiko'] as const) {
      expect(await afterwards(program, before(), null), program).toBe(before());
    }
  });

  it('a hashed file stays one, with the new key in it and the old one gone', async () => {
    const file = cli.home.write('known', line('ecdsa') + line('ed25519') + other);
    await runPeer('ssh-keygen', ['-H', '-f', file]);
    const hashed = readFileSync(file, 'utf8');
    for (const program of ['ssh', 'amiko'] as const) {
      const text = await afterwards(program, hashed, ['yes'], ['HashKnownHosts yes']);
      const lines = text.split('\n').slice(0, -1);
      expect(lines).toHaveLength(3);
      expect(lines.filter((each) => !each.startsWith('|1|'))).toEqual([]);
      // Each line that stays is the one that was there, with its salt.
      expect(lines.slice(0, 2)).toEqual(hashed.split('\n').slice(1, 3));
      const found = await runPeer('ssh-keygen', ['-F', `[127.0.0.1]:${server.port}`, '-f', file]);
      expect(found.stdout.toString().match(/^\|1\|.* (\S+) \S+$/gm)).toHaveLength(2);
      expect(lines[2]).toContain(line('rsa').split(' ')[2]?.trim());
    }
  });
});
