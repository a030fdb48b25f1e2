// `amiko keygen` without any other program: its options, the words of validities and certificate options, keys in lines, and what it
// does to files.
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseOptions } from '../../../src/cli/getopt.ts';
import { parseCertificateOptions } from '../../../src/cli/keygen/certificate-options.ts';
import { keyInLine, kindOf, plainKey } from '../../../src/cli/keygen/key-line.ts';
import { main } from '../../../src/cli/keygen/main.ts';
import { describeValidity, parseDuration, parseValidity } from '../../../src/cli/keygen/validity.ts';
import { main as amiko } from '../../../src/cli/main.ts';
import { UsageError } from '../../../src/errors.ts';
import { FOREVER } from '../../../src/keys/certificate.ts';
import {
  generateKey,
  readCertificate,
  readPrivateKey,
  readPublicKey,
  signCertificate,
  writePrivateKey,
} from '../../../src/keys.ts';
import { type TempDir, tempDir } from '../../support/peers.ts';

const written = { stdout: '', stderr: '' };
let dir: TempDir;

beforeEach(() => {
  dir = tempDir();
  for (const name of ['stdout', 'stderr'] as const) {
    written[name] = '';
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    });
  }
  vi.stubEnv('SSH_ASKPASS', '');
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await dir.remove();
});

/** A program for SSH_ASKPASS with one answer after the other. */
function answers(...texts: string[]): void {
  const list = dir.write('answers', texts.map((text) => `${text}\n`).join(''));
  vi.stubEnv('SSH_ASKPASS', dir.write('ask', `#!/bin/sh\nhead -n 1 '${list}'\nsed -i 1d '${list}'\n`, 0o700));
  vi.stubEnv('SSH_ASKPASS_REQUIRE', 'force');
}

describe('getopt', () => {
  const table = { a: 'flag', f: 'value', long: 'flag', name: 'value' } as const;

  it('reads letters together, values in any form, operands anywhere', () => {
    const parsed = parseOptions(['x', '-aaf', '-v', 'y', '--name=a=b', '--long', '-fz', '--', '-a'], table);
    expect(parsed.operands).toEqual(['x', 'y', '-a']);
    expect(parsed.count('a')).toBe(2);
    expect(parsed.values('f')).toEqual(['-v', 'z']);
    expect(parsed.value('name')).toBe('a=b');
    expect(parsed.has('long')).toBe(true);
  });

  it('stops at the first operand where that is a command', () => {
    expect(parseOptions(['-a', 'sh', '-c', 'x'], table, { stopAtOperand: true }).operands).toEqual(['sh', '-c', 'x']);
  });

  it.each([
    [['-f'], '-f needs a value'],
    [['--name'], '--name needs a value'],
    [['--long=x'], '--long takes no value'],
    [['--lnog'], "unknown option '--lnog'; did you mean '--long'?"],
    [['-A'], "unknown option '-A'; did you mean '-a'?"],
    [['-x'], "unknown option '-x'; there are -a -f"],
    [['--a'], "unknown option '--a'"],
    [['--toString'], "unknown option '--toString'"],
    [['-q'], '-q (being quiet) is not supported'],
  ])('%j is refused', (args, message) => {
    const parse = () => parseOptions(args, table, { notSupported: { q: 'being quiet' } });
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});

describe('validities', () => {
  const now = 1_800_000_000.5;

  it.each([
    ['+52w', 1_799_999_940, 1_800_000_000 + 52 * 604_800],
    ['-5m:+1h', 1_799_999_700, 1_800_003_600],
    ['+1h30m:+2d', 1_800_005_400, 1_800_172_800],
    ['always:forever', 0, null],
    ['20200101Z:20300102030405Z', 1_577_836_800, 1_893_553_445],
    ['20200101000000Z:forever', 1_577_836_800, null],
    ['always:+90', 0, 1_800_000_090],
    ['0x10:0x20', 16, 32],
    ['-100000w:+1', 0, 1_800_000_001],
  ])('%s', (text, from, to) => {
    expect(parseValidity(text, now)).toEqual({ from, to });
  });

  it.each([
    [''],
    ['1h'],
    ['+1h:'],
    [':+1h'],
    ['+1x'],
    ['+'],
    ['+1h:-1h'],
    ['20201301:forever'],
    ['forever:always'],
    ['+1h:+2h:+3h'],
    ['+0'],
  ])('%j is refused', (text) => {
    expect(() => parseValidity(text, text === '+0' ? -100 : now)).toThrow(UsageError);
  });

  it('are shown as ssh-keygen shows them', () => {
    expect(describeValidity(0n, FOREVER)).toBe('forever');
    expect(describeValidity(0n, 100n)).toMatch(/^before 19(70|69)-\d\d-\d\dT\d\d:\d\d:40$/);
    expect(describeValidity(100n, FOREVER)).toMatch(/^after 19/);
    expect(describeValidity(100n, FOREVER - 1n)).toMatch(/^from 19\S+ to \d{4,5}-/);
  });

  it('add up units', () => {
    expect(parseDuration('1w2d3h4m5s6')).toBe(604_800 + 2 * 86_400 + 3 * 3_600 + 240 + 5 + 6);
    expect(() => parseDuration('1y')).toThrow(UsageError);
    // All digits belong to one number, and only the last one may do without a unit.
    expect(parseDuration('99999999999')).toBe(99_999_999_999);
    expect(parseDuration('4294967295s1')).toBe(4_294_967_296);
    expect(() => parseDuration('99999999999999999999')).toThrow(/too long/);
    expect(() => parseDuration(`${'9'.repeat(1_000)}w`)).toThrow(/too long/);
  });
});

describe('options of certificates', () => {
  const all = {
    'permit-X11-forwarding': '',
    'permit-agent-forwarding': '',
    'permit-port-forwarding': '',
    'permit-pty': '',
    'permit-user-rc': '',
  };

  it.each([
    [[], {}, all],
    [['clear'], {}, {}],
    [['clear', 'permit-pty', 'permit-x11-forwarding'], {}, { 'permit-pty': '', 'permit-X11-forwarding': '' }],
    [['no-user-rc', 'NO-x11-forwarding', 'no-port-forwarding', 'no-agent-forwarding'], {}, { 'permit-pty': '' }],
    [['clear', 'force-command=a=b c'], { 'force-command': 'a=b c' }, {}],
    [['clear', 'source-address=10.0.0.0/8,::1'], { 'source-address': '10.0.0.0/8,::1' }, {}],
    [['clear', 'verify-required'], { 'verify-required': '' }, {}],
    [['clear', 'critical:x@y=1', 'extension:z@y', 'extension:w=2'], { 'x@y': '1' }, { 'z@y': '', w: '2' }],
  ])('%j', (texts, criticalOptions, extensions) => {
    expect(parseCertificateOptions(texts)).toEqual({ criticalOptions, extensions });
  });

  it.each([
    [['no-ptty'], "did you mean 'no-pty'?"],
    [['permit-pty=x'], 'no option of certificates'],
    [['force-command'], '-O force-command needs a value'],
    [['force-command=a', 'force-command=b'], 'only once'],
    [['source-address=here'], 'needs addresses'],
    [['source-address='], 'needs addresses'],
  ])('%j is refused', (texts, message) => {
    expect(() => parseCertificateOptions(texts)).toThrow(message);
  });
});

describe('keys in lines', () => {
  it('are found behind names and options', async () => {
    const ca = await generateKey('ed25519');
    const certificate = await signCertificate(ca, ca.publicKey, { kind: 'user', keyId: 'x', principals: ['u'] });
    const line = `${ca.publicKey}`;
    expect(keyInLine(line)).toMatchObject({ comment: '' });
    expect(keyInLine(`${line} me at home `)?.comment).toBe('me at home');
    expect(keyInLine(`host,other ${line}`)?.comment).toBe('host,other');
    expect(keyInLine(`@cert-authority *.x ${line}`)?.comment).toBe('*.x');
    expect(keyInLine(`command="a \\" b",no-pty ${line} c`)?.comment).toBe('c');
    expect(keyInLine(`${line} # not a comment`)?.comment).toBe('');
    const found = keyInLine(`${certificate}`);
    expect(found && kindOf(found.key)).toBe('ED25519-CERT');
    expect(found && plainKey(found.key).equals(ca.publicKey)).toBe(true);
    for (const text of ['', 'x', 'ssh-ed25519', 'ssh-ed25519 AAAA', 'ssh-dss AAAAB3', `a b ${line}`])
      expect(keyInLine(text)).toBe(null);
  });

  it('of hostile text take no longer than it is', () => {
    const started = performance.now();
    expect(keyInLine('"'.repeat(60_000))).toBe(null);
    expect(keyInLine(`a${'\\"'.repeat(30_000)} x`)).toBe(null);
    expect(keyInLine('""'.repeat(30_000))).toBe(null);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('a new key', () => {
  it('is written for its owner only, and never over another', async () => {
    const file = dir.join('key');
    expect(await main(['--no-passphrase', '-f', file, '-C', 'a b'])).toBe(0);
    const key = await readPrivateKey(file);
    expect(written.stdout).toContain(`The key fingerprint is:\n${key.fingerprint} a b\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(`${file}.pub`).mode & 0o777).toBe(0o644);
    expect(key.comment).toBe('a b');
    expect((await readPublicKey(`${file}.pub`)).equals(key.publicKey)).toBe(true);

    expect(await main(['-N', '', '-f', file])).toBe(1);
    expect(written.stderr).toContain(`${file} exists; --force replaces it`);
    expect((await readPrivateKey(file)).publicKey.equals(key.publicKey)).toBe(true);
    expect(await main(['-N', '', '-qf', file, '--force', '-t', 'ecdsa-sha2-nistp384'])).toBe(0);
    expect((await readPrivateKey(file)).publicKey.type).toBe('ecdsa-sha2-nistp384');
    expect((await readPublicKey(`${file}.pub`)).type).toBe('ecdsa-sha2-nistp384');
    expect(readdirSync(dir.path).sort()).toEqual(['key', 'key.pub']);

    // A link is a name that is taken, wherever it leads.
    symlinkSync(dir.join('nowhere'), dir.join('link'));
    expect(await main(['-N', '', '-f', dir.join('link')])).toBe(1);
    expect(written.stderr).toContain(`${dir.join('link')} exists; --force replaces it`);
    expect(readdirSync(dir.path).sort()).toEqual(['key', 'key.pub', 'link']);
  });

  it('has the passphrase that is asked for twice', async () => {
    const file = dir.join('key');
    answers('one', 'other');
    expect(await main(['-qf', file])).toBe(255);
    expect(existsSync(file)).toBe(false);
    answers('secret', 'secret');
    expect(await main(['-qf', file, '-a', '1'])).toBe(0);
    await expect(readPrivateKey(file)).rejects.toMatchObject({ code: 'ERR_SSH_PASSPHRASE' });
    const { fingerprint } = await readPrivateKey(file, { passphrase: 'secret' });

    answers('secret', 'fresh', 'fresh');
    expect(await main(['-p', '-a', '1', '-f', file])).toBe(0);
    expect((await readPrivateKey(file, { passphrase: 'fresh' })).fingerprint).toBe(fingerprint);
    answers('wrong');
    expect(await main(['-y', '-f', file])).toBe(255);
    answers('fresh');
    expect(await main(['-p', '--no-passphrase', '-m', 'PKCS8', '-f', file])).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect((await readPrivateKey(file)).fingerprint).toBe(fingerprint);
  });

  it.each([
    [['-t', 'dsa'], 'DSA keys are too weak'],
    [['-t', 'ed25591'], "did you mean 'ed25519'?"],
    [['-t', 'ed25519-sk'], 'FIDO'],
    [['-t', 'rsa', '-b', '1024'], '2048 to 16384'],
    [['-t', 'ecdsa', '-b', '255'], '256, 384 or 521'],
    [['-t', 'ecdsa-sha2-nistp256', '-b', '384'], 'has 256 bits'],
    [['-b', 'x'], '-b is a whole number'],
    [['-N', 'secret'], 'a passphrase is never an argument'],
    [['-m', 'XML'], 'OPENSSH, PEM, PKCS8, PPK'],
    [['extra'], "unexpected argument 'extra'"],
    [['-l', '-y'], '-y and -l are different things to do'],
    [['-F', 'h', '-R', 'h'], '-F and -R are different'],
    [['-Y', 'shout'], "not 'shout'"],
    [['-u'], '-u goes with -k'],
  ])('is refused for %j', async (args, message) => {
    expect(await main(['-f', dir.join('key'), ...(args.includes('-N') ? [] : ['--no-passphrase']), ...args])).toBe(2);
    expect(written.stderr).toContain(message);
    expect(written.stderr).toContain("Try 'amiko keygen --help'.");
    expect(existsSync(dir.join('key'))).toBe(false);
  });

  it('without anybody to ask says what to do', async () => {
    expect(await main(['-f', dir.join('key')])).toBe(2);
    expect(written.stderr).toContain('--no-passphrase');
    expect(existsSync(dir.join('key'))).toBe(false);
  });
});

it('converts an encrypted key without ever writing it in clear', { timeout: 60_000 }, async () => {
  const file = dir.join('key');
  const key = await generateKey('ed25519', { comment: 'c' });
  await writePrivateKey(file, key, { passphrase: 'secret', rounds: 1 });
  answers('secret');
  expect(await main(['-e', '-m', 'PPK', '-f', file])).toBe(0);
  expect(written.stdout).toContain('Encryption: aes256-cbc');
  const ppk = dir.write('ppk', written.stdout);
  written.stdout = '';
  answers('secret');
  expect(await main(['-i', '-f', ppk])).toBe(0);
  const back = dir.write('back', written.stdout);
  await expect(readPrivateKey(back)).rejects.toMatchObject({ code: 'ERR_SSH_PASSPHRASE' });
  expect((await readPrivateKey(back, { passphrase: 'secret' })).fingerprint).toBe(key.fingerprint);
});

it('keeps a known_hosts that it does not understand', async () => {
  const { publicKey } = await generateKey('ed25519');
  const text = `a ${publicKey}\nnonsense\nb ${publicKey}`;
  const file = dir.write('known_hosts', text);
  for (const args of [['-R', 'a'], ['-H']]) {
    expect(await main([...args, '-f', file])).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe(text);
  }
  expect(written.stderr).toContain(`${file}:2: invalid line`);
  expect(readdirSync(dir.path)).toEqual(['known_hosts']);
});

it('edits a known_hosts with kinds of keys that are not known yet', async () => {
  const file = dir.write('known_hosts', 'a ssh-unheard-of AAAA\nb ssh-unheard-of AAAA\n');
  expect(await main(['-R', 'a', '-f', file])).toBe(0);
  expect(readFileSync(file, 'utf8')).toBe('b ssh-unheard-of AAAA\n');
  expect(readFileSync(`${file}.old`, 'utf8')).toBe('a ssh-unheard-of AAAA\nb ssh-unheard-of AAAA\n');
});

it('certifies for somebody in particular only', async () => {
  const key = await generateKey('ed25519');
  await writePrivateKey(dir.join('ca'), key);
  const file = dir.write('user.pub', `${key.publicKey}\n`);
  const base = ['-s', dir.join('ca'), '-I', 'id', file];
  expect(await main(base)).toBe(2);
  expect(written.stderr).toContain('-n is missing');
  expect(await main([...base, '-h', '-n', 'host', '-O', 'no-pty'])).toBe(2);
  expect(await main([...base, '-n', 'u', '-z', '-1'])).toBe(2);
  expect(existsSync(dir.join('user-cert.pub'))).toBe(false);
  expect(await main([...base, '-n', 'u,v', '-z', '0x10', '-V', '+1d'])).toBe(0);
  expect(await readCertificate(dir.join('user-cert.pub'))).toMatchObject({ principals: ['u', 'v'], serial: 16n, kind: 'user' });
});

it('signs for git, which calls the program with -Y', async () => {
  await writePrivateKey(dir.join('key'), await generateKey('ed25519'));
  const message = dir.write('message', 'hello');
  expect(await amiko(['-Y', 'sign', '-n', 'git', '-f', dir.join('key'), message])).toBe(0);
  expect(readFileSync(`${message}.sig`, 'utf8')).toMatch(/^-----BEGIN SSH SIGNATURE-----\n/);
  expect(await amiko(['-Y', 'sign', '-n', 'git', '-f', dir.join('key'), message])).toBe(255);
  expect(written.stderr).toContain(`${message}.sig exists`);
  expect(await amiko(['-Y', 'sign', '-f', dir.join('key'), message])).toBe(2);
});

it('has a help that names every option and is at most 130 columns wide', async () => {
  expect(await main(['--help'])).toBe(0);
  for (const line of written.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(130);
  for (const letter of 'tbCfamNqylEpieRFHsInVzhOLkQYrU') expect(written.stdout).toMatch(new RegExp(`-${letter}\\b`));
});
