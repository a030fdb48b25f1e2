// Whatever stands in a configuration: a lookup ends with an answer or a ConfigError, what `dump` prints are single lines, and a
// configuration written down from an answer says the same again.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitWords } from '../../src/config/line.ts';
import { ConfigError, SSHConfig, UsageError } from '../../src/config.ts';
import { matchesPattern } from '../../src/keys/pattern-list.ts';
import { Dice, generate } from '../interop/config-generator.ts';

const machine = { user: 'me', uid: 1000, home: '/home/me', hostname: 'laptop', env: { HOME: '/home/me', AMIKO_TEST_USER: 'x' } };
const resolve = async (): Promise<null> => null;
const supported = {
  cipher: ['aes256-ctr', 'aes128-ctr'],
  mac: ['hmac-sha2-256', 'hmac-sha2-512'],
  kex: ['curve25519-sha256'],
  sig: ['ssh-ed25519', 'rsa-sha2-512'],
  HostKeyAlgorithms: ['ssh-ed25519', 'rsa-sha2-512'],
};

const keyword = fc.constantFrom(
  'Host',
  'Match',
  'Port',
  'User',
  'Hostname',
  'ProxyJump',
  'LocalForward',
  'SetEnv',
  'Ciphers',
  'IPQoS',
  'Tag',
);
const noise = fc.string({ unit: fc.constantFrom(...'ab1 "\'\\#=%$,:*?![]{}/~-\t\x01é'), maxLength: 30 });
const line = fc.oneof(
  fc.tuple(keyword, noise).map(([name, rest]) => `${name} ${rest}`),
  noise,
);

it('any text has an answer or a ConfigError', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.constantFrom('a', 'b1', '10.0.0.1', '::1'), async (lines, host) => {
      try {
        const config = await SSHConfig.parse(lines.join('\n')).lookup(host, { machine, resolve });
        for (const each of config.dump()) expect(each).not.toMatch(/[\n\r\0]/);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }),
    { numRuns: 1500 },
  );
});

it('any host and user has an answer or a UsageError, and a command of safe names only', async () => {
  const config = SSHConfig.parse('ProxyCommand run %h %r\nMatch exec "try %n %r"\nPort 7');
  const name = fc.string({ unit: fc.constantFrom(...'ab-.@ ;`$\'"\\|&<>(){}\n\t\0\x7f,%'), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(name, name, async (host, user) => {
      const commands: string[] = [];
      try {
        const found = await config.lookup(host, {
          user,
          machine,
          exec: async (command) => {
            commands.push(command);
            return true;
          },
        });
        commands.push(found.proxyCommand?.text ?? '');
      } catch (error) {
        if (!(error instanceof UsageError) && !(error instanceof ConfigError)) throw error;
      }
      // Also where it ends in an error: a % in the user's name is safe to run, and then no token.
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      for (const command of commands) expect(command).not.toMatch(/[;`'"|&<>(){}\x00-\x1f\x7f]| -/);
    }),
    { numRuns: 1500 },
  );
});

it('words survive being quoted', () => {
  fc.assert(
    fc.property(
      fc.array(
        noise.filter((word) => word !== ''),
        { maxLength: 5 },
      ),
      (words) => {
        const quoted = words.map((word) => `"${word.replace(/[\\"']/g, '\\$&')}"`).join(' ');
        expect(splitWords(quoted)).toEqual(words);
      },
    ),
  );
});

it('the generator is a function of its seed, and we take all of it', async () => {
  for (let seed = 0; seed < 200; seed++) {
    const [one, two] = [0, 1].map(() => generate(seed, { modern: true, supported }, '/none'));
    expect(one).toEqual(two);
    if (one === undefined) continue;
    await SSHConfig.parse(one.text).lookup(one.host, { machine, resolve, exec: async () => new Dice(seed).chance(50) });
  }
});

it('patterns match what the definition says', () => {
  // The definition, as slow as it is: a star is nothing or one character and a star.
  const matches = (pattern: string, text: string): boolean => {
    if (pattern === '') return text === '';
    if (pattern[0] === '*') return matches(pattern.slice(1), text) || (text !== '' && matches(pattern, text.slice(1)));
    return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && matches(pattern.slice(1), text.slice(1));
  };
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '?', '*'), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (one, other) => {
      expect(matchesPattern(one, other)).toBe(matches(one, other));
    }),
    { numRuns: 3000 },
  );
});
