// Agents: ours as a client of ssh-agent, ours as the agent of ssh-add, ssh and our own client.

import { execFile } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Keyring, listenAgent, openAgent } from '../../src/agent.ts';
import { connect } from '../../src/index.ts';
import { generateKey, signCertificate, writePrivateKey } from '../../src/keys.ts';
import { describePeer, startProcess, startSshd, tempDir } from '../support/peers.ts';

const types = ['ed25519', 'ecdsa', 'rsa'] as const;

async function sshAgent(path: string) {
  const agent = await startProcess('ssh-agent', ['-D', '-a', path]);
  await expect.poll(() => existsSync(path)).toBe(true);
  return agent;
}

describePeer('ssh-agent', 'our client', () => {
  it('adds, lists, signs, locks, removes; and logs in', async () => {
    await using dir = tempDir();
    const path = join(dir.path, 'agent');
    await using _process = await sshAgent(path);
    await using agent = await openAgent(path);
    expect(await agent.getKeys()).toEqual([]);
    const keys = await Promise.all(types.map((type) => generateKey(type, { comment: `my ${type}` })));
    for (const key of keys) await agent.add(key);
    const listed = await agent.getKeys();
    expect(listed.map(({ comment }) => comment)).toEqual(types.map((type) => `my ${type}`));
    const data = new Uint8Array([1, 2, 3]);
    for (const key of listed) {
      for (const algorithm of key.algorithms.filter((name) => name !== 'ssh-rsa')) {
        expect(key.publicKey.verify(data, await key.sign(data, algorithm), algorithm)).toBe(true);
      }
    }
    await agent.lock('secret');
    expect(await agent.getKeys()).toEqual([]);
    await expect(listed[0]?.sign(data, 'ssh-ed25519')).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
    await expect(agent.unlock('wrong')).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
    await agent.unlock('secret');
    await using sshd = await startSshd({ authorizedKeys: keys.map(({ publicKey }) => `${publicKey}`) });
    for (const key of listed) {
      const target = { host: sshd.host, port: sshd.port, username: sshd.user, hostKey: 'ignore' as const };
      await using client = await connect({ ...target, privateKey: key });
      expect((await client.exec('echo in')).stdout).toBe('in\n');
    }
    await agent.remove(keys[0]?.publicKey as never);
    expect((await agent.getKeys()).length).toBe(2);
    await agent.removeAll();
    expect(await agent.getKeys()).toEqual([]);
    await agent.add(keys[1] as never, { lifetime: 1 });
    expect((await agent.getKeys()).length).toBe(1);
    await expect.poll(async () => (await agent.getKeys()).length, { timeout: 5_000 }).toBe(0);
  });

  it('hands over certificates', async () => {
    await using dir = tempDir();
    const path = join(dir.path, 'agent');
    await using _process = await sshAgent(path);
    await using agent = await openAgent(path);
    for (const type of types) {
      const [ca, key] = [await generateKey('ed25519'), await generateKey(type)];
      const certificate = await signCertificate(ca, key.publicKey, { kind: 'user', keyId: type, principals: ['me'] });
      await agent.add(key, { certificate });
      const held = (await agent.getKeys()).find(({ publicKey }) => publicKey.certificate?.keyId === type);
      const algorithm = held?.algorithms[0] as never;
      expect(held?.publicKey.verify(new Uint8Array(3), await held.sign(new Uint8Array(3), algorithm), algorithm)).toBe(true);
    }
  });
});

describePeer('ssh-agent', 'our agent', () => {
  it('is one to ssh-add and to ssh', async () => {
    await using dir = tempDir();
    const path = join(dir.path, 'agent');
    const keyring = new Keyring();
    await using _agent = await listenAgent(keyring, path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const env = { ...process.env, SSH_AUTH_SOCK: path, SSH_ASKPASS_REQUIRE: 'never' };
    const add = (...args: string[]) => run('ssh-add', args, env);
    for (const type of types) {
      const key = await generateKey(type, { comment: type });
      await writePrivateKey(join(dir.path, type), key);
      writeFileSync(join(dir.path, `${type}.pub`), `${key.publicKey}\n`);
    }
    for (const type of types) expect((await add(join(dir.path, type))).status).toBe(0);
    expect((await add('-l')).stdout.match(/SHA256:/g)?.length).toBe(3);
    for (const type of types) {
      const tried = await add('-T', join(dir.path, `${type}.pub`));
      expect(tried, type).toMatchObject({ status: 0 });
    }
    const { publicKey } = await generateKey('ed25519');
    expect(keyring.remove(publicKey)).toBe(false);
    await using sshd = await startSshd({ authorizedKeys: keyring.list().map((key) => `${key.publicKey}`) });
    const args = [
      '-F',
      'none',
      '-p',
      String(sshd.port),
      '-o',
      'BatchMode=yes',
      '-o',
      `UserKnownHostsFile=${sshd.knownHostsFile}`,
    ];
    const login = await run('ssh', [...args, `${sshd.user}@${sshd.host}`, 'echo in'], env);
    expect(login.stdout).toBe('in\n');
    expect((await add('-d', join(dir.path, 'ed25519'))).status).toBe(0);
    expect((await add('-l')).stdout.match(/SHA256:/g)?.length).toBe(2);
    expect((await add('-D')).status).toBe(0);
    expect((await add('-l')).stdout).toContain('no identities');
    expect((await add('-t', '1', join(dir.path, 'ecdsa'))).status).toBe(0);
    await expect.poll(() => keyring.list().length, { timeout: 5_000 }).toBe(0);
  });

  it('asks before a key that wants it signs', async () => {
    await using dir = tempDir();
    const path = join(dir.path, 'agent');
    const asked: string[] = [];
    let answer = false;
    const keyring = new Keyring({
      onConfirm: (_key, comment) => {
        asked.push(comment);
        return answer;
      },
    });
    await using _agent = await listenAgent(keyring, path);
    await using agent = await openAgent(path);
    const key = await generateKey('ed25519', { comment: 'careful' });
    await agent.add(key, { confirm: true });
    const [held] = await agent.getKeys();
    await expect(held?.sign(new Uint8Array(3), 'ssh-ed25519')).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
    answer = true;
    expect((await held?.sign(new Uint8Array(3), 'ssh-ed25519'))?.length).toBeGreaterThan(64);
    expect(asked).toEqual(['careful', 'careful']);
  });
});

async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { env, encoding: 'utf8' }, (_error, stdout, stderr) => {
      resolve({ status: child.exitCode, stdout, stderr });
    });
    child.stdin?.end();
  });
}
