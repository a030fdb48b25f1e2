// The socket of our agent: whose it is, whose place it may take, and what stays behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Keyring, listenAgent, openAgent } from '../../../src/agent.ts';
import { type TempDir, tempDir } from '../../support/peers.ts';

let dir: TempDir;
beforeEach(() => {
  dir = tempDir();
});
afterEach(() => dir.remove());

/** A socket that a process has left behind. */
async function leaveSocket(path: string): Promise<void> {
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', program], { stdio: 'ignore' }), 'exit');
  expect(statSync(path).isSocket()).toBe(true);
}

it('is for its owner alone, whatever the umask is, which stays as it was', async () => {
  const before = process.umask(0);
  try {
    const listening = listenAgent(new Keyring(), dir.join('agent'));
    expect(process.umask()).toBe(0);
    // From its first moment.
    expect(statSync(dir.join('agent')).mode & 0o777).toBe(0o600);
    await using server = await listening;
    expect(statSync(server.path).mode & 0o777).toBe(0o600);
  } finally {
    process.umask(before);
  }
  expect(existsSync(dir.join('agent'))).toBe(false);
});

describe('a path that is taken', () => {
  it('by an agent that is dead is ours', async () => {
    const path = dir.join('agent');
    await leaveSocket(path);
    await using _server = await listenAgent(new Keyring(), path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await using agent = await openAgent(path);
    expect(await agent.getKeys()).toEqual([]);
  });

  it('by an agent that lives is not', async () => {
    const path = dir.join('agent');
    await using _first = await listenAgent(new Keyring(), path);
    await expect(listenAgent(new Keyring(), path)).rejects.toMatchObject({
      code: 'ERR_SSH_AGENT',
      message: expect.stringMatching(/EADDRINUSE/),
    });
    await using agent = await openAgent(path);
    expect(await agent.getKeys()).toEqual([]);
  });

  it('by anything else is not', async () => {
    const file = dir.write('file', 'precious');
    await leaveSocket(dir.join('dead'));
    symlinkSync(dir.join('dead'), dir.join('link'));
    for (const path of [file, dir.join('link'), dir.path]) {
      await expect(listenAgent(new Keyring(), path)).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
    }
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(existsSync(dir.join('dead'))).toBe(true);
  });
});

it.each(['/nowhere/agent', `/tmp/${'x'.repeat(200)}`])('where there can be none: %s', async (path) => {
  await expect(listenAgent(new Keyring(), path)).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
});
