// OpenSSH's sftp and scp, of two generations, against `amiko serve`: everything that their users do, and what they hear where it
// is refused. Names are bytes, so batches are too.

import { spawnSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AmikoServe, startAmikoServe } from '../support/amiko-serve.ts';
import { openSshArgs } from '../support/cli.ts';
import {
  BLOB_BYTES,
  blobBytes,
  fill,
  join,
  LATIN,
  NAMES,
  refusals,
  type ServedTwice,
  serveTwice,
  treeOf,
} from '../support/foreign-sftp.ts';
import { canUnshare, describePeer, type PeerName, runPeer, sha256, tempDir } from '../support/peers.ts';

let served: ServedTwice;

beforeAll(async () => {
  served = await serveTwice();
});

afterAll(() => served[Symbol.asyncDispose]());

const clients: PeerName[] = ['sftp', 'sftp-trixie'];
for (const sftp of clients) {
  describePeer(sftp, `${sftp} at amiko serve`, () => {
    /** Lines may be bytes. The client of the other tree has no working directory of ours: paths are absolute. */
    async function batch(server: AmikoServe, ...lines: readonly (string | Uint8Array)[]) {
      const input = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));
      const args = [...openSshArgs(server), '-b', '-', '127.0.0.1'];
      const { code, stdout, stderr } = await runPeer(sftp, args, { input });
      return { code, stderr, stdout: stdout.toString('latin1') };
    }

    it('lists, uploads and downloads, whatever the names', async () => {
      const { here, there, remote } = served.place(`${sftp}-files`);
      fill(here);
      mkdirSync(`${here}/back`);
      // A line can't hold a line's end, so that name is a pattern; quoted it would not be one.
      const names = ['blob', 'empty', ...NAMES, LATIN].filter((name) => name !== 'new\nline');
      const each = (command: string) => [
        ...names.map((name) => Buffer.concat([`${command} "./`, name, '"'].map((part) => Buffer.from(part)))),
        `${command} new?line`,
      ];
      const up = await batch(
        served.writable,
        'version',
        `cd ${remote}`,
        'pwd',
        `lcd ${here}`,
        ...each('put'),
        'ls -1',
        'ls -la',
        `ls -l ${remote}/blob`,
        `lcd ${here}/back`,
        ...each('get'),
        'ls none',
      );
      expect(up.stderr).toContain(`Can't ls: "${remote}/none" not found`);
      expect(up.code).toBe(1);
      expect(up.stdout).toContain('SFTP protocol version 3');
      expect(up.stdout).toContain(`Remote working directory: ${remote}\n`);
      // It shows what is no text in its locale by its number.
      expect(up.stdout).toMatch(/^lat\\351n$/m);
      expect(up.stdout).toMatch(/^-rw-r--r-- .* 20000000 \w{3} [ \d]\d \d\d:\d\d (\/[\w-]+\/)?blob$/m);
      expect(up.stdout).toMatch(/^-rw-r--r-- +\S+ +\d+ +\d+ +0 .* empty$/m);
      const files = treeOf(here).filter((line) => !/^(back|sub)/.test(line));
      expect(files).toHaveLength(2 + NAMES.length + 1);
      expect(treeOf(there)).toEqual(files);
      expect(treeOf(`${here}/back`)).toEqual(files);
    });

    it('carries folders there and back, modes and times with them', async () => {
      const { here, there, remote } = served.place(`${sftp}-folders`);
      fill(`${here}/tree`);
      const result = await batch(served.writable, `cd ${remote}`, `put -Rp ${here}/tree new`, `get -Rp new ${here}/back`);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(treeOf(`${there}/new`)).toEqual(treeOf(`${here}/tree`));
      expect(treeOf(`${here}/back`)).toEqual(treeOf(`${here}/tree`));
      const stats = [`${here}/tree`, `${there}/new`, `${here}/back`].map((folder) => lstatSync(`${folder}/sub/deeper/file`));
      expect(new Set(stats.map(({ mode }) => mode))).toEqual(new Set([0o100755]));
      expect(new Set(stats.map(({ mtimeMs }) => Math.floor(mtimeMs / 1000))).size).toBe(1);
      // Into what is there.
      expect(await batch(served.writable, `put -R ${here}/tree/sub ${remote}/new`)).toMatchObject({ code: 0, stderr: '' });
      expect(treeOf(`${there}/new`)).toEqual(treeOf(`${here}/tree`));
    });

    it('makes, renames, changes, links, copies and removes, and knows the space', async () => {
      const { here, there, remote } = served.place(`${sftp}-changes`);
      writeFileSync(`${here}/text`, 'text');
      const result = await batch(
        served.writable,
        `cd ${remote}`,
        'mkdir d',
        `put ${here}/text a`,
        'rename a d/b',
        // Over what is there: posix-rename.
        `put ${here}/text c`,
        'rename c d/b',
        'chmod 600 d/b',
        'chown 12345 d/b',
        'chgrp 54321 d/b',
        'ln -s b d/soft',
        'ln d/b d/hard',
        'copy d/b d/copy',
        'ls -ln d',
        'get d/soft /dev/null',
        'rm d/hard',
        'mkdir d/gone',
        'rmdir d/gone',
        'df .',
        'df -i .',
      );
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(treeOf(there)).toEqual(['d/', `d/b 4 ${sha256('text')}`, `d/copy 4 ${sha256('text')}`, 'd/soft -> b']);
      expect(statSync(`${there}/d/b`)).toMatchObject({ mode: 0o100600, uid: 12_345, gid: 54_321, nlink: 1 });
      expect(result.stdout).toMatch(/^lrwxrwxrwx .* d?\/?soft$/m);
      expect(result.stdout).toMatch(/^-rw------- .* 12345 +54321 +4 .* d?\/?hard$/m);
      expect(result.stdout).toMatch(/Size +Used +Avail .*\n +\d+ +\d+ +\d+ .*%/);
      expect(result.stdout).toMatch(/Inodes +Used +Avail .*\n +\d+ +\d+ +\d+ .*%/);
    });

    it('goes on with what is there in part, on both sides, also beyond 4 GiB', async () => {
      const { here, there, remote } = served.place(`${sftp}-resume`);
      const [part, size] = [7_654_321, 5 * 2 ** 30];
      writeFileSync(`${here}/blob`, blobBytes());
      for (const file of [`${here}/down`, `${there}/up`]) writeFileSync(file, blobBytes().subarray(0, part));
      writeFileSync(`${there}/whole`, blobBytes());
      // Holes: all but the last bytes is there already.
      for (const [file, end] of Object.entries({ [`${there}/far`]: size, [`${here}/far`]: size - 100_000 })) {
        writeFileSync(file, '');
        truncateSync(file, end);
      }
      const result = await batch(
        served.writable,
        `cd ${remote}`,
        `reget whole ${here}/down`,
        `reput ${here}/blob up`,
        `reget far ${here}/far`,
        'ls -l far',
      );
      expect(result).toMatchObject({ code: 0, stderr: '' });
      for (const file of [`${here}/down`, `${there}/up`]) expect(sha256(readFileSync(file))).toBe(sha256(blobBytes()));
      expect(statSync(`${here}/far`).size).toBe(size);
      expect(result.stdout).toContain(` ${size} `);
      const { event, ...sent } = served.writable.events().findLast(({ path }) => path === `${remote}/far`) ?? { event: '' };
      expect([event, sent['bytesRead']]).toEqual(['sftp', 100_000]);
    });

    it('hears why not where nothing may be changed, and nothing is', async () => {
      const { here, there, remote } = served.place(`${sftp}-read-only`);
      fill(there);
      writeFileSync(`${here}/text`, 'text');
      const before = treeOf(there);
      const result = await batch(
        served.readOnly,
        `cd ${remote}`,
        `-put ${here}/text new`,
        `-put ${here}/text empty`,
        `-put -p ${here}/text blob`,
        `-reput ${here}/text empty`,
        '-rm empty',
        '-mkdir new',
        '-rmdir sub/deeper',
        '-rename empty new',
        '-ln -s blob new',
        '-ln blob new',
        '-chmod 600 empty',
        '-chown 1 empty',
        '-chgrp 1 empty',
        '-copy blob new',
        'df .',
        `get blob ${here}/blob`,
      );
      expect(result.code).toBe(0);
      const said = result.stderr.split(/\r?\n/).filter(Boolean);
      expect(said).toHaveLength(14);
      expect(said.filter((line) => !line.endsWith(': Permission denied'))).toEqual([]);
      expect(said[0]).toBe(`dest open "${remote}/new": Permission denied`);
      expect(treeOf(there)).toEqual(before);
      expect(sha256(readFileSync(`${here}/blob`))).toBe(sha256(blobBytes()));
      const operations = ['link', 'mkdir', 'open', 'remove', 'rename', 'rmdir', 'setstat', 'symlink'];
      expect(refusals(served.readOnly)).toEqual(operations.map((operation) => `${operation} EROFS`));
    });

    it.skipIf(!canUnshare())('hears that the disk is full, and what was written stays', async () => {
      const { here, there, remote } = served.place(`${sftp}-full`);
      writeFileSync(`${here}/blob`, blobBytes());
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'amiko-test', there]).status).toBe(0);
      try {
        const result = await batch(served.writable, `put ${here}/blob ${remote}/blob`);
        expect(result.code).toBe(1);
        expect(result.stderr).toMatch(/write remote "\/[\w-]+\/blob": (Failure|No space left on device)/);
        const left = readFileSync(`${there}/blob`);
        expect(left.length).toBeGreaterThan(500_000);
        const told = served.writable.events().findLast(({ path }) => path === `${remote}/blob`);
        expect(left.length).toBeGreaterThanOrEqual(told?.['bytesWritten'] as number);
      } finally {
        expect(spawnSync('umount', [there]).status).toBe(0);
      }
    });
  });
}

const copies: PeerName[] = ['scp', 'scp-trixie'];
for (const scp of copies) {
  describePeer(scp, `${scp} at amiko serve`, () => {
    const copy = (server: AmikoServe, ...args: readonly string[]) => runPeer(scp, [...openSshArgs(server), ...args]);

    it('copies files and folders both ways, by SFTP', async () => {
      const { here, there, remote } = served.place(`${scp}-sftp`);
      fill(`${here}/tree`);
      const at = `127.0.0.1:${remote}`;
      const fine = { code: 0, stderr: '' };
      expect(await copy(served.writable, `${here}/tree/blob`, `${here}/tree/with space`, at)).toMatchObject(fine);
      expect(await copy(served.writable, '-rp', `${here}/tree`, `${at}/tree`)).toMatchObject(fine);
      expect(treeOf(`${there}/tree`)).toEqual(treeOf(`${here}/tree`));
      expect(await copy(served.writable, '-rp', `${at}/tree`, `${here}/back`)).toMatchObject(fine);
      expect(treeOf(`${here}/back`)).toEqual(treeOf(`${here}/tree`));
      // More of it, because answers that came in another order would be the end of it (answer-line.ts).
      for (const name of ['1', '2']) linkSync(`${there}/blob`, `${there}/more-${name}`);
      mkdirSync(`${here}/some`);
      expect(await copy(served.writable, `${at}/more-*`, `${here}/some`)).toMatchObject(fine);
      for (const line of treeOf(`${here}/some`)) expect(line).toMatch(new RegExp(`^more-\\d 20000000 ${sha256(blobBytes())}$`));
      // Patterns are the client's own work in this mode; the second is the name that is not UTF-8.
      expect(await copy(served.writable, `${at}/w*e`, `${at}/tree/lat?n`, `${at}/tree/new?line`, `${here}/some`)).toMatchObject(
        fine,
      );
      const some = readdirSync(`${here}/some`, 'latin1').sort();
      expect(some).toEqual(['lat\xe9n', 'more-1', 'more-2', 'new\nline', 'with space']);
      expect(await copy(served.writable, '-3', `${at}/blob`, `${at}/again`)).toMatchObject({ code: 0 });
      expect(sha256(readFileSync(join(there, 'again')))).toBe(sha256(blobBytes()));
      const missing = await copy(served.writable, `${at}/none`, here);
      expect(missing.code).toBe(1);
      expect(missing.stderr).toContain('No such file or directory');
    });

    it('hears why not where nothing may be changed', async () => {
      const { here, there, remote } = served.place(`${scp}-read-only`);
      fill(`${here}/tree`);
      for (const args of [[`${here}/tree/empty`], ['-r', `${here}/tree`]]) {
        const result = await copy(served.readOnly, ...args, `127.0.0.1:${remote}/new`);
        expect(result.code).toBe(1);
        expect(result.stderr).toMatch(args.length === 1 ? /dest open "\/[\w-]+\/new": Permission denied/ : /failed to upload/);
      }
      expect(treeOf(there)).toEqual([]);
    });

    it('does by its old protocol what commands may do: nothing without --exec, everything with it', async () => {
      await using dir = tempDir();
      // It can't carry the end of a line in a name.
      fill(dir.join('tree'), ['with space', 'ünïcödé 😀', LATIN]);
      const refused = await copy(served.writable, '-O', dir.join('tree', 'blob'), `127.0.0.1:${dir.join('new')}`);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain('exec request failed on channel 0');
      await using server = await startAmikoServe({ args: ['--exec', dir.path] });
      const fine = { code: 0, stderr: '' };
      // It is scp on the server's side that works here: on the whole machine, and by the rights of whoever has started us.
      expect(await copy(server, '-Orp', dir.join('tree'), `127.0.0.1:${dir.join('new')}`)).toMatchObject(fine);
      expect(treeOf(dir.join('new'))).toEqual(treeOf(dir.join('tree')));
      expect(await copy(server, '-Orp', `127.0.0.1:${dir.join('new')}`, dir.join('back'))).toMatchObject(fine);
      expect(treeOf(dir.join('back'))).toEqual(treeOf(dir.join('tree')));
    });
  });
}

describe('what is served', () => {
  it('is nothing outside of the folder, whatever links say', async () => {
    const { here, there, remote } = served.place('links');
    await using outside = tempDir();
    outside.write('secret', 'secret');
    const result = await runPeer('sftp', [...openSshArgs(served.writable), '-b', '-', '127.0.0.1'], {
      input: [`cd ${remote}`, `ln -s ${outside.path} out`, 'ls -l', `-get out/secret ${here}/secret`, '-ls /..', ''].join('\n'),
    });
    expect(result.code).toBe(0);
    expect(readlinkSync(`${there}/out`)).toBe(outside.path);
    expect(result.stderr).toContain('not found');
    expect(readdirSync(here)).toEqual([]);
    expect(BLOB_BYTES).toBe(blobBytes().length);
  });
});
