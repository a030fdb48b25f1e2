// Where an agent is looked for, on Windows too, and what is said where none is.
import { expect, it } from 'vitest';
import { agentPath, unreachable, usualAgent } from '../../../src/agent/location.ts';
import { openAgent } from '../../../src/agent.ts';
import { SSHConfig } from '../../../src/config.ts';
import { AgentError } from '../../../src/errors.ts';
import { settledSsh } from '../../support/cli-options.ts';
import { tempDir } from '../../support/peers.ts';

const PIPE = '\\\\.\\pipe\\openssh-ssh-agent';
/** As Pageant writes it for Windows' ssh. */
const PAGEANT = '//./pipe/pageant.me.1dd0bd6d8626a420';

it.each([
  ['linux', {}, null],
  ['linux', { SSH_AUTH_SOCK: '' }, null],
  ['linux', { SSH_AUTH_SOCK: '/run/agent' }, '/run/agent'],
  ['darwin', {}, null],
  ['win32', {}, PIPE],
  ['win32', { SSH_AUTH_SOCK: '' }, null],
  ['win32', { SSH_AUTH_SOCK: PAGEANT }, PAGEANT],
] as const)('on %s with %j it is %j', (platform, env, where) => {
  expect(usualAgent({ platform, env })).toBe(where);
});

it('is a path as it stands, where sockets have paths', () => {
  for (const path of ['/run/agent', 'a\\b', PAGEANT]) expect(agentPath(path, { platform: 'linux' })).toBe(path);
  for (const path of ['', 'a\0b']) expect(() => agentPath(path, { platform: 'linux' })).toThrow(AgentError);
});

it.each([
  [PIPE, PIPE],
  [PAGEANT, '\\\\.\\pipe\\pageant.me.1dd0bd6d8626a420'],
  ['\\\\?\\PIPE\\x', '\\\\?\\PIPE\\x'],
])('is a pipe of this machine on Windows: %s', (where, path) => {
  expect(agentPath(where, { platform: 'win32' })).toBe(path);
});

it.each([
  '\\\\server\\pipe\\x',
  '//server/pipe/x',
  '/tmp/ssh-XXXX/agent.12',
  'C:\\agent',
  '\\\\.\\pipe\\',
  '\\\\.\\C:\\x',
  '',
  'pipe',
])('and nothing else: %j', (where) => {
  expect(() => agentPath(where, { platform: 'win32' })).toThrow(AgentError);
});

it('says how to reach Pageant, where somebody may mean it', () => {
  expect(() => agentPath('/tmp/agent', { platform: 'win32' })).toThrow('pageant --openssh-config FILE');
  expect(unreachable(PIPE, null, { platform: 'win32' }).message).toMatch(
    /OpenSSH Authentication Agent.*pageant --openssh-config FILE/,
  );
  expect(unreachable(agentPath(PAGEANT, { platform: 'win32' }), null, { platform: 'win32' }).message).not.toContain(
    '--openssh-config',
  );
  expect(unreachable('/run/agent', null, { platform: 'linux' }).message).toBe("the agent at /run/agent can't be reached");
});

it('is read from the file that Pageant writes', async () => {
  await using dir = tempDir();
  dir.write('pageant.conf', `IdentityAgent "${PAGEANT}"\n`);
  const config = await SSHConfig.load([dir.write('config', `Include ${dir.join('pageant.conf')}\n`)]);
  expect((await config.lookup('host')).identityAgent).toBe(PAGEANT);
  for (const value of [`"${PAGEANT}"`, PAGEANT]) {
    expect((await settledSsh('-o', `IdentityAgent=${value}`, 'h')).identityAgent).toBe(PAGEANT);
  }
});

it.each(['/nowhere/agent', `/${'x'.repeat(4_000)}`])('nobody is at %s', async (path) => {
  await expect(openAgent(path)).rejects.toMatchObject({
    code: 'ERR_SSH_AGENT',
    message: expect.stringMatching(/can't be reached \([A-Z_]+\)$/),
  });
});

it('is not waited for by who has given up before', async () => {
  const reason = new Error('enough');
  await expect(openAgent('/nowhere/agent', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
