// Real clients at an SFTP server of ours, with the plainest file system there could be behind it: what the classes promise without
// a jail, a command line or options. `amiko serve` has tests of its own.
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generateKey, ServerInterface } from '../../src/index.ts';
import { createServer } from '../../src/server.ts';
import { SFTPServer } from '../../src/sftp.ts';
import { describePeer, type PeerName, randomBytes, runPeer, sha256, type TempDir, tempDir } from '../support/peers.ts';
import { RealFiles } from '../support/sftp-real.ts';

const MEBIBYTE = 2 ** 20;

class Anybody extends ServerInterface {
  override getAllowedAuths(): string[] {
    return ['password'];
  }

  override checkAuthNone() {
    return 'successful' as const;
  }

  override checkAuthPassword() {
    return 'successful' as const;
  }

  override checkChannelRequest(kind: string): boolean {
    return kind === 'session';
  }
}

interface Served extends AsyncDisposable {
  readonly port: number;
  /** What is served. */
  readonly root: TempDir;
  /** What is the client's. */
  readonly local: TempDir;
  readonly log: string[];
}

async function serve(): Promise<Served> {
  const [root, local] = [tempDir(), tempDir()];
  mkdirSync(root.join('home'));
  const log: string[] = [];
  const server = createServer({
    hostKeys: [await generateKey('ed25519')],
    server: () => new Anybody(),
    onConnection: ({ transport }) => transport.setSubsystemHandler('sftp', SFTPServer, RealFiles, root.path),
    log: (_level, line) => log.push(line),
  });
  const { port } = await server.listen();
  return {
    port,
    root,
    local,
    log,
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await Promise.all([root.remove(), local.remove()]);
    },
  };
}

/** Lines of the log that tell of something that went wrong on our side. */
function failures({ log }: Served): string[] {
  return log.filter((line) => /(subsystem|SFTP).*failed/.test(line));
}

const clients: PeerName[] = ['sftp', 'sftp-trixie'];
for (const sftp of clients) {
  describePeer(sftp, `${sftp} at SFTPServer`, () => {
    async function batch(served: Served, ...lines: readonly string[]) {
      const options = [
        '-F',
        'none',
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'UserKnownHostsFile=/dev/null',
        '-o',
        'LogLevel=ERROR',
      ];
      const args = [...options, '-P', `${served.port}`, '-b', '-', 'u@127.0.0.1'];
      const { code, stdout, stderr } = await runPeer(sftp, args, { input: `${lines.join('\n')}\n`, timeoutMs: 25_000 });
      return { code, stderr, stdout: stdout.toString() };
    }

    it('gets and puts 32 MiB, and lists what is there', async () => {
      await using served = await serve();
      const blob = randomBytes(32 * MEBIBYTE, sftp);
      served.root.write('blob', blob, 0o640);
      const [got, put] = [served.local.join('got'), served.local.write('put', blob)];
      const result = await batch(served, 'pwd', `get /blob ${got}`, `put ${put} /put`, 'ls -l /', 'ls -ln /blob');
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(sha256(readFileSync(got))).toBe(sha256(blob));
      expect(sha256(readFileSync(served.root.join('put')))).toBe(sha256(blob));
      expect(result.stdout).toContain('Remote working directory: /\n');
      expect(result.stdout).toMatch(/^-rw-r----- .* 33554432 \w{3} [ \d]\d \d\d:\d\d \/?blob$/m);
      expect(result.stdout).toMatch(/^drwxr-xr-x .* \/?home$/m);
      expect(failures(served)).toEqual([]);
    });

    it('makes, renames, links, copies, changes and removes', async () => {
      await using served = await serve();
      const { root } = served;
      root.write('a', 'text');
      const result = await batch(
        served,
        'mkdir /d',
        'mkdir /d/e',
        'rename /a /d/b',
        'ln -s b /d/soft',
        'ln /d/b /d/hard',
        'chmod 600 /d/b',
        'copy /d/b /d/e/copy',
        'df -h /d',
        'ls -la /d',
        'rm /d/hard',
        'rename /d/e/copy /d/f',
        'rmdir /d/e',
      );
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(readdirSync(root.join('d')).sort()).toEqual(['b', 'f', 'soft']);
      expect(readlinkSync(root.join('d', 'soft'))).toBe('b');
      expect(readFileSync(root.join('d', 'f'), 'utf8')).toBe('text');
      expect(statSync(root.join('d', 'b')).mode & 0o777).toBe(0o600);
      expect(result.stdout).toMatch(/Size .* Used .* Avail/);
      expect(result.stdout).toMatch(/^lrwxrwxrwx .* soft$/m);
      expect(failures(served)).toEqual([]);
    });

    it('hears why not', async () => {
      await using served = await serve();
      const { root } = served;
      root.write('a', 'text');
      mkdirSync(root.join('full'));
      root.write('full/x', '');
      const result = await batch(
        served,
        '-get /none',
        '-mkdir /full',
        '-rmdir /full',
        '-rm /full',
        '-ls /none',
        '-chmod 600 /none',
      );
      expect(result.code).toBe(0);
      expect(result.stderr).toContain('File "/none" not found.');
      expect(result.stderr).toMatch(/remote mkdir "\/full": Failure/);
      expect(result.stderr).toMatch(/remote rmdir "\/full": Failure/);
      expect(result.stderr).toContain('Can\'t ls: "/none" not found');
      expect(failures(served)).toEqual([]);
    });

    it('carries a folder there and back, times and modes with it', async () => {
      await using served = await serve();
      const names = Array.from({ length: 300 }, (_, i) => `f${i}`);
      const source = served.local.join('tree');
      mkdirSync(join(source, 'sub'), { recursive: true });
      for (const name of names) writeFileSync(join(source, name), `${name}\n`.repeat(50));
      writeFileSync(join(source, 'sub', 'x'), 'x', { mode: 0o600 });
      const back = served.local.join('back');
      const result = await batch(served, `put -Rp ${source} /tree`, `get -Rp /tree ${back}`);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(readdirSync(back).sort()).toEqual([...names, 'sub'].sort());
      for (const name of names) expect(readFileSync(join(back, name), 'utf8')).toBe(`${name}\n`.repeat(50));
      const [there, here] = [join(source, 'sub', 'x'), join(back, 'sub', 'x')].map((path) => lstatSync(path));
      expect(here?.mode).toBe(there?.mode);
      expect(Math.floor((here?.mtimeMs ?? 0) / 1000)).toBe(Math.floor((there?.mtimeMs ?? 0) / 1000));
      expect(failures(served)).toEqual([]);
    });

    it('resumes a download', async () => {
      await using served = await serve();
      const blob = randomBytes(3 * MEBIBYTE, 'resume');
      served.root.write('blob', blob);
      const part = served.local.write('part', blob.subarray(0, MEBIBYTE));
      expect(await batch(served, `reget /blob ${part}`)).toMatchObject({ code: 0, stderr: '' });
      expect(sha256(readFileSync(part))).toBe(sha256(blob));
    });
  });
}

/** Runs Python with the port, the served folder and the client's own as arguments; what it prints, parsed. */
async function python(peer: PeerName, served: Served, script: string): Promise<unknown> {
  const args = ['-W', 'ignore', '-c', script, `${served.port}`, served.root.path, served.local.path];
  const { code, stdout, stderr } = await runPeer(peer, args, { timeoutMs: 25_000 });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout.toString());
}

describePeer('python3-paramiko', 'paramiko at SFTPServer', () => {
  it('does all that its client can', async () => {
    await using served = await serve();
    const blob = randomBytes(5 * MEBIBYTE, 'paramiko');
    served.local.write('blob', blob);
    const script = `
import json, os, stat, sys, paramiko
port, local = int(sys.argv[1]), sys.argv[3]
transport = paramiko.Transport(('127.0.0.1', port))
transport.connect(username='u', password='p')
sftp = paramiko.SFTPClient.from_transport(transport)
said = {}
sftp.put(local + '/blob', '/blob')
sftp.get('/blob', local + '/got')
sftp.mkdir('/d', 0o755)
sftp.chdir('/d')
said['cwd'] = sftp.getcwd()
with sftp.open('f', 'w') as f:
    f.set_pipelined(True)
    for i in range(200):
        f.write('line %d\\n' % i)
with sftp.open('f', 'a') as f:
    f.write('end\\n')
with sftp.open('f', 'r+') as f:
    f.seek(5)
    f.write('X')
    f.seek(0)
    said['first'] = f.readline()
    said['parts'] = [part.decode() for part in f.readv([(0, 4), (7, 6), (1300, 100)])]
    f.truncate(20)
    said['sha'] = f.check('sha256').hex()
    said['md5'] = f.check('md5', 0, 10).hex()
    said['stat'] = f.stat().st_size
    f.chmod(0o640)
    f.utime((1000, 2000))
said['mode'] = oct(sftp.stat('f').st_mode)
said['mtime'] = sftp.stat('f').st_mtime
sftp.symlink('f', 'l')
said['link'] = sftp.readlink('l')
said['isLink'] = stat.S_ISLNK(sftp.lstat('l').st_mode)
said['list'] = sorted(sftp.listdir('/d'))
said['long'] = [str(a) for a in sftp.listdir_attr('/d') if a.filename == 'f']
said['iter'] = sorted(a.filename for a in sftp.listdir_iter('/'))
sftp.rename('f', 'g')
sftp.posix_rename('g', 'l')
said['normal'] = sftp.normalize('../d/./x')
try:
    sftp.open('none')
except IOError as e:
    said['errno'] = e.errno
try:
    sftp.rmdir('/d')
except IOError as e:
    said['failure'] = str(e)
sftp.remove('l')
sftp.rmdir('/d')
sftp.close()
transport.close()
print(json.dumps(said))
`;
    const said = await python('python3-paramiko', served, script);
    const start = 'line X\nline 1\nline 2';
    const at20 = start.slice(0, 20);
    const text = `line X\n${Array.from({ length: 199 }, (_, i) => `line ${i + 1}\n`).join('')}end\n`;
    expect(said).toMatchObject({
      cwd: '/d',
      first: 'line X\n',
      parts: ['line', 'line 1', text.slice(1300, 1400)],
      sha: createHash('sha256').update(at20).digest('hex'),
      md5: createHash('md5').update(at20.slice(0, 10)).digest('hex'),
      stat: 20,
      mode: '0o100640',
      mtime: 2000,
      link: 'f',
      isLink: true,
      list: ['f', 'l'],
      long: [expect.stringMatching(/^-rw-r----- /)],
      iter: ['blob', 'd', 'home'],
      normal: '/d/x',
      errno: 2,
      failure: 'Directory not empty',
    });
    expect(sha256(readFileSync(served.root.join('blob')))).toBe(sha256(blob));
    expect(sha256(readFileSync(served.local.join('got')))).toBe(sha256(blob));
    expect(failures(served)).toEqual([]);
  });
});

describePeer('python3-asyncssh', 'asyncssh at SFTPServer', () => {
  it('uses the extensions', async () => {
    await using served = await serve();
    const blob = randomBytes(2 * MEBIBYTE, 'asyncssh');
    served.local.write('blob', blob);
    const script = `
import asyncio, json, sys, asyncssh
async def main():
    said = {}
    async with asyncssh.connect('127.0.0.1', int(sys.argv[1]), username='u', password='p', known_hosts=None, config=None) as conn:
        async with conn.start_sftp_client() as sftp:
            said['version'] = sftp.version
            await sftp.put(sys.argv[3] + '/blob', '/blob')
            await sftp.get('/blob', sys.argv[3] + '/got')
            said['free'] = (await sftp.statvfs('/')).bavail > 0
            await sftp.link('/blob', '/hard')
            async with sftp.open('/new', 'wb') as f:
                await f.write(b'hello')
                await f.fsync()
                said['statvfs'] = (await f.statvfs()).namemax
            await sftp.posix_rename('/new', '/hard')
            said['hard'] = (await sftp.stat('/hard')).size
            said['names'] = sorted([n.filename for n in await sftp.readdir('/')])
            said['home'] = [await sftp.expand('~/x'), await sftp.expand('~you')] if hasattr(sftp, 'expand') else None
            try:
                await sftp.stat('/none')
            except asyncssh.SFTPNoSuchFile as e:
                said['reason'] = e.reason
    print(json.dumps(said))
asyncio.run(main())
`;
    const said = await python('python3-asyncssh', served, script);
    expect(said).toMatchObject({
      version: 3,
      free: true,
      statvfs: 255,
      hard: 5,
      names: ['blob', 'hard', 'home'],
      reason: 'No such file or directory',
    });
    expect(sha256(readFileSync(served.root.join('blob')))).toBe(sha256(blob));
    expect(sha256(readFileSync(served.local.join('got')))).toBe(sha256(blob));
    expect(failures(served)).toEqual([]);
  });
});
