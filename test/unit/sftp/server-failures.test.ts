// What goes wrong behind a request of an SFTP client, and how little of it the client hears.
import { describe, expect, it } from 'vitest';
import { SFTPError } from '../../../src/errors.ts';
import {
  Extended,
  FXF_READ,
  Lstat,
  Mkdir,
  Opendir,
  Readlink,
  Realpath,
  Remove,
  Rename,
  Rmdir,
  Setstat,
  Stat,
  Status,
  Symlink,
} from '../../../src/sftp/protocol/messages.ts';
import {
  SFTP_BAD_MESSAGE,
  SFTP_EOF,
  SFTP_FAILURE,
  SFTP_NO_SUCH_FILE,
  SFTP_OK,
  SFTP_OP_UNSUPPORTED,
  SFTP_PERMISSION_DENIED,
  SFTPAttributes,
  SFTPServerInterface,
} from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { errno, MapFiles } from '../../support/sftp-map.ts';
import { namesOf, type RawSftp, serveInMemory, statusAndText, statusOf } from '../../support/sftp-raw.ts';

const none = new SFTPAttributes();
const withSize = (stSize: number) => Object.assign(new SFTPAttributes(), { stSize });

describe('what goes wrong', () => {
  /** An interface whose `stat` and `mkdir` do what they are told. */
  async function failing(hook: () => unknown): Promise<{ client: RawSftp; log: string[] }> {
    const files = new SFTPServerInterface({} as ServerInterface);
    files.stat = hook as SFTPServerInterface['stat'];
    files.mkdir = hook as SFTPServerInterface['mkdir'];
    return serveInMemory(files);
  }
  const fails = (error: unknown) => () => {
    throw error;
  };

  it.each([
    ['an error of Node', fails(errno('ENOENT')), SFTP_NO_SUCH_FILE, 'No such file or directory'],
    ['an error that comes late', () => Promise.reject(errno('EACCES')), SFTP_PERMISSION_DENIED, 'Permission denied'],
    ['no room', fails(errno('ENOSPC')), SFTP_FAILURE, 'No space left on device'],
    ['an error that is not in the table', fails(errno('ENOTTY')), SFTP_FAILURE, 'Failure'],
    ['a status', () => SFTP_PERMISSION_DENIED, SFTP_PERMISSION_DENIED, 'Permission denied'],
    ['a status that is thrown away', () => Promise.resolve(SFTP_NO_SUCH_FILE), SFTP_NO_SUCH_FILE, 'No such file or directory'],
    ['a status of a later version', () => 11, SFTP_FAILURE, 'File already exists'],
    ['a status that nobody knows', () => 4_711, SFTP_FAILURE, 'Failure'],
    [
      'the error of a client of ours',
      fails(new SFTPError('EACCES', 'no', { operation: 'stat', path: '/etc/shadow', status: 3, serverMessage: 'secret' })),
      SFTP_PERMISSION_DENIED,
      'Permission denied',
    ],
    [
      'its error without a status',
      fails(new SFTPError('EINVAL', 'no', { operation: 'stat', path: '/etc/shadow' })),
      SFTP_BAD_MESSAGE,
      'Invalid argument',
    ],
    [
      'its end of a file',
      fails(new SFTPError('ERR_SSH_SFTP_EOF', 'no', { operation: 'read', status: 1 })),
      SFTP_EOF,
      'End of file',
    ],
  ])('%s is told in the words of the protocol', async (_title, hook, status, text) => {
    const { client, log } = await failing(hook);
    expect(statusAndText(await client.ask(Stat, { path: '/secret' }))).toEqual([status, text]);
    expect(statusAndText(await client.ask(Mkdir, { path: '/secret', attributes: none }))).toEqual([status, text]);
    expect(log).toEqual([]);
  });

  it.each([
    ['any other error', fails(new Error('the password is 1234'))],
    ['something that is no error', fails('the password is 1234')],
    ['null', fails(null)],
    ['an error with a code of another kind', fails(Object.assign(new Error('x'), { code: 7 }))],
    ["an error of Node's about arguments", fails(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_VALUE' }))],
    ['no result', () => undefined],
    ['a result that is none', () => Number.NaN],
    ['a late result that is none', () => Promise.resolve('yes')],
  ])('%s is FAILURE for the client and a line in the log', async (_title, hook) => {
    const { client, log } = await failing(hook);
    expect(statusAndText(await client.ask(Stat, { path: '/' }))).toEqual([SFTP_FAILURE, 'Failure']);
    expect(statusAndText(await client.ask(Mkdir, { path: '/', attributes: none }))).toEqual([SFTP_FAILURE, 'Failure']);
    expect(log).toHaveLength(2);
    expect(log.every((line) => line.startsWith('a hook of the SFTP server failed: '))).toBe(true);
  });

  it('OK is no answer to a question', async () => {
    const { client, log } = await failing(() => SFTP_OK);
    expect(statusOf(await client.ask(Stat, { path: '/' }))).toBe(SFTP_FAILURE);
    expect(statusOf(await client.ask(Mkdir, { path: '/', attributes: none }))).toBe(SFTP_OK);
    expect(log).toEqual(['a hook of the SFTP server failed: a hook returned SFTP_OK where a result was due']);
  });

  it('attributes that can not be sent are a failure, not a broken packet', async () => {
    // A size below zero would be sent as one that no file has, and clients end the session over that.
    for (const size of [1.5, -1, 2 ** 60]) {
      const { client, log } = await failing(() => withSize(size));
      expect(statusOf(await client.ask(Stat, { path: '/' })), `${size}`).toBe(SFTP_FAILURE);
      expect(log).toHaveLength(1);
    }
  });

  it('log lines cannot be forged', async () => {
    const { client, log } = await failing(fails(new Error('a\nb\x1b[31m')));
    await client.ask(Stat, { path: '/' });
    expect(log).toEqual(['a hook of the SFTP server failed: a\\x0ab\\x1b[31m']);
  });

  it('a request that nobody knows is refused under its number', async () => {
    const { client } = await serveInMemory(new MapFiles());
    for (const type of [0, 2, 21, 99, 101, 105, 201, 255]) {
      const id = 1_000 + type;
      const answer = client.answer(id);
      client.packet(Uint8Array.from([type, 0, 0, id >> 8, id & 255, 1, 2, 3]));
      expect(statusOf(await answer), `${type}`).toBe(SFTP_OP_UNSUPPORTED);
    }
    expect(statusOf(await client.extended('no-such@example.org', new Uint8Array(5)))).toBe(SFTP_OP_UNSUPPORTED);
    expect(statusOf(await client.extended('__proto__', new Uint8Array(0)))).toBe(SFTP_OP_UNSUPPORTED);
    // Not taken for an answer to anything.
    const status = { id: 1, status: 0, message: '', language: '' };
    const answer = client.answer(1);
    client.packet(Status.encode(status));
    expect(statusOf(await answer)).toBe(SFTP_OP_UNSUPPORTED);
  });

  it('an interface without hooks refuses every request', async () => {
    const { client } = await serveInMemory(new SFTPServerInterface({} as ServerInterface));
    const path = '/a';
    const answers = await Promise.all([
      client.open(path, FXF_READ, none),
      client.ask(Opendir, { path }),
      client.ask(Lstat, { path }),
      client.ask(Stat, { path }),
      client.ask(Setstat, { path, attributes: none }),
      client.ask(Remove, { path }),
      client.ask(Mkdir, { path, attributes: none }),
      client.ask(Rmdir, { path }),
      client.ask(Rename, { from: path, to: path }),
      client.ask(Readlink, { path }),
      client.ask(Symlink, { target: path, link: path }),
      client.ask(Extended, { request: 'home-directory', data: new Uint8Array(4) }),
    ]);
    expect(answers.map(statusOf)).toEqual(answers.map(() => SFTP_OP_UNSUPPORTED));
    expect(namesOf(await client.ask(Realpath, { path: '../b' }))[0]?.filename).toBe('/b');
  });
});
