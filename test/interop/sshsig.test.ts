// Signatures of files: ssh-keygen's verify here, ours verify there, and both sides say no to the same things.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes/bytes.ts';
import { KeyFormatError } from '../../src/errors.ts';
import { signMessage, verifyMessage } from '../../src/keys/node/sign-file.ts';
import { generateKey, signCertificate, withCertificate, writePrivateKey } from '../../src/keys.ts';
import { describePeer, tempDir } from '../support/peers.ts';

const message = encodeUtf8('a message\n');

describePeer('ssh-keygen', 'SSH signatures', () => {
  it.for(['ed25519', 'ecdsa', 'rsa'] as const)('%s: both ways', async (type, { expect }) => {
    await using dir = tempDir();
    const at = (name: string) => join(dir.path, name);
    const key = await generateKey(type);
    await writePrivateKey(at('key'), key);
    writeFileSync(at('message'), message);
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', at('key'), '-n', 'file', at('message')]);
    const allowed = (options = '') => `# a comment\nme@x,*@y ${options} ${key.publicKey}\n`;
    const theirs = readFileSync(at('message.sig'), 'utf8');
    const options = { namespace: 'file', principal: 'me@x', allowedSigners: allowed() };
    expect(verifyMessage(theirs, message, options)?.equals(key.publicKey)).toBe(true);
    expect(verifyMessage(theirs, encodeUtf8('another'), options)).toBeNull();
    const cases: [string, string, string][] = [
      ['', 'me@x', 'file'],
      ['', 'you@y', 'file'],
      ['', 'you@x', 'file'],
      ['', 'me@x', 'git'],
      ['namespaces="git,file"', 'me@x', 'file'],
      ['namespaces="git"', 'me@x', 'file'],
      ['namespaces="*,!file"', 'me@x', 'file'],
      ['valid-after="20200101"', 'me@x', 'file'],
      ['valid-before="20200101Z"', 'me@x', 'file'],
      ['valid-after="20991231235959Z"', 'me@x', 'file'],
      ['cert-authority', 'me@x', 'file'],
    ];
    for (const hash of ['sha256', 'sha512'] as const) {
      const ours = await signMessage(key, message, { namespace: 'file', hash });
      writeFileSync(at('ours.sig'), ours);
      for (const [line, principal, namespace] of cases) {
        writeFileSync(at('allowed'), allowed(line));
        const args = ['-Y', 'verify', '-f', at('allowed'), '-I', principal, '-n', namespace, '-s', at('ours.sig')];
        const judged = spawnSync('ssh-keygen', args, { input: message }).status === 0;
        const here = verifyMessage(ours, message, { namespace, principal, allowedSigners: allowed(line) }) !== null;
        expect(here, `${line} ${principal} ${namespace}`).toBe(judged);
      }
    }
  });

  it('by certificates', async ({ expect }) => {
    await using dir = tempDir();
    const at = (name: string) => join(dir.path, name);
    const [ca, key] = [await generateKey('ed25519'), await generateKey('ed25519')];
    const certificate = await signCertificate(ca, key.publicKey, { kind: 'user', keyId: 'x', principals: ['me@x'] });
    const ours = await signMessage(withCertificate(key, certificate), message, { namespace: 'file' });
    writeFileSync(at('ours.sig'), ours);
    for (const [line, principal, good] of [
      [`*@x cert-authority ${ca.publicKey}`, 'me@x', true],
      [`*@x cert-authority ${ca.publicKey}`, 'you@x', false],
      [`*@x ${key.publicKey}`, 'me@x', false],
      [`*@x ${ca.publicKey}`, 'me@x', false],
    ] as const) {
      writeFileSync(at('allowed'), `${line}\n`);
      const args = ['-Y', 'verify', '-f', at('allowed'), '-I', principal, '-n', 'file', '-s', at('ours.sig')];
      expect(spawnSync('ssh-keygen', args, { input: message }).status === 0, line).toBe(good);
      expect(verifyMessage(ours, message, { namespace: 'file', principal, allowedSigners: line }) !== null, line).toBe(good);
    }
  });

  it('by lines that say a thing twice, or in quotes that do not close, or are about keys that nobody has here', async ({
    expect,
  }) => {
    await using dir = tempDir();
    const key = await generateKey('ed25519');
    const signature = await signMessage(key, message, { namespace: 'file' });
    const file = dir.write('signature', signature);
    for (const [line, good] of [
      ['me KEY', true],
      ['me valid-before="20990101",valid-before="20200101" KEY', false],
      ['me valid-after="20200101",valid-after="20990101" KEY', false],
      ['me namespaces="file",namespaces="git" KEY', false],
      ['me cert-authority="x" KEY', false],
      ['"me KEY', false],
      ['me ssh-dss AAAA\nme KEY', true],
      ['me ssh-dss AAAA', false],
    ] as const) {
      const allowedSigners = `${line.replace('KEY', `${key.publicKey}`)}\n`;
      const args = ['-Y', 'verify', '-f', dir.write('allowed', allowedSigners), '-I', 'me', '-n', 'file', '-s', file];
      expect(spawnSync('ssh-keygen', args, { input: message }).status === 0, line).toBe(good);
      const here = (): boolean => {
        try {
          return verifyMessage(signature, message, { namespace: 'file', principal: 'me', allowedSigners }) !== null;
        } catch (error) {
          expect(error).toBeInstanceOf(KeyFormatError);
          return false;
        }
      };
      expect(here(), line).toBe(good);
    }
  });
});
