// paramiko and asyncssh, of two generations each, against `amiko serve`. The scripts assert what only they can see and print the
// rest; files are compared here.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AmikoServe } from '../support/amiko-serve.ts';
import { blobBytes, fill, join, LATIN, NAMES, refusals, type ServedTwice, serveTwice, treeOf } from '../support/foreign-sftp.ts';
import { describePeer, type PeerName, runPeer, sha256 } from '../support/peers.ts';

let served: ServedTwice;

beforeAll(async () => {
  served = await serveTwice();
});

afterAll(() => served[Symbol.asyncDispose]());

/** Runs it with what it needs to log in and to find its folders; what it prints, parsed. */
async function python(peer: PeerName, server: AmikoServe, place: { here: string; remote: string }, script: string) {
  const { port, user, password, identity, knownHostsFile } = server;
  const values = { port, user, password, key: identity.path, hosts: knownHostsFile, here: place.here, remote: place.remote };
  const given = `import json, os, sys\nhas = json.loads(sys.argv[1])\nhere, remote = has['here'], has['remote']\n`;
  const args = ['-W', 'ignore', '-c', given + script, JSON.stringify(values)];
  // Paths are bytes to Python by the locale.
  const { code, stdout, stderr } = await runPeer(peer, args, { env: { LC_ALL: 'C.UTF-8' } });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout.toString()) as unknown;
}

const PARAMIKO = `
import io, paramiko, stat
client = paramiko.SSHClient()
client.load_host_keys(has['hosts'])
client.set_missing_host_key_policy(paramiko.RejectPolicy())
by = dict(key_filename=has['key']) if 'key' in LOGIN else dict(password=has['password'])
client.connect('127.0.0.1', has['port'], has['user'], look_for_keys=False, allow_agent=False, **by)
sftp = client.open_sftp()
sftp.chdir(remote)
def refused(call, *args):
    try: call(*args)
    except IOError as e: return [type(e).__name__, e.errno, e.strerror or str(e)]
    return None
`;

const paramikos: PeerName[] = ['python3-paramiko', 'python3-paramiko-trixie'];
for (const peer of paramikos) {
  describePeer(peer, `${peer} at amiko serve`, () => {
    it('moves files, by every call that it has', async () => {
      const place = served.place(`${peer}-files`);
      const { here, there } = place;
      fill(here);
      const names = JSON.stringify(['blob', 'empty', ...NAMES]);
      const said = await python(
        peer,
        served.writable,
        place,
        `LOGIN = 'key'${PARAMIKO}
said, seen = {}, []
for name in json.loads(${JSON.stringify(names)}):
    assert sftp.put(here + '/' + name, name, callback=lambda *at: seen.append(at)).st_size == os.stat(here + '/' + name).st_size
    sftp.get(name, here + '/got ' + name)
    with open(here + '/' + name, 'rb') as one, open(here + '/got ' + name, 'rb') as other: assert one.read() == other.read(), name
    os.remove(here + '/got ' + name)
said['progress'] = max(seen)
said['names'] = sorted(sftp.listdir('.'))
said['attributes'] = [str(a) for a in sftp.listdir_attr('.') if a.filename == 'blob']
said['sizes'] = {a.filename: a.st_size for a in sftp.listdir_iter('.', read_aheads=3)}
out = io.BytesIO()
said['getfo'] = sftp.getfo('blob', out)
said['putfo'] = sftp.putfo(io.BytesIO(out.getvalue()), 'copy').st_size
assert out.getvalue() == open(here + '/blob', 'rb').read()
# Its listings want UTF-8; its calls take bytes.
latin = b'lat\\xe9n'
with sftp.open(latin, 'w') as f: f.write(b'latin')
with sftp.open(latin) as f: assert f.read() == b'latin'
client.close()
print(json.dumps(said))
`,
      );
      expect(said).toMatchObject({
        progress: [20_000_000, 20_000_000],
        names: ['blob', 'empty', ...NAMES].sort(),
        attributes: [expect.stringMatching(/^-rw-r--r-- .* 20000000 /)],
        sizes: { blob: 20_000_000, empty: 0, 'with space': 18 },
        getfo: 20_000_000,
        putfo: 20_000_000,
      });
      expect(sha256(readFileSync(`${there}/copy`))).toBe(sha256(blobBytes()));
      expect(readFileSync(join(there, LATIN), 'utf8')).toBe('latin');
      const mine = treeOf(here).filter((line) => !/^(sub|lat)/.test(line));
      expect(treeOf(there).filter((line) => !/^(copy|lat)/.test(line))).toEqual(mine);
    });

    it('opens files in every mode, reads ahead and in parts, and checks', async () => {
      const place = served.place(`${peer}-open`);
      writeFileSync(`${place.there}/blob`, blobBytes());
      const said = await python(
        peer,
        served.writable,
        place,
        `import hashlib
LOGIN = 'password'${PARAMIKO}
said = {'missing': {mode: refused(sftp.open, 'none', mode) for mode in ('r', 'r+', 'rb')}}
for mode in ('w', 'w+', 'a', 'a+', 'x', 'wx', 'xb'): sftp.open('new ' + mode, mode).close()
said['taken'] = [refused(sftp.open, 'new x', mode) for mode in ('x', 'wx')]
whole = hashlib.sha256()
with sftp.open('blob', 'rb') as f:
    f.prefetch()
    data = f.read()
    whole.update(data)
    said['parts'] = [hashlib.md5(part).hexdigest() for part in f.readv([(0, 10), (19_999_990, 10), (5, 400_000)])]
    assert said['parts'] == [hashlib.md5(data[at:at + n]).hexdigest() for at, n in ((0, 10), (19_999_990, 10), (5, 400_000))]
    assert f.check('sha256') == whole.digest()
    assert f.check('md5', 5, 1000) == hashlib.md5(data[5:1005]).digest()
    assert f.check('sha1', 0, 0, 8_000_000) == b''.join(hashlib.sha1(data[at:at + 8_000_000]).digest() for at in (0, 8_000_000, 16_000_000))
    f.seek(-5, 2)
    assert f.tell() == 19_999_995 and f.read() == data[-5:]
    said['read only'] = refused(lambda: (f.write('x'), f.flush()))
said['sha256'] = whole.hexdigest()
with sftp.open('log', 'a+') as f:
    f.write('one\\n')
    f.write('two\\n')
    f.seek(0)
    assert f.readlines() == ['one\\n', 'two\\n']
with sftp.open('log', 'r+', 100) as f:
    f.set_pipelined(True)
    for i in range(500): f.write('%3d' % i)
    f.flush()
    f.truncate(1200)
    f.chmod(0o600)
    f.utime((1000, 2000))
    said['open'] = [f.stat().st_size, oct(f.stat().st_mode), f.stat().st_mtime]
client.close()
print(json.dumps(said))
`,
      );
      const missing = ['FileNotFoundError', 2, 'No such file or directory'];
      const failed = (text: string) => ['OSError', null, text];
      expect(said).toMatchObject({
        missing: { r: missing, 'r+': missing, rb: missing },
        taken: [failed('File exists'), failed('File exists')],
        sha256: sha256(blobBytes()),
        open: [1200, '0o100600', 2000],
      });
      const text = Array.from({ length: 400 }, (_, i) => String(i).padStart(3)).join('');
      expect(readFileSync(`${place.there}/log`, 'utf8')).toBe(text);
    });

    it('changes what is there, and hears why not', async () => {
      const place = served.place(`${peer}-changes`);
      const said = await python(
        peer,
        served.writable,
        place,
        `LOGIN = 'key'${PARAMIKO}
said = {'cwd': sftp.getcwd()}
sftp.mkdir('d', 0o750)
for name in ('d/a', 'd/b'):
    with sftp.open(name, 'w') as f: f.write(name)
said['rename'] = refused(sftp.rename, 'd/a', 'd/b')
sftp.posix_rename('d/a', 'd/b')
sftp.rename('d/b', 'd/c')
sftp.symlink('c', 'd/link')
said['link'] = [sftp.readlink('d/link'), sftp.normalize('d/link'), stat.S_ISLNK(sftp.lstat('d/link').st_mode), sftp.stat('d/link').st_size]
sftp.truncate('d/c', 2)
sftp.chmod('d/c', 0o640)
sftp.chown('d/c', 12345, 54321)
sftp.utime('d/c', (1, 2))
said['refused'] = [refused(sftp.rmdir, 'd'), refused(sftp.mkdir, 'd'), refused(sftp.stat, 'none'), refused(sftp.listdir, 'none')]
sftp.mkdir('e')
sftp.rmdir('e')
sftp.remove('d/link')
client.close()
print(json.dumps(said))
`,
      );
      const failed = (text: string) => ['OSError', null, text];
      const missing = ['FileNotFoundError', 2, 'No such file or directory'];
      expect(said).toEqual({
        cwd: place.remote,
        rename: failed('File exists'),
        link: ['c', `${place.remote}/d/c`, true, 3],
        refused: [failed('Directory not empty'), failed('File exists'), missing, missing],
      });
      expect(treeOf(place.there)).toEqual(['d/', `d/c 2 ${sha256('d/')}`]);
      expect(statSync(`${place.there}/d/c`)).toMatchObject({ mode: 0o100640, uid: 12_345, gid: 54_321, mtimeMs: 2_000 });
      expect(statSync(`${place.there}/d`).mode).toBe(0o040750);
    });

    it('hears why not where nothing may be changed', async () => {
      const place = served.place(`${peer}-read-only`);
      fill(place.there, ['a']);
      const before = treeOf(place.there);
      const said = await python(
        peer,
        served.readOnly,
        place,
        `LOGIN = 'key'${PARAMIKO}
calls = [(sftp.open, 'new', 'w'), (sftp.open, 'a', 'r+'), (sftp.open, 'a', 'a'), (sftp.remove, 'a'), (sftp.mkdir, 'new'), (sftp.rmdir, 'sub'),
    (sftp.rename, 'a', 'new'), (sftp.posix_rename, 'a', 'new'), (sftp.chmod, 'a', 0o600), (sftp.chown, 'a', 1, 1), (sftp.utime, 'a', None),
    (sftp.truncate, 'a', 0), (sftp.symlink, 'a', 'new'), (sftp.putfo, io.BytesIO(b'x'), 'new')]
said = [refused(*call) for call in calls]
sftp.get('blob', here + '/blob')
client.close()
print(json.dumps(said))
`,
      );
      expect(said).toEqual(Array(14).fill(['PermissionError', 13, 'Read-only file system']));
      expect(sha256(readFileSync(`${place.here}/blob`))).toBe(sha256(blobBytes()));
      expect(treeOf(place.there)).toEqual(before);
    });
  });
}

const ASYNCSSH = (body: string) => `
import asyncio, asyncssh
async def refused(call):
    try: await call
    except asyncssh.SFTPError as e: return [type(e).__name__, e.reason]
    return None
async def main():
    login = dict(username=has['user'], client_keys=[has['key']], known_hosts=has['hosts'], config=None, agent_path=None)
    async with asyncssh.connect('127.0.0.1', has['port'], **login) as conn:
        async with conn.start_sftp_client() as sftp:
            said = {'version': sftp.version}
            await sftp.chdir(remote)
${body.replace(/^(?=.)/gm, '            ')}
    print(json.dumps(said))
asyncio.run(main())
`;

const asyncs: PeerName[] = ['python3-asyncssh', 'python3-asyncssh-trixie'];
for (const peer of asyncs) {
  describePeer(peer, `${peer} at amiko serve`, () => {
    it('puts, gets, copies, globs and removes whole trees', async () => {
      const place = served.place(`${peer}-trees`);
      const { here, there } = place;
      fill(`${here}/tree`);
      const said = await python(
        peer,
        served.writable,
        place,
        ASYNCSSH(`
await sftp.put(here + '/tree', 'tree', recurse=True, preserve=True)
await sftp.get('tree', here + '/back', recurse=True, preserve=True)
await sftp.copy('tree/sub', 'copy', recurse=True)
await sftp.mput(here + '/tree/*e', 'copy')
await sftp.mget('tree/[e]*', here)
said['glob'] = sorted(await sftp.glob(['tree/*space', 'tree/sub/**/file']))
said['bytes'] = [name.hex() for name in await sftp.glob(b'tree/lat*')]
said['names'] = sorted([name.hex() for name in await sftp.listdir(b'tree')])
said['lines'] = [n.longname for n in await sftp.readdir('.') if n.filename == 'tree']
await sftp.rmtree('tree')
said['left'] = await sftp.lexists('tree')
`),
      );
      const names = ['blob', 'empty', 'sub', ...NAMES, LATIN].map((name) => Buffer.from(name).toString('hex'));
      expect(said).toEqual({
        version: 3,
        glob: ['tree/sub/deeper/file', 'tree/with space'],
        bytes: [Buffer.from('tree/').toString('hex') + LATIN.toString('hex')],
        names: expect.arrayContaining(names),
        lines: [expect.stringMatching(/^drwxr-xr-x +\d+ 0 +0 +\d+ .* tree$/)],
        left: false,
      });
      expect(treeOf(`${here}/back`)).toEqual(treeOf(`${here}/tree`));
      const below = treeOf(`${there}/copy`);
      expect(below.filter((line) => !/^(new|with)/.test(line))).toEqual(treeOf(`${here}/tree/sub`));
      expect(below).toContain(`with space 18 ${sha256('this is with space')}`);
      expect(statSync(`${here}/empty`).size).toBe(0);
    });

    it('opens, changes, links and measures, and hears why not', async () => {
      const place = served.place(`${peer}-changes`);
      const said = await python(
        peer,
        served.writable,
        place,
        ASYNCSSH(`
async with sftp.open('f', 'wb') as f:
    await f.write(b'hello')
    await f.fsync()
    said['open'] = [(await f.statvfs()).namemax, (await f.stat()).size]
    await f.truncate(3)
async with sftp.open('f', 'r+b') as f:
    await f.seek(2)
    await f.write(b'XYZ')
    await f.seek(0)
    said['read'] = (await f.read()).decode()
async with sftp.open('f', 'ab') as f: await f.write(b'end')
said['exclusive'] = await refused(sftp.open('f', 'xb'))
# The two names of SYMLINK come the other way round than OpenSSH's. asyncssh 2.10 has its own ideas of relative ones.
await sftp.symlink(remote + '/f', remote + '/soft')
said['soft'] = [await sftp.readlink('soft'), await sftp.realpath('soft'), await sftp.islink('soft')]
await sftp.link('f', 'hard')
said['rename'] = await refused(sftp.rename('hard', 'f'))
await sftp.posix_rename('hard', 'moved')
await sftp.chmod('f', 0o640)
await sftp.chown('f', 12345, 54321)
await sftp.utime('f', (5, 6))
await sftp.truncate('moved', 7)
said['size'] = await sftp.getsize('f')
await sftp.makedirs('x/y/z')
await sftp.makedirs('x/y/z', exist_ok=True)
space = await sftp.statvfs('.')
said['space'] = space.blocks >= space.bfree >= space.bavail > 0
said['refused'] = [await refused(call) for call in (sftp.stat('none'), sftp.open('none'), sftp.rmdir('x'), sftp.mkdir('x'), sftp.readlink('f'))]
`),
      );
      const missing = ['SFTPNoSuchFile', 'No such file or directory'];
      expect(said).toEqual({
        version: 3,
        open: [255, 5],
        read: 'heXYZ',
        exclusive: ['SFTPFailure', 'File exists'],
        soft: [`${place.remote}/f`, `${place.remote}/f`, true],
        rename: ['SFTPFailure', 'File exists'],
        size: 7,
        space: true,
        refused: [
          missing,
          missing,
          ['SFTPFailure', 'Directory not empty'],
          ['SFTPFailure', 'File exists'],
          ['SFTPBadMessage', 'Invalid argument'],
        ],
      });
      const line = `7 ${sha256('heXYZen')}`;
      expect(treeOf(place.there)).toEqual([`f ${line}`, `moved ${line}`, `soft -> ${place.remote}/f`, 'x/', 'x/y/', 'x/y/z/']);
      expect(statSync(`${place.there}/f`)).toMatchObject({ mode: 0o100640, uid: 12_345, gid: 54_321, nlink: 2 });
    });

    it('hears why not where nothing may be changed', async () => {
      const place = served.place(`${peer}-read-only`);
      fill(place.there, ['a']);
      const before = treeOf(place.there);
      const said = await python(
        peer,
        served.readOnly,
        place,
        ASYNCSSH(`
calls = (sftp.open('new', 'wb'), sftp.open('a', 'ab'), sftp.remove('a'), sftp.mkdir('new'), sftp.rmdir('sub'), sftp.rename('a', 'new'),
    sftp.posix_rename('a', 'new'), sftp.chmod('a', 0o600), sftp.utime('a', (1, 1)), sftp.truncate('a', 0), sftp.symlink('a', 'new'),
    sftp.link('a', 'new'), sftp.put(here, 'new', recurse=True))
said['refused'] = [await refused(call) for call in calls]
await sftp.get('sub/deeper/file', here)
`),
      );
      const { refused } = said as { refused: unknown[] };
      expect(refused).toEqual(Array(13).fill(['SFTPPermissionDenied', expect.stringContaining('Read-only file system')]));
      expect(treeOf(place.there)).toEqual(before);
      expect(refusals(served.readOnly)).toContain('symlink EROFS');
      expect(readFileSync(`${place.here}/file`, 'utf8')).toBe('below\n');
    });
  });
}
