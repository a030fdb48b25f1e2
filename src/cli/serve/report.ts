// What `amiko serve` says: JSON Lines on stdout, or text for people on stderr. What comes from a peer is escaped in both, so that
// nobody can forge a line or drive the terminal. A closed pipe is no reason to stop serving.

import { type PublicKey, printable } from '../../index.ts';
import type { ConnectionCloseInfo, LoginInfo, RefusedInfo, ServerAddress, ServerConnection, SessionStart } from '../../server.ts';
import { shown } from '../transfer/shown.ts';
import type { ForwardStart, ServedFiles } from './decisions.ts';
import type { SftpEvent } from './served-folder.ts';

/** What people need to know to connect. */
export interface Listening {
  readonly address: ServerAddress;
  readonly hostKeys: readonly PublicKey[];
  /** Whether the host key was made for this run, so that nobody can know it from before. */
  readonly ephemeral: boolean;
  readonly user: string;
  /** A password that was made for this run; it is shown this once. Null where there is none or the user set it. */
  readonly password: string | null;
  /** What SFTP shows; null for no SFTP. */
  readonly files: ServedFiles | null;
  readonly allowed: 'nothing' | 'exec' | 'shell';
  readonly forwarding: readonly ('ports' | 'agent' | 'x11')[];
}

export interface Report {
  listening(what: Listening): void;
  connection(connection: ServerConnection): void;
  login(connection: ServerConnection, login: LoginInfo): void;
  channel(connection: ServerConnection, session: SessionStart): void;
  forward(connection: ServerConnection, forward: ForwardStart): void;
  sftp(connection: ServerConnection, event: SftpEvent): void;
  close(connection: ServerConnection, info: ConnectionCloseInfo): void;
  refused(info: RefusedInfo): void;
}

/** One JSON object per event on stdout. The password goes to stderr: stdout is what programs keep. */
export function jsonReport(): Report {
  let broken = false;
  process.stdout.on('error', () => {
    broken = true;
  });
  const line = (event: string, values: Readonly<Record<string, unknown>>) => {
    if (!broken) process.stdout.write(`${JSON.stringify({ event, ...values })}\n`);
  };
  const peer = ({ id, remoteAddress, remotePort }: ServerConnection) => ({ connection: id, remoteAddress, remotePort });
  return {
    listening({ address, hostKeys, user, password, files, allowed, forwarding }) {
      const { host, port } = address;
      const fingerprints = hostKeys.map((key) => key.fingerprint);
      line('listening', { host, port, fingerprints, user, sftp: files, allowed, forwarding });
      if (password !== null) writeError(`amiko serve: the password of '${printable(user)}' is ${password}\n`);
    },
    connection: (connection) => line('connection', peer(connection)),
    login: (connection, { username, method, key }) =>
      line('login', { ...peer(connection), user: username, method, ...(key && { key: key.fingerprint }) }),
    channel: (connection, { channel, request, terminal }) =>
      line('channel', { ...peer(connection), channel: channel.getId(), request, terminal }),
    forward: (connection, { request, where }) => line('forward', { ...peer(connection), request, where }),
    sftp: (connection, event) => line('sftp', { ...peer(connection), ...event }),
    close: (connection, { by, error, username }) =>
      line('close', { ...peer(connection), by, ...(username !== null && { user: username }), reason: error.message }),
    refused: ({ remoteAddress, remotePort, reason }) => line('refused', { remoteAddress, remotePort, reason }),
  };
}

/** Text on stderr; `quiet` leaves the log out, not what is needed to connect. */
export function textReport(quiet: boolean): Report {
  const say = (text: string) => {
    if (!quiet) writeError(`amiko serve: ${text}\n`);
  };
  const name = ({ id }: ServerConnection) => `connection ${id}`;
  return {
    listening: (what) => writeError(describeListening(what)),
    connection: (c) => say(`${name(c)} from ${c.remoteAddress} port ${c.remotePort}`),
    login: (c, { username, method, key }) =>
      say(`${name(c)}: '${printable(username)}' logged in by ${method}${key === null ? '' : ` ${key.fingerprint}`}`),
    channel: (c, { request, terminal }) => say(`${name(c)}: ${request}${terminal ? ' on a terminal' : ''}`),
    forward: (c, { request, where }) => say(`${name(c)}: ${request} ${printable(where)}`),
    sftp: (c, event) => say(`${name(c)}: sftp ${describeSftp(event)}`),
    close: (c, { by, error }) => say(`${name(c)}: closed${by === 'error' ? `: ${error.message}` : ''}`),
    refused: ({ remoteAddress, reason }) => say(`refused a connection from ${remoteAddress}: ${reason}`),
  };
}

let silent = false;

/** To stderr, quietly if that is a pipe which nobody reads any more. */
export function writeError(text: string): void {
  if (silent) return;
  if (process.stderr.listenerCount('error') === 0) {
    process.stderr.on('error', () => {
      silent = true;
    });
  }
  process.stderr.write(text);
}

function describeSftp(event: SftpEvent): string {
  if (event.operation === 'start') return 'begins';
  if (event.operation === 'file') {
    return `${shown(event.path)}: ${event.bytesRead} bytes read, ${event.bytesWritten} written`;
  }
  if (event.operation === 'end') {
    const { filesRead, bytesRead, filesWritten, bytesWritten, changes, failed } = event;
    return `ends: ${filesRead} files read (${bytesRead} bytes), ${filesWritten} written (${bytesWritten} bytes), ${changes} changes, ${failed} failed`;
  }
  const { operation, path, dest, error } = event;
  return `${operation} ${shown(path)}${dest === undefined ? '' : ` -> ${shown(dest)}`}${error === undefined ? '' : `: ${error}`}`;
}

function describeListening(what: Listening): string {
  const { address, hostKeys, ephemeral, user, password, files, allowed, forwarding } = what;
  const sessions = { nothing: [], exec: ['run commands'], shell: ['run commands', 'start a shell'] }[allowed];
  const forwards = { ports: 'forward ports', agent: 'forward the agent', x11: 'forward X11' };
  const may = [
    ...(files === null ? [] : [`${files.write ? 'read and change' : 'read'} the files in ${shown(files.root)}`]),
    ...sessions,
    ...forwarding.map((each) => forwards[each]),
  ];
  const lines = [
    `amiko serve: listening on ${address.host} port ${address.port}`,
    ...hostKeys.map(
      (key) => `  host key   ${key.type} ${key.fingerprint}${ephemeral ? ' (for this run; --host-key keeps one)' : ''}`,
    ),
    `  user       ${printable(user)}`,
    ...(password === null ? [] : [`  password   ${password} (for this run; AMIKO_PASSWORD sets one)`]),
    `  may        ${may.join(', ') || 'nothing; add --exec or --shell'}`,
    'Connect with:',
    ...(files === null ? [] : [`  ${connectCommand('sftp', what)}`]),
    ...(files === null || allowed !== 'nothing' || forwarding.length > 0 ? [`  ${connectCommand('ssh', what)}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * The command to paste into a shell. A host key that was made for this run is in it: so ssh checks that key, and neither asks
 * about it nor finds that it differs from the one of the last run.
 */
function connectCommand(program: 'ssh' | 'sftp', what: Listening): string {
  const { address, hostKeys, ephemeral, user, allowed, forwarding } = what;
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[address.host] ?? address.host;
  const words = [program, program === 'ssh' ? '-p' : '-P', String(address.port)];
  const key = hostKeys[0];
  if (ephemeral && key !== undefined) {
    const known = address.port === 22 ? host : `[${host}]:${address.port}`;
    const knownHosts = `KnownHostsCommand=/bin/echo ${known} ${key.type} ${key.getBase64()}`;
    words.push('-o', 'UserKnownHostsFile=/dev/null', '-o', knownHosts);
  }
  // To sftp a colon ends the host.
  if (program === 'sftp') return [...words, `${user}@${host.includes(':') ? `[${host}]` : host}`].map(quote).join(' ');
  if (allowed === 'nothing' && forwarding.includes('ports')) words.push('-N', '-D', '1080');
  // Without a shell only a command makes sense.
  words.push(`${user}@${host}`, ...(allowed === 'exec' ? ['uptime'] : []));
  return words.map(quote).join(' ');
}

/** One word of a POSIX shell. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
