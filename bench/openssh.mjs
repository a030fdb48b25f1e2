// OpenSSH's programs for the bench: an sshd on a free port of loopback, and ssh with the CPU time that it used. Keys and
// configuration live in the bench's temporary directory; nothing of the user's is read or written.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/opt/homebrew/sbin/sshd'];

/** The version line of `ssh`, or null where there is none. */
export function sshVersion() {
  const { status, stderr } = spawnSync('ssh', ['-V'], { encoding: 'utf8' });
  return status === 0 ? stderr.trim() : null;
}

/** Whether there is an `sftp`. Without arguments it only says how it is used. */
export const hasSftp = spawnSync('sftp', { stdio: 'ignore' }).error === undefined;

export const sshdPath = SSHD.find((path) => existsSync(path)) ?? null;

/** An sshd that knows the bench's keys. */
export async function startSshd({ directory, keys }) {
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const write = (name, text) => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const config = write(
    'sshd_config',
    `${[
      'ListenAddress 127.0.0.1',
      `HostKey ${write('sshd_host_key', keys.hostKey.private)}`,
      `AuthorizedKeysFile ${write('authorized_keys', `${keys.userKey.public}\n`)}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'UseDNS no',
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      'PrintMotd no',
      'PrintLastLog no',
      'MaxStartups 200',
      'Subsystem sftp internal-sftp',
    ].join('\n')}\n`,
  );
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    const child = spawn(sshdPath, ['-D', '-e', '-f', config, '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] });
    if (await listening(child)) {
      child.stderr.resume();
      const kill = () => child.kill();
      process.once('exit', kill);
      return {
        port,
        pid: child.pid,
        async stop() {
          const exited = once(child, 'exit');
          process.off('exit', kill);
          child.kill();
          await exited;
        },
      };
    }
    if (attempt === 5) throw new Error('sshd does not start');
  }
}

function listening(child) {
  return new Promise((resolve) => {
    let log = '';
    child.stderr.on('data', (chunk) => {
      log += chunk;
      if (log.includes('Server listening')) resolve(true);
    });
    child.once('exit', () => resolve(false));
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** What ssh and sftp are given so that they use the bench's keys and nothing of the user's. */
export function clientArguments({ directory, keys }, { port, cipher }) {
  const file = (name, text) => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const options = {
    Port: port,
    UserKnownHostsFile: file('known_hosts', `[127.0.0.1]:${port} ${keys.hostKey.public}\n`),
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: 'yes',
    IdentitiesOnly: 'yes',
    BatchMode: 'yes',
    LogLevel: 'ERROR',
    Compression: 'no',
  };
  return [
    ['-F', '/dev/null', '-c', cipher, '-i', file('user_key', keys.userKey.private)],
    Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
  ].flat();
}

/** Runs a command by ssh. The CPU seconds are those of the whole process, login included, as the shell's `times` has them. */
export async function runSsh(context, { port, cipher, command, input = 'ignore', output = 'ignore' }) {
  const { directory, username } = context;
  const times = join(directory, 'times');
  const args = [...clientArguments(context, { port, cipher }), '-T', `${username}@127.0.0.1`, command];
  const child = spawn('sh', ['-c', '"$@"; code=$?; times > "$TIMES"; exit $code', 'sh', 'ssh', ...args], {
    env: { ...process.env, TIMES: times },
    stdio: [input, output === 'text' ? 'pipe' : 'ignore', 'inherit'],
  });
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  const since = performance.now();
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`ssh ${command}: exit code ${code}`);
  return { text, milliseconds: performance.now() - since, cpuSeconds: childSeconds(readFileSync(times, 'utf8')) };
}

/** POSIX `times`: a line for the shell, a line for its children, each user and system as 0m0.000s. */
function childSeconds(text) {
  const parts = text.trim().split('\n')[1].trim().split(/\s+/);
  return parts.reduce((sum, part) => {
    const [, minutes, seconds] = /^(\d+)m([\d.]+)s$/.exec(part.replace(',', '.'));
    return sum + Number(minutes) * 60 + Number(seconds);
  }, 0);
}
