// Which lines of authorized_keys let in at all: AuthorizedKeys beside sshd, which reads the same line.

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parsePublicKey } from '../../src/keys.ts';
import { AuthorizedKeys } from '../../src/server.ts';
import { describePeer, keyPair, runPeer, type Sshd, startSshd } from '../support/peers.ts';

describePeer(['sshd', 'ssh'], 'options of authorized_keys', () => {
  const key = keyPair('ed25519');
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await startSshd();
  });

  afterAll(() => sshd.stop());

  it.each([
    'user-rc',
    'no-user-rc',
    'USER-RC,No-User-RC',
    'restrict,user-rc',
    'user-rc="yes"',
    'user-rcs',
    'tunnel="0"',
    'tunnel="any"',
    'tunnel="ANY"',
    'tunnel="2147483645"',
    'tunnel="2147483646"',
    'tunnel="1:2"',
    'tunnel="-1"',
    'tunnel="x"',
    'tunnel=""',
    'tunnel=1',
    'tunnel',
    'no-tunnel',
    'tunnel="1",tunnel="any"',
    'restrict,tunnel="any"',
    'command="echo in"',
    'command="echo in",command="echo in"',
    'from="127.0.0.1"',
    'from="127.0.0.1",from="127.0.0.1"',
    'expiry-time="20990101",expiry-time="20980101"',
    'environment="A=1",environment="A=2"',
    'pty,no-pty,pty',
  ])('%s', async (options) => {
    const line = `${options} ${key.publicLine}\n`;
    writeFileSync(sshd.authorizedKeysFile, line);
    const { stdout } = await runPeer('ssh', [...sshd.sshArgs(), 'echo in']);
    const lets = stdout.toString() === 'in\n';
    const applicant = { user: sshd.user, key: parsePublicKey(key.publicLine), address: '127.0.0.1', now: Date.now() / 1000 };
    const ours = () => AuthorizedKeys.parse(line, 'keys').authorize(applicant).granted !== null;
    if (lets) expect(ours()).toBe(true);
    else expect(ours).toThrow(/^keys:1: /);
  });
});
