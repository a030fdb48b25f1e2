// PuTTY's psftp and curl against `amiko serve`, each by what its users do with it: log in, list, move files of all sizes and names,
// go on with a part, carry folders, change what is there, and hear why not where nothing may be changed.

import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AmikoServe, startAmikoServe } from '../support/amiko-serve.ts';
import { blobBytes, blobLine, fill, homeAt, join, LATIN, type ServedTwice, serveTwice, treeOf } from '../support/foreign-sftp.ts';
import { describePeer, type PeerName, runPeer, sha256, tempDir } from '../support/peers.ts';

const PART = 7_654_321;

let served: ServedTwice;

beforeAll(async () => {
  // For curl, see below.
  served = await serveTwice(['--macs', '+hmac-sha2-256']);
});

afterAll(() => served[Symbol.asyncDispose]());

const puttys: PeerName[] = ['psftp', 'psftp-trixie'];
for (const psftp of puttys) {
  describePeer([psftp, 'puttygen'], `${psftp} at amiko serve`, () => {
    async function batch(server: AmikoServe, here: string, lines: readonly string[], more: readonly string[] = []) {
      const key = `${here}/key.ppk`;
      if (!existsSync(key)) await runPeer('puttygen', [server.identity.path, '-O', 'private', '-o', key]);
      const script = `${here}/script`;
      writeFileSync(script, lines.map((line) => `${line}\n`).join(''));
      const login = more.includes('-pwfile') ? [] : ['-i', key];
      const args = ['-batch', '-P', String(server.port), '-hostkey', server.hostKey.fingerprint, ...login, ...more];
      const result = await runPeer(psftp, [...args, '-b', script, `${server.user}@127.0.0.1`], { env: homeAt(here) });
      return { ...result, stdout: result.stdout.toString('latin1') };
    }

    it('lists, uploads, downloads, carries folders, changes and removes', async () => {
      const { here, there, remote } = served.place(psftp);
      fill(`${here}/tree`);
      const result = await batch(served.writable, here, [
        `cd ${remote}`,
        `lcd ${here}`,
        'pwd',
        'put tree/blob',
        'put "tree/with space"',
        'put tree/ünïcödé',
        'put -r tree',
      ]);
      // There is no file of that name: it ends at the first failure.
      expect(result.code).not.toBe(0);
      expect(result.stdout).toContain('unable to open tree/');
      expect(treeOf(there)).toEqual([blobLine('blob'), expect.stringMatching(/^with space /)]);
      const rest = await batch(served.writable, here, [
        `cd ${remote}`,
        `lcd ${here}`,
        'put -r tree',
        'get -r tree back',
        'ls tree',
        'mput tree/e*',
        'mkdir d',
        'mv "with space" d',
        'chmod 600 d/with*',
        'get "d/with space" got',
        'del blob',
        'mkdir e',
        'rmdir e',
        'ls d',
      ]);
      expect(rest.code).toBe(0);
      expect(treeOf(`${there}/tree`)).toEqual(treeOf(`${here}/tree`));
      expect(treeOf(`${here}/back`)).toEqual(treeOf(`${here}/tree`));
      expect(treeOf(`${there}/d`)).toEqual(['with space 18 '.concat(sha256('this is with space'))]);
      expect(statSync(`${there}/d/with space`).mode).toBe(0o100600);
      expect(readFileSync(`${here}/got`, 'utf8')).toBe('this is with space');
      expect(existsSync(`${there}/blob`) || existsSync(`${there}/e`)).toBe(false);
      expect(rest.stdout).toMatch(/^-rw-r--r-- .* 20000000 \w{3} [ \d]\d \d\d:\d\d blob\r?$/m);
      expect(rest.stdout).toContain('lat\xe9n');
      expect(rest.stdout).toMatch(/^-rw------- .* 18 .* with space\r?$/m);
    });

    it('goes on with what is there in part', async () => {
      const { here, there, remote } = served.place(`${psftp}-resume`);
      writeFileSync(`${there}/down`, blobBytes());
      writeFileSync(`${here}/up`, blobBytes());
      for (const part of [`${here}/down`, `${there}/up`]) writeFileSync(part, blobBytes().subarray(0, PART));
      const lines = [`cd ${remote}`, `lcd ${here}`, 'reget down', 'reput up'];
      expect(await batch(served.writable, here, lines)).toMatchObject({ code: 0 });
      for (const whole of [`${here}/down`, `${there}/up`]) expect(sha256(readFileSync(whole))).toBe(sha256(blobBytes()));
    });

    it('logs in with a password, and hears why not where nothing may be changed', async () => {
      const { here, there, remote } = served.place(`${psftp}-read-only`);
      fill(there);
      const before = treeOf(there);
      writeFileSync(`${here}/password`, served.readOnly.password);
      writeFileSync(`${here}/text`, 'text');
      const lines = [
        `cd ${remote}`,
        `lcd ${here}`,
        'put text',
        'put text empty',
        'del empty',
        'mkdir new',
        'rmdir sub',
        'mv empty new',
        'chmod 600 empty',
        'get blob',
      ];
      const result = await batch(served.readOnly, here, lines, ['-be', '-pwfile', `${here}/password`]);
      expect(result.code).toBe(0);
      const denied = result.stdout.split('\n').filter((line) => /permission denied/i.test(line));
      expect(denied).toHaveLength(7);
      expect(denied[0]).toContain(`${remote}/text: open for write: permission denied`);
      expect(treeOf(there)).toEqual(before);
      expect(sha256(readFileSync(`${here}/blob`))).toBe(sha256(blobBytes()));
    });
  });
}

describePeer('curl', 'curl at amiko serve', () => {
  const curl = (server: AmikoServe, ...args: readonly string[]) => {
    const { path, publicPath } = server.identity;
    const fingerprint = server.hostKey.fingerprint.replace('SHA256:', '');
    const login = args.includes('--user') ? [] : ['--user', `${server.user}:`, '--key', path, '--pubkey', publicPath];
    return runPeer('curl', ['-q', '-sS', '--hostpubsha256', fingerprint, ...login, ...args]);
  };
  const url = (server: AmikoServe, path: string) => `sftp://127.0.0.1:${server.port}${path}`;
  const fine = { code: 0, stderr: '' };

  it('needs a MAC that we do not offer by ourselves: Debian 12 has libssh2 1.10, which has none of the -etm ones', async () => {
    await using dir = tempDir();
    await using server = await startAmikoServe({ args: ['-v', dir.path] });
    const result = await curl(server, url(server, '/'));
    const why = /no common mac .*: we offer hmac-sha2-256-etm@openssh.com, .*; the peer offers (.*, )?hmac-sha2-256,/;
    if (result.code === 0) {
      // A newer libssh2.
      expect(server.log()).toMatch(/libssh2_1\.(1[1-9]|[2-9]\d)/);
      return;
    }
    expect(result.stderr).toContain('Unable to exchange encryption keys');
    // Whoever runs the server reads what is to be done.
    const closed = await server.waitForEvent(({ event }) => event === 'close');
    expect(closed).toMatchObject({ by: 'error', reason: expect.stringMatching(why) });
    expect(server.log()).toMatch(why);
  });

  it('uploads, downloads and lists, whatever the names', async () => {
    const { here, there, remote } = served.place('curl');
    fill(here);
    const at = (path: string) => url(served.writable, `${remote}/${path}`);
    for (const [file, name] of [
      ['blob', 'blob'],
      ['empty', 'empty'],
      ['with space', 'with%20space'],
      ['ünïcödé 😀', encodeURIComponent('ünïcödé 😀')],
      ['new\nline', 'new%0Aline'],
      ['-dash', '-dash'],
      ['percent%41', 'percent%2541'],
    ] as const) {
      expect(await curl(served.writable, '-T', `${here}/${file}`, at(name)), name).toMatchObject(fine);
      expect(await curl(served.writable, '-o', `${here}/got`, at(name)), name).toMatchObject(fine);
      expect(sha256(readFileSync(`${here}/got`)), name).toBe(sha256(readFileSync(`${here}/${file}`)));
    }
    // By a name that is not UTF-8, into a folder that is not there, from nothing but bytes.
    writeFileSync(`${here}/latin`, readFileSync(join(here, LATIN)));
    expect(await curl(served.writable, '--ftp-create-dirs', '-T', `${here}/latin`, at('sub/deeper/lat%E9n'))).toMatchObject(fine);
    const down = await curl(served.writable, at('sub/deeper/lat%E9n'));
    expect(down.stdout.toString('latin1')).toBe('this is lat\xe9n');
    expect(treeOf(`${there}/sub`)).toEqual(['deeper/', `deeper/lat\xe9n 13 ${sha256(down.stdout)}`]);
    const names = (await curl(served.writable, '-l', at(''))).stdout.toString().split('\n').filter(Boolean).sort();
    expect(names).toEqual(['-dash', 'blob', 'empty', 'line', 'new', 'percent%41', 'sub', 'with space', 'ünïcödé 😀'].sort());
    const lines = (await curl(served.writable, at(''))).stdout.toString();
    expect(lines).toMatch(/^-rw-r--r-- +\d+ \d+ +\d+ +20000000 \w{3} [ \d]\d \d\d:\d\d blob$/m);
    expect(lines).toMatch(/^drwxr-xr-x .* sub$/m);
    const missing = await curl(served.writable, at('none'));
    expect(missing).toMatchObject({ code: 78, stderr: expect.stringContaining('No such file or directory') });
  });

  it('goes on with a part, appends, reads ranges also beyond 4 GiB, and changes what it is told to', async () => {
    const { here, there, remote } = served.place('curl-changes');
    const at = (path: string) => url(served.writable, `${remote}/${path}`);
    writeFileSync(`${there}/down`, blobBytes());
    writeFileSync(`${here}/up`, blobBytes());
    for (const part of [`${here}/down`, `${there}/up`]) writeFileSync(part, blobBytes().subarray(0, PART));
    expect(await curl(served.writable, '-C', '-', '-o', `${here}/down`, at('down'))).toMatchObject(fine);
    expect(await curl(served.writable, '-C', '-', '-T', `${here}/up`, at('up'))).toMatchObject(fine);
    for (const whole of [`${here}/down`, `${there}/up`]) expect(sha256(readFileSync(whole))).toBe(sha256(blobBytes()));
    writeFileSync(`${here}/text`, 'text');
    for (let i = 0; i < 2; i++) expect(await curl(served.writable, '-a', '-T', `${here}/text`, at('log'))).toMatchObject(fine);
    expect(readFileSync(`${there}/log`, 'utf8')).toBe('texttext');
    truncateSync(`${there}/log`, 5 * 2 ** 30);
    appendFileSync(`${there}/log`, 'the end');
    const range = await curl(served.writable, '-r', '5368709116-', at('log'));
    expect(range.stdout.toString('latin1')).toBe('\0\0\0\0the end');
    const quotes = [
      `mkdir ${remote}/d`,
      `rename ${remote}/down ${remote}/d/moved`,
      `chmod 600 ${remote}/d/moved`,
      `chown 12345 ${remote}/d/moved`,
      `chgrp 54321 ${remote}/d/moved`,
      `ln moved ${remote}/d/link`,
      `rm ${remote}/log`,
      `mkdir ${remote}/e`,
      `rmdir ${remote}/e`,
      `statvfs ${remote}`,
    ];
    const changed = await curl(served.writable, ...quotes.flatMap((quote) => ['-Q', quote]), '-I', at('d/moved'));
    expect(changed).toMatchObject(fine);
    expect(treeOf(there)).toEqual(['d/', 'd/link -> moved', `d/${blobLine('moved')}`, blobLine('up')]);
    expect(statSync(`${there}/d/moved`)).toMatchObject({ mode: 0o100600, uid: 12_345, gid: 54_321 });
  });

  it('logs in with a password, and hears why not where nothing may be changed', async () => {
    const { here, there, remote } = served.place('curl-read-only');
    fill(there);
    const before = treeOf(there);
    writeFileSync(`${here}/text`, 'text');
    const { user, password } = served.readOnly;
    const login = ['--user', `${user}:${password}`];
    const at = (path: string) => url(served.readOnly, `${remote}/${path}`);
    for (const args of [
      ['-T', `${here}/text`, at('new')],
      ['-a', '-T', `${here}/text`, at('empty')],
    ]) {
      const result = await curl(served.readOnly, ...login, ...args);
      expect(result.code).not.toBe(0);
      expect(result.stderr).toMatch(/Permission denied|denied/i);
    }
    for (const quote of ['mkdir new', 'rm empty', 'rmdir sub', 'chmod 600 empty', 'rename empty new', 'ln blob new']) {
      const absolute = quote.replace(/ (?=[a-z]+$)/, ` ${remote}/`).replace('rename ', `rename ${remote}/`);
      const result = await curl(served.readOnly, ...login, '-Q', absolute, '-I', at('blob'));
      expect(result, quote).toMatchObject({ code: 21, stderr: expect.stringMatching(/failed: .*denied/i) });
    }
    expect(treeOf(there)).toEqual(before);
    expect((await curl(served.readOnly, ...login, at('blob'))).stdout.equals(blobBytes())).toBe(true);
  });
});
