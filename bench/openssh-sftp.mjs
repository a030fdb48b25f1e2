// OpenSSH's sftp as an end of the bench. It reads its commands from a pipe, so that one session carries several transfers and the
// clock starts after its login; a command that only prints something local marks the end of the one before it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { clientArguments } from './openssh.mjs';
import { treeCpuSeconds } from './process-tree.mjs';

/** Milliseconds that one command may take. */
const COMMAND_TIMEOUT = 120_000;

const MARK = 'lpwd';
const MARKED = 'Local working directory: ';

const COMMANDS = { get: 'get', put: 'put', getFolder: 'get -r', putFolder: 'put -r' };

/** Logged in when this resolves; `close` or `destroy` it. The CPU time is that of sftp and of the ssh that it starts. */
export async function openSftp(context, { port, cipher }) {
  const args = [...clientArguments(context, { port, cipher }), '-b', '-', `${context.username}@127.0.0.1`];
  const child = spawn('sftp', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const kill = () => child.kill();
  process.once('exit', kill);
  let output = '';
  let said = '';
  let marked = null;
  let over = false;
  child.stdout.on('data', (chunk) => {
    output += chunk;
    if (output.includes(MARKED)) {
      output = '';
      marked?.resolve();
    }
    // A folder prints a line for every file: keep only what may be the beginning of a mark.
    output = output.slice(-MARKED.length);
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  // A command that failed: it ends, and its exit says more than the pipe.
  child.stdin.on('error', () => {});
  const closed = once(child, 'close').then(([code, signal]) => {
    over = true;
    process.off('exit', kill);
    marked?.reject(new Error(`sftp ended (${signal ?? code}): ${said.trim()}`));
    return code;
  });

  async function run(command) {
    if (over) throw new Error(`sftp has ended: ${said.trim()}`);
    const done = new Promise((resolve, reject) => {
      marked = { resolve, reject };
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_TIMEOUT);
    child.stdin.write(`${command}${MARK}\n`);
    try {
      await done;
    } finally {
      clearTimeout(timer);
      marked = null;
    }
  }

  await run('');
  return {
    async transfer({ how, from, to }) {
      const cpu = treeCpuSeconds(child.pid);
      const since = performance.now();
      await run(`${COMMANDS[how]} ${quote(from)} ${quote(to)}\n`);
      const milliseconds = performance.now() - since;
      return { milliseconds, cpuSeconds: cpu === null ? null : treeCpuSeconds(child.pid) - cpu };
    },
    async close() {
      child.stdin.end();
      const code = await closed;
      if (code !== 0) throw new Error(`sftp: exit code ${code}: ${said.trim()}`);
    },
    async destroy() {
      child.kill();
      await closed;
    },
  };
}

/** A word of sftp's own little language. Inside quotes it takes nothing for a pattern; backslashes are beyond it. */
function quote(path) {
  return `"${path.replaceAll('"', '\\"')}"`;
}
