// A forced `internal-sftp`: a ProcessServer gives SFTP and starts no program, and only where it can do all that the command says.

import { expect, it, onTestFinished } from 'vitest';
import { internalSftp } from '../../../src/cli/serve/internal-sftp.ts';
import { generateKey, Transport } from '../../../src/index.ts';
import { everything } from '../../../src/server/grant.ts';
import { createServer, ProcessServer, type SessionStart } from '../../../src/server.ts';
import { MemoryFileSystem, SFTPServer } from '../../../src/sftp.ts';

const hostKey = await generateKey('ed25519');

/** What a server with this forced command grants: of SFTP, another subsystem, a command and a shell. */
async function granted(command: string | null): Promise<{ got: readonly boolean[]; programs: readonly string[] }> {
  const sessions: SessionStart[] = [];
  class Forced extends ProcessServer {
    override getAllowedAuths() {
      return ['none'];
    }
    override checkAuthNone() {
      return 'successful' as const;
    }
    protected override get grant() {
      return { ...everything, command };
    }
  }
  const server = createServer({
    hostKeys: [hostKey],
    server: (connection) => {
      for (const name of ['sftp', 'other']) connection.transport.setSubsystemHandler(name, SFTPServer, MemoryFileSystem);
      return new Forced(connection, {
        exec: true,
        shell: true,
        subsystems: true,
        onSession: (session) => sessions.push(session),
      });
    },
  });
  const { host, port } = await server.listen();
  const transport = new Transport({ host, port });
  onTestFinished(async () => {
    await transport.close();
    await server.close();
  });
  await transport.connect({ hostKey: hostKey.publicKey });
  await transport.authNone('u');
  const got: boolean[] = [];
  for (const ask of ['sftp', 'other', null, undefined]) {
    const channel = await transport.openSession();
    const asked =
      ask === null ? channel.execCommand('true') : ask === undefined ? channel.invokeShell() : channel.invokeSubsystem(ask);
    got.push(
      await asked.then(
        () => true,
        () => false,
      ),
    );
    channel.close();
  }
  return { got, programs: sessions.map(({ request }) => request) };
}

it.each([
  [null, [true, true, true, true], ['exec', 'shell']],
  ['internal-sftp', [true, false, false, false], []],
  // A server that does not know what this is for must not leave it out.
  ['internal-sftp -R', [false, false, false, false], []],
  ['internal-sftp\t-R', [false, false, false, false], []],
  ['true internal-sftp', [true, true, true, true], ['exec', 'exec', 'exec', 'exec']],
] as const)('%j grants %j', async (command, got, programs) => {
  expect(await granted(command)).toEqual({ got, programs });
});

it.each([
  [null, null],
  ['', null],
  ['internal-sftpx', null],
  ['/usr/lib/internal-sftp', null],
  ['internal-sftp', {}],
  ['internal-sftp  -e\t-f AUTH -l DEBUG', {}],
  ['internal-sftp -R', { readOnly: true }],
  ['internal-sftp -Ru 027 -d/in/%u/%%', { readOnly: true, umask: 0o027, home: '//in/me/%' }],
])('%j is read as %j', (command, limits) => {
  expect(internalSftp(command, 'me')).toEqual(limits);
});

it.each(['-P x', '-p x', '-x', '--R', '-u 8', '-u 1777', '-u', '-d %h', '-d %', 'more', '-- -R', '-R=1'])(
  '%s is refused',
  (args) => {
    expect(internalSftp(`internal-sftp ${args}`, 'me')).toMatch(/^internal-sftp: /);
  },
);
