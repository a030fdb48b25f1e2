// The command line of `amiko serve`: defaults, ranges, and what is said about a word that is not known.
import { expect, it } from 'vitest';
import { parseServeOptions } from '../../../src/cli/serve/options.ts';
import { usage } from '../../../src/cli/serve/usage.ts';
import { UsageError } from '../../../src/errors.ts';

it('is safe without any option', () => {
  expect(parseServeOptions([])).toMatchObject({
    folder: null,
    sftp: true,
    write: false,
    host: '127.0.0.1',
    port: 2222,
    hostKeys: [],
    user: null,
    authorizedKeys: [],
    userCas: [],
    revokedKeys: [],
    principals: null,
    hostCertificates: [],
    exec: false,
    shell: false,
    acceptEnv: [],
    allowForward: false,
    allowAgentForward: false,
    allowX11: false,
    gssapi: [],
    moduli: null,
    loginGrace: 120,
    maxAuthTries: 6,
    maxStartups: 100,
    maxPerSource: 10,
    maxSessions: 10,
    rekey: null,
    json: false,
    verbosity: 0,
  });
});

it('takes every option', () => {
  const line =
    '--host ::1 --port=0 --host-key a --host-key b --user me --authorized-keys k --trusted-user-ca c --revoked-keys r --principals a,b --principals c --host-certificate h --write --exec --shell --accept-env LC_* --allow-forward --allow-agent-forward ' +
    '--allow-x11 --gssapi me@REALM --gssapi you@REALM --moduli m --login-grace 5 ' +
    '--max-auth-tries 1 --max-startups 2 --max-per-source 0 --max-sessions 4 --banner f --rekey 64k --ciphers -aes128-ctr ' +
    '--macs ^hmac-sha2-512 --kex +ecdh-sha2-nistp256 --host-key-algorithms ssh-ed25519 --json -q -vv ./files';
  expect(parseServeOptions(line.split(' '))).toEqual({
    help: false,
    folder: './files',
    sftp: true,
    write: true,
    host: '::1',
    port: 0,
    hostKeys: ['a', 'b'],
    user: 'me',
    authorizedKeys: ['k'],
    userCas: ['c'],
    revokedKeys: ['r'],
    principals: ['a', 'b', 'c'],
    hostCertificates: ['h'],
    exec: true,
    shell: true,
    acceptEnv: ['LC_*'],
    allowForward: true,
    allowAgentForward: true,
    allowX11: true,
    gssapi: ['me@REALM', 'you@REALM'],
    moduli: 'm',
    loginGrace: 5,
    maxAuthTries: 1,
    maxStartups: 2,
    maxPerSource: 0,
    maxSessions: 4,
    banner: 'f',
    rekey: 65_536,
    algorithms: {
      ciphers: '-aes128-ctr',
      macs: '^hmac-sha2-512',
      kex: '+ecdh-sha2-nistp256',
      keys: 'ssh-ed25519',
    },
    json: true,
    quiet: true,
    verbosity: 2,
  });
});

it.each([
  ['--prot 1', "unknown option '--prot'; did you mean '--port'?"],
  ['--max-session 1', "unknown option '--max-session'; did you mean '--max-sessions'?"],
  ['--__proto__ 1', "unknown option '--__proto__'"],
  ['-x', "unknown option '-x'"],
  ['--port', '--port needs a value'],
  ['--port --json', '--port needs a value'],
  ['--ciphers --json', '--ciphers needs a value'],
  ['--json=yes', '--json takes no value'],
  ['--port 65536', "--port is a whole number from 0 to 65535, not '65536'"],
  ['--port 0x16', "--port is a whole number from 0 to 65535, not '0x16'"],
  ['--login-grace=-1', "--login-grace is a whole number from 0 to 86400, not '-1'"],
  ['--max-auth-tries 0', "--max-auth-tries is a whole number from 1 to 128, not '0'"],
  ['--rekey 255', "--rekey is a number of bytes from 256 on, such as 64K or 1G, not '255'"],
  ['--rekey 1T', "--rekey is a number of bytes from 256 on, such as 64K or 1G, not '1T'"],
  ['--gssapi', '--gssapi needs a value'],
  ['--gssapi me', "--gssapi needs a principal such as alice@EXAMPLE.COM, not 'me'"],
  ['--allow-forwarding', "unknown option '--allow-forwarding'; did you mean '--allow-forward'?"],
  ['--user=', '--user needs a name'],
  ['one two', "unexpected argument 'two': only one folder can be served"],
  ['--no-sftp folder', '--no-sftp and a folder do not go together'],
  ['--write --no-sftp', '--no-sftp and --write do not go together'],
])('refuses %s', (line, message) => {
  expect(() => parseServeOptions(line.split(' '))).toThrow(new UsageError(message));
});

it('has every option in its help, and nothing else', () => {
  const words = new Set(usage.match(/(?<![\w-])--[a-z0-9-]+/g));
  for (const word of words) {
    const value = { '--port': '1', '--rekey': '64K', '--kex': 'curve25519-sha256', '--macs': 'hmac-sha2-256', '--gssapi': 'a@B' }[
      word
    ];
    const list = { '--ciphers': 'aes128-ctr', '--host-key-algorithms': 'ssh-ed25519' }[word] ?? value ?? '1';
    const flag =
      ['--write', '--no-sftp', '--exec', '--shell', '--json', '--quiet', '--help'].includes(word) || word.startsWith('--allow-');
    expect(() => parseServeOptions(flag ? [word] : [word, list]), word).not.toThrow();
  }
  expect(words.size).toBe(33);
  expect(usage).toContain('-vvv');
});
