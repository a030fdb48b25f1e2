// `amiko keygen -k -u` and `-Q -l` beside ssh-keygen: what one has made the other adds to, and both print the same. It runs what is
// in dist/, or AMIKO_BIN.

import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { keygen, type Outcome, same, theirs } from '../support/amiko-keygen.ts';
import { describePeer, keyPair, tempDir } from '../support/peers.ts';

const tools = [
  ['ours', keygen],
  ['theirs', theirs],
] as const;

/** What `-Q -l` prints, without when the list was made. */
const listed = (text: string) => text.replace(/^# Generated at \d{8}T\d{6}$/m, '# Generated');

async function done(tool: (args: readonly string[]) => Promise<Outcome>, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tool(args);
  expect(code, `${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

describePeer('ssh-keygen', 'revocation lists', () => {
  it('are added to and printed as by ssh-keygen, whoever has made them', { timeout: 90_000 }, async () => {
    await using dir = tempDir();
    const [ca, other] = [keyPair('ed25519', { name: 'ca' }), keyPair('ecdsa', { name: 'other' })];
    const [one, two, three] = [keyPair('ed25519', { name: 'one' }), keyPair('ecdsa-384', { name: 'two' }), keyPair('rsa')];
    copyFileSync(one.publicPath, dir.join('one.pub'));
    await done(theirs, ['-q', '-s', ca.path, '-I', 'x', '-n', 'x', '-z', '77', dir.join('one.pub')]);
    const sparse = Array.from({ length: 60 }, (_, index) => `serial: ${1_000 + 3 * index}\n`).join('');
    const specs = [
      dir.write(
        's0',
        'serial: 5\nserial: 100-200 # some\nserial: 201\nserial: 150-180\nserial: 300\nserial: 301\nid: gone one\nid: b\nid: a\nid: b\n',
      ),
      dir.write('s1', `${sparse}serial: 9\nserial: 0x7000000000000000-0x7000000000000fff\n`),
      dir.write(
        's2',
        `# of all kinds\nkey: ${one.publicLine}\nsha256: ${two.publicLine}\nhash: ${three.fingerprint} # three\n\n${three.publicLine}\n`,
      ),
      dir.write('s3', 'serial: 4-6\nid: c\nid: a\n'),
    ];
    const steps: string[][] = [
      ['-k', '-s', ca.publicPath, '-z', '7', '-C', 'a \u00e4 list', specs[0] as string],
      ['-k', '-u', '-s', other.publicPath, specs[1] as string],
      ['-k', '-u', specs[2] as string, specs[2] as string],
      ['-k', '-u', '-s', ca.publicPath, specs[3] as string],
      ['-k', '-u', '-s', 'none', specs[3] as string],
      ['-k', '-u', dir.join('one-cert.pub')],
      ['-k', '-u', '-z', '8', '-C', 'another'],
      ['-k', '-u'],
    ];
    const printed = new Map<string, string[]>();
    // All by one, all by the other, and in turn.
    for (const [name, first, next] of [
      ['ours', keygen, keygen],
      ['theirs', theirs, theirs],
      ['turns', keygen, theirs],
      ['turned', theirs, keygen],
    ] as const) {
      const file = dir.join(`${name}.krl`);
      const texts: string[] = [];
      for (const [index, step] of steps.entries()) {
        await done(index % 2 === 0 ? first : next, [
          ...step.slice(0, step[1] === '-u' ? 2 : 1),
          '-f',
          file,
          ...step.slice(step[1] === '-u' ? 2 : 1),
        ]);
        const { stdout } = await same(['-Q', '-l', '-f', file]);
        texts.push(listed(stdout));
      }
      printed.set(name, texts);
      await same(['-Q', '-l', '-f', file, dir.join('one-cert.pub')]);
      await same(['-Q', '-f', file, one.publicPath, ca.publicPath]);
    }
    for (const name of ['ours', 'turns', 'turned']) expect(printed.get(name), name).toEqual(printed.get('theirs'));
    const last = printed.get('ours')?.at(-1) as string;
    expect(last).toMatch(/^# KRL version 8\n# Generated\n# Comment: another\n\n/);
    for (const line of ['serial: 4-6', 'serial: 100-201', 'serial: 300-301', 'serial: 77', '# Wildcard CA', 'id: gone one']) {
      expect(last.split('\n')).toContain(line);
    }
  });

  it('that hold what we do not make are kept: SHA-1 hashes, and keys of types that we do not use', async () => {
    await using dir = tempDir();
    const one = keyPair('ed25519', { name: 'one' });
    const dsa = Buffer.concat([
      Buffer.from('000000077373682d647373', 'hex'),
      ...[64, 20, 64, 64].flatMap((length) => {
        const number = Buffer.alloc(length, 0x11);
        return [Buffer.from([0, 0, 0, length]), number];
      }),
    ]);
    const spec = dir.write('spec', `sha1: ${one.publicLine}\nssh-dss ${dsa.toString('base64')} old\n`);
    const file = dir.join('krl');
    const made = await theirs(['-k', '-f', file, spec]);
    // OpenSSH 10 has no DSA at all.
    if (made.code !== 0) await done(theirs, ['-k', '-f', file, dir.write('spec', `sha1: ${one.publicLine}\n`)]);
    const { stdout: before } = await same(['-Q', '-l', '-f', file]);
    expect(before).toMatch(/# hash SHA1:[0-9a-f]{40}\n/);
    await done(keygen, ['-k', '-u', '-f', file]);
    expect(listed((await same(['-Q', '-l', '-f', file])).stdout)).toBe(listed(before));
    expect((await same(['-Q', '-f', file, one.publicPath])).stdout).toContain('REVOKED');
  });

  it('can be made again from what is printed', async () => {
    await using dir = tempDir();
    const [one, two] = [keyPair('ed25519', { name: 'one' }), keyPair('ecdsa', { name: 'other' })];
    const file = dir.join('krl');
    await done(keygen, [
      '-k',
      '-f',
      file,
      '-s',
      'none',
      dir.write('spec', `serial: 1-3\nid: x\nkey: ${one.publicLine}\nsha256: ${two.publicLine}\n`),
    ]);
    const spec = dir.write('again', await done(keygen, ['-Q', '-l', '-f', file]));
    const again = dir.join('again.krl');
    await done(keygen, ['-k', '-f', again, '-s', 'none', spec]);
    const { code, stdout } = await same(['-Q', '-f', again, one.publicPath, two.publicPath]);
    expect([code, stdout.match(/REVOKED/g)?.length]).toEqual([1, 2]);
  });

  it('that are none are left alone', async () => {
    await using dir = tempDir();
    const one = keyPair('ed25519', { name: 'one' });
    const plain = dir.write('plain', `${one.publicLine}\n`);
    for (const [, tool] of tools) {
      for (const file of [plain, dir.write('empty', ''), dir.join('none')]) {
        expect((await tool(['-k', '-u', '-f', file, one.publicPath])).code).toBe(255);
        expect((await tool(['-Q', '-l', '-f', file])).code).toBe(255);
      }
    }
    expect(readFileSync(plain, 'utf8')).toBe(`${one.publicLine}\n`);
    expect(existsSync(dir.join('none'))).toBe(false);
    expect((await keygen(['-u', '-f', plain])).code).toBe(2);
  });
});
