// `amiko copy-id` without a server: its arguments, which keys it takes, and what it adds to a file.

import { describe, expect, it } from 'vitest';
import { Keyring, listenAgent } from '../../../src/agent.ts';
import { Log } from '../../../src/cli/connection/log.ts';
import { usage } from '../../../src/cli/copy-id/help.ts';
import { type CopyIdOptions, parseArguments } from '../../../src/cli/copy-id/options.ts';
import { plan } from '../../../src/cli/copy-id/plan.ts';
import { type KeyLine, keysToInstall } from '../../../src/cli/copy-id/public-keys.ts';
import { UsageError } from '../../../src/errors.ts';
import { generateKey, type PublicKey, signCertificate, withCertificate } from '../../../src/keys.ts';
import { tempDir } from '../../support/peers.ts';

const quiet = new Log({ verbosity: 0, quiet: true, silent: true });
const [one, two] = await Promise.all([generateKey('ed25519', { comment: 'one' }), generateKey('ecdsa', { comment: 'two' })]);

function parse(...args: string[]): CopyIdOptions {
  const invocation = parseArguments(args);
  if (invocation.kind !== 'copy-id') throw new Error(invocation.kind);
  return invocation.options;
}

describe('arguments', () => {
  it.each([
    [['h'], { destination: { host: 'h' }, keyFiles: [], force: false, dryRun: false, sftp: false }],
    [
      ['-i', 'a', 'me@h', '-fns'],
      { destination: { host: 'h', user: 'me' }, keyFiles: ['a'], force: true, dryRun: true, sftp: true },
    ],
    [['-p', '22', 'h', '--json'], { port: 22, json: true }],
    [['-i', 'a', '-o', 'IdentityFile=b', 'h'], { keyFiles: ['a'], identityFiles: [] }],
    [['ssh://me@h:23'], { destination: { host: 'h', user: 'me', port: 23 } }],
  ])('%j', (args, expected) => {
    expect(parse(...args)).toMatchObject(expected);
  });

  it.each([
    [[], /host is missing/],
    [['h', 'i'], /One host at a time/],
    [['-i', '', 'h'], /name of a file/],
    [['-x', 'h'], /-v/],
    [['-o', '=1', 'h'], /-o needs Key=Value/],
  ])('%j is refused', (args, message) => {
    expect(() => parse(...args)).toThrow(UsageError);
    expect(() => parse(...args)).toThrow(message);
  });

  it('has a help of at most 130 columns', () => {
    for (const line of usage().split('\n')) expect(line.length).toBeLessThanOrEqual(130);
  });
});

describe('plan', () => {
  const text = (key: PublicKey) => `${key.type} ${key.getBase64()}`;
  const keyLine = (key: PublicKey, line = `${text(key)} mine`): KeyLine => ({
    key,
    line,
    hasOptions: !line.startsWith(key.type),
    comment: '',
    source: null,
  });
  const a = text(one.publicKey);
  it.each([
    ['an empty file', '', false, 'added'],
    ['the same key', `${a}\n`, false, 'present'],
    ['blanks around and another comment', `  ${a} another comment\r\n`, false, 'present'],
    ['options in front', `restrict,command="echo x y" ${a}\n`, false, 'present restrict,command="echo x y"'],
    ['comments', `#${a}\n# ${a}\n`, false, 'added'],
    ['half a key', `${a.slice(0, -4)}\n`, false, 'added'],
    ['the type of another key', `${text(two.publicKey)} ${one.publicKey.getBase64()}\n`, false, 'added'],
    ['another comment, forced', `${a}\n`, true, 'added'],
    ['the same line, forced', `x\n${a} mine\n`, true, 'present'],
  ] as const)('%s', (_, content, force, expected) => {
    const [planned] = plan(content, [keyLine(one.publicKey)], force);
    const options = planned?.status === 'present' && planned.options !== '' ? ` ${planned.options}` : '';
    expect(`${planned?.status}${options}`).toBe(expected);
  });

  it('adds no key twice, and options in any case', () => {
    const keys = [keyLine(one.publicKey), keyLine(one.publicKey, a), keyLine(one.publicKey, `restrict ${a}`)];
    expect(plan('', keys, false).map(({ status }) => status)).toEqual(['added', 'present', 'added']);
  });
});

describe('the keys of an agent', () => {
  it('are lines of their own, whatever is in their comments, and no certificates', async () => {
    await using dir = tempDir();
    const keyring = new Keyring();
    await using _agent = await listenAgent(keyring, dir.join('socket'));
    const evil = `nice\n${two.publicKey}`;
    const certificate = await signCertificate(two, two.publicKey, { kind: 'user', keyId: 'x', principals: ['x'] });
    keyring.add(one, { comment: evil });
    keyring.add(withCertificate(two, certificate), { comment: 'certified' });
    const keys = await keysToInstall([], dir.join('socket'), quiet);
    expect(keys.map(({ key }) => key.fingerprint)).toEqual([one.publicKey.fingerprint]);
    expect(keys[0]?.line).toBe(`${one.publicKey.type} ${one.publicKey.getBase64()} nice\\x0a${two.publicKey}`);
  });
});
