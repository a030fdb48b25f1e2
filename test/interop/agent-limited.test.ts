// Keys that are limited to hosts, with real logins: over one hop and two, each thing that is allowed and each that is stopped, with our
// agent and OpenSSH's, with keys that ssh-add and `amiko agent add` have limited. The hosts are alpha, beta and gamma.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Keyring, listenAgent } from '../../src/agent.ts';
import { amikoBin } from '../support/amiko-serve.ts';
import {
  describePeer,
  keyPair,
  peer,
  type RunResult,
  run,
  runPeer,
  type Sshd,
  startProcess,
  startSshd,
  tempDir,
} from '../support/peers.ts';

const limited = keyPair('ed25519', { name: 'limited' });
const authority = keyPair('ed25519', { name: 'host-ca' });
const certifiedHost = keyPair('ed25519', { name: 'certified-host' });

interface RunningAgent extends AsyncDisposable {
  readonly path: string;
}

async function ours(): Promise<RunningAgent> {
  const dir = tempDir();
  const server = await listenAgent(new Keyring(), dir.join('agent'));
  return {
    path: server.path,
    async [Symbol.asyncDispose]() {
      await server.close();
      await dir.remove();
    },
  };
}

async function theirs(trixie: boolean): Promise<RunningAgent> {
  const dir = tempDir();
  const path = dir.join('agent');
  const server = startProcess(peer(trixie ? 'ssh-agent-trixie' : 'ssh-agent').path, ['-D', '-a', path], { trixie });
  await server.waitForLog(/SSH_AUTH_SOCK=/);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await dir.remove();
    },
  };
}

for (const trixie of [false, true]) {
  const suffix = trixie ? '-trixie' : '';
  describePeer([`ssh${suffix}`, `sshd${suffix}`, `ssh-agent${suffix}`, `ssh-add${suffix}`], peer(`ssh${suffix}`).version, () => {
    const dir = tempDir();
    let hosts: Readonly<Record<'alpha' | 'beta' | 'gamma', Sshd>>;
    let known: string;
    let knownByAuthority: string;
    beforeAll(async () => {
      const key = dir.write('host', certifiedHost.privateText);
      dir.write('host.pub', `${certifiedHost.publicLine}\n`);
      const signed = await runPeer('ssh-keygen', [
        '-q',
        '-s',
        authority.path,
        '-h',
        '-I',
        'alpha',
        '-n',
        'alpha,127.0.0.1',
        `${key}.pub`,
      ]);
      expect(signed.code).toBe(0);
      const start = (config?: Record<string, string>, hostKeys?: readonly ['ecdsa'] | readonly ['rsa']) =>
        startSshd({ trixie, authorizedKeys: [limited.publicLine], ...(config && { config }), ...(hostKeys && { hostKeys }) });
      hosts = {
        alpha: await start({ HostKey: key, HostCertificate: `${key}-cert.pub` }),
        beta: await start(undefined, ['ecdsa']),
        gamma: await start(undefined, ['rsa']),
      };
      const rest = `beta ${hosts.beta.hostKeys.ecdsa.publicLine}\ngamma ${hosts.gamma.hostKeys.rsa.publicLine}\n`;
      known = dir.write('known', `alpha ${certifiedHost.publicLine}\n${rest}`, 0o644);
      knownByAuthority = dir.write('known-ca', `@cert-authority alpha ${authority.publicLine}\n${rest}`, 0o644);
    });
    afterAll(async () => {
      for (const host of Object.values(hosts)) await host.stop();
      await dir.remove();
    });

    /** Arguments of ssh for a host by its alias: only the agent's key, and no certificate of the host unless that is wanted. */
    const to = (name: keyof typeof hosts, options: readonly string[] = [], ca = false): string[] => [
      ...[
        '-F',
        'none',
        '-o',
        'BatchMode=yes',
        '-o',
        'IdentitiesOnly=no',
        '-o',
        'IdentityFile=none',
        '-o',
        `HostKeyAlias=${name}`,
      ],
      ...['-o', `UserKnownHostsFile=${ca ? knownByAuthority : known}`, '-o', 'GlobalKnownHostsFile=/dev/null'],
      ...(ca ? [] : ['-o', 'HostKeyAlgorithms=ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512']),
      ...options,
      ...['-p', String(hosts[name].port), `${hosts[name].user}@127.0.0.1`],
    ];
    /** The same as a command, for the other side of a hop. */
    const command = (...args: Parameters<typeof to>) => `ssh ${to(...args).join(' ')}`;
    const ssh = (agent: RunningAgent, args: readonly string[]): Promise<RunResult> =>
      runPeer(`ssh${suffix}`, args, { env: { SSH_AUTH_SOCK: agent.path } });
    const byOpenSsh = (agent: RunningAgent, args: readonly string[]) =>
      runPeer(`ssh-add${suffix}`, [...args, limited.path], { env: { SSH_AUTH_SOCK: agent.path } });
    const byUs = (agent: RunningAgent, args: readonly string[]) =>
      run(process.execPath, [amikoBin, 'agent', 'add', ...args, limited.path], { env: { SSH_AUTH_SOCK: agent.path } });

    describe.each([
      ['our agent, ssh-add', ours, byOpenSsh],
      ['ssh-agent, ssh-add', () => theirs(trixie), byOpenSsh],
      ['our agent, amiko agent add', ours, byUs],
      ['ssh-agent, amiko agent add', () => theirs(trixie), byUs],
    ] as const)('%s', (_name, start, add) => {
      const limit = async (agent: RunningAgent, limits: readonly string[], file = known) => {
        const added = await add(agent, ['-H', file, ...limits.flatMap((each) => ['-h', each])]);
        expect(added, added.stderr).toMatchObject({ code: 0 });
      };
      const allowed = async (agent: RunningAgent, args: readonly string[]) => {
        const result = await ssh(agent, args);
        expect([result.code, result.stdout.toString()], result.stderr).toEqual([0, 'in\n']);
      };
      const stopped = async (agent: RunningAgent, args: readonly string[]) => {
        const result = await ssh(agent, args);
        expect([result.code, result.stdout.toString()]).toEqual([255, '']);
        expect(result.stderr).toContain('Permission denied');
      };

      it('one hop', async () => {
        await using agent = await start();
        await limit(agent, ['alpha']);
        await allowed(agent, [...to('alpha'), 'echo in']);
        await stopped(agent, [...to('beta'), 'echo in']);
        // There it is good for nothing, and not even seen.
        await stopped(agent, [...to('alpha', ['-A']), command('beta'), 'echo in']);
        const seen = await ssh(agent, [...to('alpha', ['-A']), 'ssh-add -l; ssh-add -D']);
        expect(seen.stdout.toString()).toBe('The agent has no identities.\n');
      });

      it('two hops', async () => {
        await using agent = await start();
        await limit(agent, ['alpha', `alpha>${hosts.beta.user}@beta`]);
        await allowed(agent, [...to('alpha', ['-A']), command('beta'), 'echo in']);
        await stopped(agent, [...to('alpha', ['-A']), command('gamma'), 'echo in']);
        await stopped(agent, [...to('beta'), 'echo in']);
        await stopped(agent, [...to('alpha', ['-A']), command('beta', ['-A']), command('gamma'), 'echo in']);
        const seen = await ssh(agent, [...to('alpha', ['-A']), 'ssh-add -L']);
        expect(seen.stdout.toString()).toBe(`${limited.publicLine}\n`);
      });

      it('as another user', async () => {
        await using agent = await start();
        await limit(agent, ['nobody@alpha']);
        await stopped(agent, [...to('alpha'), 'echo in']);
        await limit(agent, [`${hosts.alpha.user.slice(0, 2)}*@alpha`]);
        await allowed(agent, [...to('alpha'), 'echo in']);
      });

      it('a host by its authority, at both ends of a hop', async () => {
        await using agent = await start();
        await limit(agent, ['alpha', 'alpha>beta'], knownByAuthority);
        await allowed(agent, [...to('alpha', [], true), 'echo in']);
        await allowed(agent, [...to('alpha', ['-A'], true), command('beta'), 'echo in']);
        // The same host without its certificate is not known by it.
        await stopped(agent, [...to('alpha'), 'echo in']);
      });

      it('with our client', async () => {
        await using agent = await start();
        await limit(agent, ['alpha', 'alpha>beta'], knownByAuthority);
        const { alpha, beta } = hosts;
        const plain = `[127.0.0.1]:${beta.port} ${beta.hostKeys.ecdsa.publicLine}\n`;
        const file = dir.write('known-ours', `@cert-authority [127.0.0.1]:${alpha.port} ${authority.publicLine}\n${plain}`);
        const login = async ({ port, user }: Sshd, ...args: readonly string[]) => {
          const options = ['-o', `UserKnownHostsFile=${file}`, '-o', 'GlobalKnownHostsFile=none', '-p', String(port)];
          const env = { SSH_AUTH_SOCK: agent.path, HOME: dir.path };
          const line = [amikoBin, 'ssh', ...options, ...args.slice(0, -1), `${user}@127.0.0.1`, ...args.slice(-1)];
          const { code, stdout, stderr } = await run(process.execPath, line, { env });
          return { code, stdout: stdout.toString(), stderr };
        };
        const yes = { code: 0, stdout: 'in\n' };
        const no = { code: 255, stdout: '', stderr: expect.stringContaining('ermission denied') };
        expect(await login(alpha, 'echo in')).toMatchObject(yes);
        expect(await login(beta, 'echo in')).toMatchObject(no);
        expect(await login(alpha, '-A', `${command('beta')} echo in`)).toMatchObject(yes);
        expect(await login(alpha, '-A', `${command('gamma')} echo in`)).toMatchObject(no);
      });

      it('signs no files', async () => {
        await using agent = await start();
        await limit(agent, ['alpha']);
        const args = ['-Y', 'sign', '-n', 'file', '-f', limited.publicPath, '-U'];
        const signed = await run('ssh-keygen', args, { env: { SSH_AUTH_SOCK: agent.path }, input: 'x' });
        expect(signed.code).not.toBe(0);
      });
    });
  });
}
