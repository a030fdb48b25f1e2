// `amiko agent add -h`: what is written becomes limits with the keys that known_hosts has, or an error that says what is wrong.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDestinations } from '../../../src/cli/agent/destinations.ts';
import { Failure } from '../../../src/cli/verb.ts';
import { UsageError } from '../../../src/errors.ts';
import { generateKey, type PublicKey } from '../../../src/keys.ts';
import { type TempDir, tempDir } from '../../support/peers.ts';

let dir: TempDir;
let file: string;
let [a, b, ca, revoked]: PublicKey[] = [];

beforeEach(async () => {
  dir = tempDir();
  [a, b, ca, revoked] = await Promise.all(
    Array.from({ length: 4 }, () => generateKey('ed25519').then(({ publicKey }) => publicKey)),
  );
  file = dir.write(
    'known',
    [
      `alpha ${a}`,
      `alpha,[beta]:2222 ${b}`,
      `@cert-authority *.example.com,alpha ${ca}`,
      `alpha ${revoked}`,
      `@revoked alpha ${revoked}`,
      '',
    ].join('\n'),
  );
});
afterEach(() => dir.remove());

const read = async (...limits: readonly string[]) => {
  const found = await readDestinations(limits, [file]);
  const shown = (key: PublicKey) => ({ [`${a}`]: 'a', [`${b}`]: 'b', [`${ca}`]: 'ca' })[`${key}`] ?? '?';
  const host = (one: { hostname: string; hostKeys: readonly PublicKey[]; authorities?: readonly PublicKey[] } | undefined) =>
    one && [one.hostname, one.hostKeys.map(shown).join(), (one.authorities ?? []).map(shown).join()];
  return found?.map(({ from, to, username }) => ({ from: host(from), to: host(to), username }));
};

describe('limits', () => {
  it('to hosts by all that they are known by', async () => {
    expect(await read('alpha', 'x.example.com', '[beta]:2222', '[ALPHA]')).toEqual([
      { to: ['alpha', 'a,b', 'ca'] },
      { to: ['x.example.com', '', 'ca'] },
      { to: ['[beta]:2222', 'b', ''] },
      { to: ['ALPHA', 'a,b', 'ca'] },
    ]);
  });

  it('to users and from other hosts', async () => {
    expect(await read('me@alpha', 'a@b@alpha', 'alpha>[beta]:2222', 'alpha>m*@[beta]:2222', '@alpha')).toEqual([
      { to: ['alpha', 'a,b', 'ca'], username: 'me' },
      { to: ['alpha', 'a,b', 'ca'], username: 'a@b' },
      { from: ['alpha', 'a,b', 'ca'], to: ['[beta]:2222', 'b', ''] },
      { from: ['alpha', 'a,b', 'ca'], to: ['[beta]:2222', 'b', ''], username: 'm*' },
      { to: ['alpha', 'a,b', 'ca'] },
    ]);
  });

  it('that are none', async () => {
    expect(await readDestinations([], [])).toBeUndefined();
  });
});

it.each([
  ['me@', UsageError, "-h 'me@' does not name a host"],
  ['', UsageError, 'does not name a host'],
  ['>alpha', UsageError, 'does not name a host'],
  ['alpha>', UsageError, 'does not name a host'],
  ['me@alpha>alpha', UsageError, 'the host to come from has no user'],
  ['gamma', Failure, "no key of the host 'gamma' is known"],
  ['beta', Failure, "no key of the host 'beta' is known"],
  ['beta:2222', Failure, "'beta:2222' is known; a port is written [beta]:2222"],
  ['alpha>gamma', Failure, "'gamma' is known"],
])('%j is refused', async (limit, kind, message) => {
  const refused = await readDestinations([limit], [file]).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(kind);
  expect(String(refused)).toContain(message);
});

it('files of known hosts alone limit nothing, and nobody should think so', async () => {
  await expect(readDestinations([], [file])).rejects.toThrow(UsageError);
});
