// What is known about hosts: a table of lines and questions, files as OpenSSH's own ssh-keygen makes them, and hostile ones.
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { verifyHostKey } from '../../../src/client/host-key-policy.ts';
import { KnownHosts } from '../../../src/client/known-hosts.ts';
import { HostKeyError } from '../../../src/errors.ts';
import { generateKey } from '../../../src/keys/node/generate.ts';
import { describePeer, runPeer, tempDir } from '../../support/peers.ts';

const [ed, otherEd, ecdsa] = (await Promise.all([generateKey('ed25519'), generateKey('ed25519'), generateKey('ecdsa')])).map(
  (key) => key.publicKey,
) as [Key, Key, Key];
type Key = Awaited<ReturnType<typeof generateKey>>['publicKey'];

const line = (key: Key): string => `${key.type} ${key.getBase64()}`;

function known(text: string, log?: (message: string) => void): KnownHosts {
  const hosts = new KnownHosts(log);
  hosts.addText(text, 'kh');
  return hosts;
}

describe('check', () => {
  const nbsp = '\u00a0';
  const table: [what: string, text: string, host: string, port: number, expected: string][] = [
    ['a plain name', `h ${line(ed)}\n`, 'h', 22, 'ok 1'],
    ['no file end', `h ${line(ed)}`, 'h', 22, 'ok 1'],
    ['a line end of Windows', `h ${line(ed)}\r\n`, 'h', 22, 'ok 1'],
    ['an empty file', '', 'h', 22, 'unknown'],
    ['upper case asked', `host ${line(ed)}\n`, 'HOST', 22, 'ok 1'],
    ['upper case written', `HoSt ${line(ed)}\n`, 'host', 22, 'ok 1'],
    ['a list', `a,h,10.0.0.1 ${line(ed)}\n`, '10.0.0.1', 22, 'ok 1'],
    ['empty items of a list', `,,h, ${line(ed)}\n`, 'h', 22, 'ok 1'],
    ['blanks, tabs and a comment', ` \t h \t ${line(ed)} me@home with words\n`, 'h', 22, 'ok 1'],
    ['comments and blank lines', `# h ${line(otherEd)}\n\n  # x\nh ${line(ed)}\n`, 'h', 22, 'ok 4'],
    ['a port', `[h]:2222 ${line(ed)}\n`, 'h', 2222, 'ok 1'],
    ['another port', `[h]:2222 ${line(ed)}\n`, 'h', 2223, 'unknown'],
    ['a port is not for port 22', `[h]:2222 ${line(ed)}\n`, 'h', 22, 'unknown'],
    ['the name without its port', `h ${line(ed)}\n`, 'h', 2222, 'ok 1'],
    ['another key without the port is no change', `h ${line(otherEd)}\n`, 'h', 2222, 'unknown'],
    ['revoked without the port', `@revoked h ${line(ed)}\n`, 'h', 2222, 'revoked 1'],
    ['IPv6', `[::1]:2222,fe80::1 ${line(ed)}\n`, '::1', 2222, 'ok 1'],
    ['a wildcard', `*.example.com ${line(ed)}\n`, 'a.b.example.com', 22, 'ok 1'],
    ['a wildcard that needs a dot', `*.example.com ${line(ed)}\n`, 'example.com', 22, 'unknown'],
    ['one character', `h? ${line(ed)}\n`, 'h1', 22, 'ok 1'],
    ['a wildcard in brackets', `[*.example.com]:2222 ${line(ed)}\n`, 'a.example.com', 2222, 'ok 1'],
    ['negation after', `*.com,!evil.com ${line(ed)}\n`, 'evil.com', 22, 'unknown'],
    ['negation before', `!evil.com,*.com ${line(ed)}\n`, 'evil.com', 22, 'unknown'],
    ['negation of another', `!evil.com,*.com ${line(ed)}\n`, 'good.com', 22, 'ok 1'],
    ['negation alone matches nothing', `!evil.com ${line(ed)}\n`, 'good.com', 22, 'unknown'],
    ['brackets are no pattern', `[abc] ${line(ed)}\n`, 'a', 22, 'unknown'],
    ['another key', `x ${line(ed)}\nh ${line(otherEd)}\n`, 'h', 22, 'changed 2'],
    ['a key of another type', `h ${line(ecdsa)}\n`, 'h', 22, 'changed 1'],
    ['the changed one of the same type', `h ${line(ecdsa)}\nh ${line(otherEd)}\n`, 'h', 22, 'changed 2'],
    ['several keys', `h ${line(ecdsa)}\nh ${line(otherEd)}\nh ${line(ed)}\n`, 'h', 22, 'ok 3'],
    ['revoked', `@revoked h ${line(ed)}\n`, 'h', 22, 'revoked 1'],
    ['revoked for all', `h ${line(ed)}\n@revoked * ${line(ed)}\n`, 'h', 22, 'revoked 2'],
    ['revoked for another', `@revoked x ${line(ed)}\n`, 'h', 22, 'unknown'],
    ['another one revoked', `@revoked h ${line(otherEd)}\n`, 'h', 22, 'unknown'],
    ['a known one beside a revoked one', `@revoked h ${line(otherEd)}\nh ${line(ed)}\n`, 'h', 22, 'ok 2'],
    ['an authority is no key', `@cert-authority * ${line(ed)}\n`, 'h', 22, 'unknown'],
    ['an unknown marker', `@trusted h ${line(ed)}\n`, 'h', 22, 'unknown'],
    ['a marker glued to the host', `@revokedh ${line(ed)}\n`, 'h', 22, 'unknown'],
    ['a marker as host', `h,@revoked ${line(ed)}\n`, 'h', 22, 'ok 1'],
    ['two markers', `@revoked @cert-authority h ${line(ed)}\n`, 'h', 22, 'unknown'],
    ['a no-break space parts nothing', `h${nbsp}${line(ed)}\n`, 'h', 22, 'unknown'],
    ['a byte order mark is no blank', `\ufeffh ${line(ed)}\n`, 'h', 22, 'unknown'],
    ['a wrong type in front', `h ssh-rsa ${ed.getBase64()}\n`, 'h', 22, 'unknown'],
    ['no base64', `h ssh-ed25519 !!!!\n`, 'h', 22, 'unknown'],
    ['half a key', `h ssh-ed25519 ${ed.getBase64().slice(0, 20)}\n`, 'h', 22, 'unknown'],
    ['no key', 'h\nh ssh-ed25519\n', 'h', 22, 'unknown'],
    ['SSH 1', `h 1024 35 1234567890\nh ${line(ed)}\n`, 'h', 22, 'ok 2'],
    ['a malformed hash', `|1|abc ${line(ed)}\n|2|a|b ${line(ed)}\n|1||| ${line(ed)}\n`, 'h', 22, 'unknown'],
    ['a NUL', `h\0 ${line(ed)}\n`, 'h', 22, 'unknown'],
  ];

  it.each(table)('%s', (_, text, host, port, expected) => {
    const result = known(text).check(host, port, ed);
    expect(`${result.status}${'known' in result ? ` ${result.known.line}` : ''}`).toBe(expected);
    if ('known' in result) expect(result.known.file).toBe('kh');
  });

  it('says which lines it skips', () => {
    const messages: string[] = [];
    known(`h\n@nonsense * ${line(ed)}\nh x ${'a'.repeat(70_000)}\nok ssh-dss AAAA\n`, (text) => messages.push(text)).check(
      'ok',
      22,
      ed,
    );
    expect(messages.map((text) => /^kh:\d+: skipped: /.exec(text)?.[0])).toEqual(
      ['kh:1', 'kh:2', 'kh:3', 'kh:4'].map((place) => `${place}: skipped: `),
    );
  });

  it('takes hostile lines in linear time', () => {
    const tail = ` ${line(ed)}\n`;
    const fill = (unit: string, length: number): string => unit.repeat(Math.floor(length / unit.length)) + tail;
    const hostile = [
      '*a',
      '*',
      '?',
      ',',
      '!',
      '*a*a*a*a*a*a*a*ab,',
      `${'*a'.repeat(40)}b,`,
      '|',
      '|1|',
      '@',
      ' ',
      '\t',
      '"',
      '\\',
    ];
    // Just below the limits, where all of it is looked at, and far beyond them.
    for (const length of [16_384, 65_000, 4_000_000]) {
      for (const unit of hostile) {
        const begin = performance.now();
        const hosts = known(fill(unit, length));
        hosts.check('a'.repeat(255), 22, ed);
        hosts.check('a'.repeat(255), 2222, ed);
        expect(performance.now() - begin, `${length} ${JSON.stringify(unit)}`).toBeLessThan(200);
      }
    }
  });

  it('forgets nothing that was added', () => {
    const hosts = new KnownHosts();
    hosts.add('h', 2222, ed);
    expect(hosts.check('h', 2222, ed).status).toBe('ok');
    expect(hosts.check('h', 2222, otherEd).status).toBe('changed');
    expect(hosts.check('h', 22, ed).status).toBe('unknown');
    for (const name of ['a,b', '*', '!h', '@revoked', '|1|', 'a b', '#h', '']) expect(() => hosts.add(name, 22, ed)).toThrow();
  });
});

describe('algorithms', () => {
  const defaults = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512'];

  it('of known keys come first', () => {
    const hosts = known(`h ${line(ecdsa)}\n`);
    expect(hosts.algorithmsFor('h', 22)).toEqual(['ecdsa-sha2-nistp256']);
    expect(hosts.preferredAlgorithms('h', 22, defaults)).toBe('ecdsa-sha2-nistp256,ssh-ed25519,rsa-sha2-512');
    expect(hosts.preferredAlgorithms('h', 22, ['ssh-ed25519'])).toBe('ssh-ed25519');
  });

  it('stay in order where the first is known, the host is not, or the key is revoked', () => {
    expect(known(`h ${line(ecdsa)}\nh ${line(ed)}\n`).preferredAlgorithms('h', 22, defaults)).toBe(defaults.join(','));
    expect(known('').preferredAlgorithms('h', 22, defaults)).toBe(defaults.join(','));
    expect(known(`h ${line(ecdsa)}\n@revoked h ${line(ecdsa)}\n`).algorithmsFor('h', 22)).toEqual([]);
  });
});

describe('files', () => {
  it('that are missing are empty, others that cannot be read are errors', async () => {
    await using dir = tempDir();
    const hosts = await KnownHosts.read([dir.join('none'), dir.write('kh', `h ${line(ed)}\n`)]);
    expect(hosts.check('h', 22, ed)).toMatchObject({ status: 'ok', known: { file: dir.join('kh'), line: 1 } });
    await expect(KnownHosts.read([dir.path])).rejects.toThrow('EISDIR');
    await expect(KnownHosts.read([dir.path])).rejects.toThrow(`'${dir.path}'`);
    await expect(KnownHosts.read([dir.join('kh', 'below')])).rejects.toThrow('ENOTDIR');
  });

  it('are made for nobody else, and appended to', async () => {
    await using dir = tempDir();
    const file = dir.join('new', 'known_hosts');
    const hosts = new KnownHosts();
    await hosts.append(file, 'h', 22, ed);
    await hosts.append(file, 'H', 2222, ecdsa);
    expect(readFileSync(file, 'utf8')).toBe(`h ${line(ed)}\n[h]:2222 ${line(ecdsa)}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dir.join('new')).mode & 0o777).toBe(0o700);
    expect(hosts.check('h', 22, ed).status).toBe('ok');
  });

  it('get a line end where the last line has none', async () => {
    await using dir = tempDir();
    const file = dir.write('kh', `a ${line(ed)}`);
    await (await KnownHosts.read([file])).append(file, 'b', 22, ecdsa);
    expect(readFileSync(file, 'utf8')).toBe(`a ${line(ed)}\nb ${line(ecdsa)}\n`);
  });

  it('that have hashed names get hashed names', async () => {
    await using dir = tempDir();
    const file = dir.join('kh');
    await new KnownHosts().append(file, 'a', 22, ed, true);
    await (await KnownHosts.read([file])).append(file, 'b', 2222, ecdsa);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^\|1\|\S+\|\S+ ssh-ed25519 \S+\n\|1\|\S+\|\S+ ecdsa-sha2-nistp256 \S+\n$/);
    const hosts = await KnownHosts.read([file]);
    expect(hosts.check('a', 22, ed).status).toBe('ok');
    expect(hosts.check('b', 2222, ecdsa).status).toBe('ok');
    expect(hosts.check('b', 22, ecdsa).status).toBe('unknown');
    await hosts.append(file, 'c', 22, ed, false);
    expect(readFileSync(file, 'utf8')).toMatch(/\nc ssh-ed25519 /);
  });
});

describePeer('ssh-keygen', 'files of ssh-keygen', () => {
  it('are read when hashed, and ours are found by it', async () => {
    await using dir = tempDir();
    const file = dir.write('kh', `h,10.0.0.1 ${line(ed)}\n[h]:2222 ${line(ecdsa)}\n`);
    expect((await runPeer('ssh-keygen', ['-H', '-f', file])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).not.toContain('10.0.0.1');
    const hosts = await KnownHosts.read([file]);
    expect(hosts.check('h', 22, ed).status).toBe('ok');
    expect(hosts.check('10.0.0.1', 22, ed).status).toBe('ok');
    expect(hosts.check('H', 2222, ecdsa).status).toBe('ok');
    expect(hosts.check('10.0.0.1', 22, otherEd).status).toBe('changed');
    expect(hosts.check('x', 22, ed).status).toBe('unknown');

    await hosts.append(file, 'mine', 2200, otherEd);
    expect(readFileSync(file, 'utf8')).not.toContain('mine');
    const found = await runPeer('ssh-keygen', ['-F', '[mine]:2200', '-f', file]);
    expect(found.stdout.toString()).toContain(otherEd.getBase64());
  });
});

describe('verifyHostKey', () => {
  const target = { host: 'h', port: 2222 };

  it('is strict unless told otherwise', async () => {
    await expect(verifyHostKey(target)(ed)).rejects.toMatchObject({ reason: 'unknown', fingerprint: ed.fingerprint });
    await expect(verifyHostKey(target, { strict: 'ask' })(ed)).rejects.toMatchObject({ reason: 'unknown' });
  });

  it.each(['yes', 'ask', 'accept-new', 'no'] as const)('refuses a changed and a revoked key with %s', async (strict) => {
    const ask = () => 'yes';
    const knownHosts = known(`[h]:2222 ${line(otherEd)}\n`);
    const error = await Promise.resolve(verifyHostKey(target, { knownHosts, strict, ask })(ed)).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(HostKeyError);
    expect(error).toMatchObject({ reason: 'changed', fingerprint: ed.fingerprint, expectedFingerprint: otherEd.fingerprint });
    const { message } = error as HostKeyError;
    for (const part of ['kh:1', ed.fingerprint, otherEd.fingerprint]) expect(message).toContain(part);
    const revoked = known(`[h]:2222 ${line(ed)}\n@revoked * ${line(ed)}\n`);
    await expect(verifyHostKey(target, { knownHosts: revoked, strict, ask })(ed)).rejects.toMatchObject({ reason: 'revoked' });
  });

  it.each(['yes', 'ask', 'accept-new', 'no'] as const)('refuses a key of revokedKeys with %s, known or not', async (strict) => {
    const revokedKeys = { whyRevoked: (key: Key) => (key.equals(ed) ? 'lost in\u001b a bar' : null) };
    for (const text of ['', `[h]:2222 ${line(ed)}\n`]) {
      const verdict = verifyHostKey(target, { knownHosts: known(text), strict, ask: () => 'yes', revokedKeys })(ed);
      const error = { reason: 'revoked', fingerprint: ed.fingerprint, message: expect.stringMatching(/lost in\\x1b a bar$/) };
      await expect(verdict).rejects.toMatchObject(error);
    }
    const knownHosts = known(`[h]:2222 ${line(otherEd)}\n`);
    expect(await verifyHostKey(target, { knownHosts, strict, revokedKeys })(otherEd)).toBe(true);
  });

  it('refuses where it cannot be told whether the key is revoked', async () => {
    const revokedKeys = {
      whyRevoked: () => {
        throw new Error('no idea');
      },
    };
    const knownHosts = known(`[h]:2222 ${line(ed)}\n`);
    await expect(verifyHostKey(target, { knownHosts, revokedKeys })(ed)).rejects.toThrow('no idea');
  });

  it('looks up and remembers an alias instead of host and port, and says both', async () => {
    await using dir = tempDir();
    const file = dir.join('kh');
    const alias = 'a.example.com';
    const knownHosts = known(`h,[h]:2222 ${line(ed)}\n`);
    const error = { reason: 'unknown', message: expect.stringContaining("[h]:2222 (as 'a.example.com')") };
    await expect(verifyHostKey(target, { knownHosts, alias })(ed)).rejects.toMatchObject(error);
    const changed = known(`a.example.com ${line(otherEd)}\n`);
    await expect(verifyHostKey(target, { knownHosts: changed, alias })(ed)).rejects.toMatchObject({ reason: 'changed' });
    expect(await verifyHostKey(target, { alias, strict: 'accept-new', file })(ed)).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe(`a.example.com ${line(ed)}\n`);
  });

  it.each(['accept-new', 'no'] as const)('remembers an unknown key with %s', async (strict) => {
    await using dir = tempDir();
    const file = dir.join('kh');
    const notices: string[] = [];
    const verify = verifyHostKey(target, { strict, file, notify: (text) => notices.push(text) });
    expect(await verify(ed)).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe(`[h]:2222 ${line(ed)}\n`);
    expect(notices).toHaveLength(1);
    // The next exchange of keys finds it known.
    expect(await verify(ed)).toBe(true);
    expect(notices).toHaveLength(1);
    await expect(verify(otherEd)).rejects.toMatchObject({ reason: 'changed' });
  });

  it('goes on where the key cannot be written', async () => {
    await using dir = tempDir();
    writeFileSync(dir.join('file'), '');
    const notices: string[] = [];
    const verify = verifyHostKey(target, {
      strict: 'accept-new',
      file: dir.join('file', 'below'),
      notify: (text) => notices.push(text),
    });
    expect(await verify(ed)).toBe(true);
    expect(notices[0]).toContain('could not be written');
  });

  it.each([
    ['yes', true],
    ['YES', true],
    [' yes ', true],
    [ed.fingerprint, true],
    ['no', false],
    ['', false],
    [null, false],
    [otherEd.fingerprint, false],
    ['y', false],
  ])('takes the answer %s as %s', async (answer, accepted) => {
    const questions: string[] = [];
    const ask = (text: string) => {
      questions.push(text);
      return answer;
    };
    const verdict = Promise.resolve(verifyHostKey(target, { strict: 'ask', ask })(ed)).catch(
      (error: HostKeyError) => error.reason,
    );
    expect(await verdict).toBe(accepted ? true : 'refused');
    expect(questions[0]).toContain(ed.fingerprint);
    expect(questions[0]).toContain('yes/no/[fingerprint]');
    expect(questions.length).toBeLessThanOrEqual(3);
  });

  it('asks again after an answer that is none', async () => {
    const answers = ['what', 'yes'];
    expect(await verifyHostKey(target, { strict: 'ask', ask: () => answers.shift() ?? null })(ed)).toBe(true);
  });
});

it('does not lose lines when files grow while they are read', async () => {
  await using dir = tempDir();
  const file = dir.write('kh', `a ${line(ed)}\n`);
  const hosts = await KnownHosts.read([file]);
  appendFileSync(file, `b ${line(ed)}\n`);
  await hosts.append(file, 'c', 22, ed);
  expect(readFileSync(file, 'utf8').match(/^[abc] /gm)).toEqual(['a ', 'b ', 'c ']);
});
