// What the SFTP client sends for a call: how many requests, in how many flights, and for which names.

import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes/bytes.ts';
import {
  Attrs,
  Close,
  Extended,
  Fsetstat,
  Fstat,
  Lstat,
  Mkdir,
  Open,
  Opendir,
  Read,
  Readdir,
  Readlink,
  Realpath,
  Remove,
  Rename,
  Rmdir,
  Setstat,
  Stat,
  Symlink,
  Write,
} from '../../../src/sftp/protocol/messages.ts';
import { SFTP_FAILURE, SFTP_NO_SUCH_FILE } from '../../../src/sftp/protocol/status.ts';
import { SFTPClient } from '../../../src/sftp.ts';
import { type Answers, attributesOf, behave, entry, folderOf, scriptedClient } from '../../support/scripted-client.ts';
import { idOf, scriptedSftp, statusFor } from '../../support/scripted-sftp.ts';

const NAMES = new Map(
  [
    Open,
    Close,
    Read,
    Write,
    Lstat,
    Fstat,
    Setstat,
    Fsetstat,
    Opendir,
    Readdir,
    Remove,
    Mkdir,
    Rmdir,
    Realpath,
    Stat,
    Rename,
    Readlink,
  ]
    .concat([Symlink, Extended] as never[])
    .map((message) => [message.number, message.name.replace('SSH_FXP_', '')]),
);

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

/** The requests of a call by flights: what is sent before the server has answered anything of the flight. */
async function flightsOf(run: (sftp: SFTPClient) => Promise<unknown>, answers: Answers = behave): Promise<string[]> {
  const flights: string[][] = [];
  let flight: Uint8Array[] = [];
  const server = scriptedSftp((packet) => {
    if (flight.length === 0) {
      // When everything that has been sent is here, all of it is answered.
      void turns(3).then(() => {
        const now = flight;
        flight = [];
        flights.push(now.map((each) => NAMES.get(each[0] as number) ?? '?'));
        for (const each of now) server.reply(...answers(each, server));
      });
    }
    flight.push(packet);
  });
  const sftp = await SFTPClient.open(server.channel);
  await run(sftp);
  // What nobody waits for is still on its way.
  for (let quiet = 0; quiet < 8; quiet = flight.length > 0 ? 0 : quiet + 1) await turns(1);
  sftp.close();
  return flights.map((each) => each.join(' '));
}

describe('a small file', () => {
  it('is read in two round trips, and closed without a third', async () => {
    expect(await flightsOf((sftp) => sftp.readFile('x'))).toEqual(['OPEN', 'FSTAT READ', 'CLOSE']);
  });

  it('is written in two', async () => {
    expect(await flightsOf((sftp) => sftp.writeFile('x', 'small'))).toEqual(['OPEN', 'WRITE CLOSE']);
    expect(await flightsOf((sftp) => sftp.writeFile('x', ''))).toEqual(['OPEN', 'CLOSE']);
    expect(await flightsOf((sftp) => sftp.appendFile('x', 'small'))).toEqual(['OPEN', 'FSTAT', 'WRITE CLOSE']);
  });

  it('as a stream costs no more', async () => {
    const read = async (sftp: SFTPClient) => {
      for await (const _chunk of sftp.createReadStream('x'));
    };
    expect(await flightsOf(read)).toEqual(['OPEN', 'FSTAT READ', 'CLOSE']);
    const write = (sftp: SFTPClient) => new Promise<void>((done) => sftp.createWriteStream('x').end('small', done));
    expect(await flightsOf(write)).toEqual(['OPEN', 'WRITE CLOSE']);
  });
});

describe('other calls', () => {
  it('ask no more than they must', async () => {
    expect(await flightsOf((sftp) => sftp.stat('x'))).toEqual(['STAT']);
    expect(await flightsOf((sftp) => sftp.mkdir('x', { recursive: true }))).toEqual(['MKDIR']);
    expect(await flightsOf((sftp) => sftp.listdir('x'))).toEqual(['OPENDIR', 'READDIR READDIR', 'CLOSE']);
    expect(await flightsOf((sftp) => sftp.rename('x', 'y'))).toEqual(['RENAME']);
    expect(await flightsOf(async (sftp) => (await sftp.open('x')).close())).toEqual(['OPEN', 'CLOSE']);
    const folder: Answers = (packet, server) =>
      packet[0] === Stat.number
        ? [Attrs.encode({ id: idOf(packet), attributes: attributesOf({ stMode: 0o040755 }) })]
        : behave(packet, server);
    expect(await flightsOf((sftp) => sftp.chdir('x'), folder)).toEqual(['STAT REALPATH']);
  });

  it('ask for the reason only where there is none', async () => {
    const refuse =
      (status: number): Answers =>
      (packet, server) =>
        packet[0] === Mkdir.number ? [statusFor(packet, status)] : behave(packet, server);
    const mkdir = (sftp: SFTPClient) => sftp.mkdir('x').catch(() => {});
    expect(await flightsOf(mkdir, refuse(SFTP_FAILURE))).toEqual(['MKDIR', 'LSTAT']);
    expect(await flightsOf(mkdir, refuse(SFTP_NO_SUCH_FILE))).toEqual(['MKDIR']);
    expect(await flightsOf(mkdir, refuse(11))).toEqual(['MKDIR']);
  });

  it('mkdir goes up as far as it must', async () => {
    const there = new Set(['/', '/a']);
    const answers: Answers = (packet, server) => {
      if (packet[0] !== Mkdir.number) return behave(packet, server);
      const { path } = Mkdir.decode(packet);
      if (!there.has(path.slice(0, path.lastIndexOf('/')) || '/')) return [statusFor(packet, SFTP_NO_SUCH_FILE)];
      there.add(path);
      return [statusFor(packet, 0)];
    };
    let made: string | undefined;
    const flights = await flightsOf(async (sftp) => {
      made = await sftp.mkdir('/a/b/c/d', { recursive: true });
    }, answers);
    expect(made).toBe('/a/b');
    expect(flights).toEqual(['MKDIR', 'MKDIR', 'MKDIR', 'MKDIR', 'MKDIR']);
  });

  it('a parent that a server refuses without saying why is no endless ascent', async () => {
    const refuse: Answers = (packet, server) =>
      [Mkdir.number, Stat.number, Lstat.number].includes(packet[0] as never)
        ? [statusFor(packet, SFTP_FAILURE)]
        : behave(packet, server);
    const error = await new Promise((resolve) => {
      void flightsOf((sftp) => sftp.mkdir('/a/b/c', { recursive: true }).catch(resolve), refuse);
    });
    expect(error).toMatchObject({ code: 'ERR_SSH_SFTP_FAILURE', operation: 'mkdir' });
  });
});

it('modes are sent as they were given, and none where none was', async () => {
  const modes: (number | undefined)[] = [];
  const note =
    (read: (packet: Uint8Array) => { stMode: number | undefined }): Answers =>
    (packet, server) => {
      modes.push(read(packet).stMode);
      return behave(packet, server);
    };
  const { sftp } = await scriptedClient([
    [Mkdir, note((packet) => Mkdir.decode(packet).attributes)],
    [Open, note((packet) => Open.decode(packet).attributes)],
  ]);
  await sftp.mkdir('x');
  await sftp.mkdir('x', 0);
  await sftp.mkdir('x', '700');
  await sftp.mkdir('x', { mode: 0o750, recursive: true });
  await sftp.open('x', 'w');
  await sftp.open('x', 'w', 0);
  await sftp.open('x', 'w', { mode: '640' });
  await sftp.writeFile('x', '', { mode: 0o600 });
  expect(modes).toEqual([undefined, 0, 0o700, 0o750, undefined, 0, 0o640, 0o600]);
});

describe('names', () => {
  it('are counted from the working folder, but not what a link says', async () => {
    const seen: string[] = [];
    const note =
      (read: (packet: Uint8Array) => string): Answers =>
      (packet, server) => {
        seen.push(read(packet));
        return packet[0] === Stat.number && seen.length === 1
          ? [Attrs.encode({ id: idOf(packet), attributes: attributesOf({ stMode: 0o040755 }) })]
          : behave(packet, server);
      };
    const { sftp } = await scriptedClient([
      [Stat, note((packet) => Stat.decode(packet).path)],
      [Symlink, note((packet) => Object.values(Symlink.decode(packet)).slice(1).join(' <- '))],
      [Rename, note((packet) => Object.values(Rename.decode(packet)).slice(1).join(' -> '))],
      [Open, note((packet) => Open.decode(packet).path)],
    ]);
    await sftp.chdir('sub');
    await sftp.stat('a');
    await sftp.stat('/a');
    await sftp.symlink('b', 'a');
    await sftp.rename('a', '/b');
    await sftp.writeFile('new', '');
    await sftp.chdir(null);
    await sftp.stat('a');
    expect(seen).toEqual(['sub', '/real/a', '/a', 'b <- /real/a', '/real/a -> /b', '/real/new', 'a']);
  });

  it('of entries are put behind the folder as it was given', async () => {
    const { sftp } = await scriptedClient([
      [Readdir, folderOf(entry('x'))],
      [Opendir, behave],
    ]);
    const [found] = await sftp.readdir('some/folder/', { withFileTypes: true });
    expect([found?.name, found?.parentPath, found?.path]).toEqual(['x', 'some/folder', 'some/folder/x']);
  });
});

describe('extensions', () => {
  it('are not asked for where they were not announced', async () => {
    const { sftp, server } = await scriptedClient([]);
    const calls = [
      sftp.posixRename('a', 'b'),
      sftp.link('a', 'b'),
      sftp.statvfs('a'),
      sftp.lutimes('a', 1, 2),
      sftp.lchown('a', 1, 2),
      sftp.expandPath('~'),
      sftp.homeDirectory(),
      sftp.usersGroupsById([0], []),
      sftp.checkFile('a'),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'ENOTSUP', status: null });
    expect(server.requests).toEqual([]);
  });

  it('copyFile does without copy-data, and closes both files where that is refused', async () => {
    const { sftp, count, settled } = await scriptedClient([]);
    await sftp.copyFile('a', 'b');
    await settled();
    expect([count(Open), count(Write), count(Close)]).toEqual([2, 1, 2]);
    const refused = await scriptedClient(
      [[Extended, (packet) => [statusFor(packet, SFTP_FAILURE)]]],
      new Map([['copy-data', encodeUtf8('1')]]),
    );
    await refused.sftp.copyFile('a', 'b');
    await refused.settled();
    expect([Open, Extended, Write, Close].map(refused.count)).toEqual([2, 1, 1, 2]);
    const full = await scriptedClient([[Write, (packet) => [statusFor(packet, SFTP_FAILURE, 'No space left on device')]]]);
    await expect(full.sftp.copyFile('a', 'b')).rejects.toMatchObject({ code: 'ENOSPC' });
    await full.settled();
    expect([Open, Close].map(full.count)).toEqual([2, 2]);
  });
});
