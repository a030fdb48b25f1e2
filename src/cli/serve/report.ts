// What `amiko serve` says: JSON Lines on stdout, or text for people on stderr. What comes from a peer is escaped in both, so that
// nobody can forge a line or drive the terminal. A closed pipe is no reason to stop serving.

import { type PublicKey, printable } from '../../index.ts';
import type { ConnectionCloseInfo, LoginInfo, RefusedInfo, ServerAddress, ServerConnection, SessionStart } from '../../server.ts';
import type { ForwardStart } from './decisions.ts';

/** What people need to know to connect. */
export interface Listening {
  readonly address: ServerAddress;
  readonly hostKeys: readonly PublicKey[];
  /** Whether the host key was made for this run, so that nobody can know it from before. */
  readonly ephemeral: boolean;
  readonly user: string;
  /** A password that was made for this run; it is shown this once. Null where there is none or the user set it. */
  readonly password: string | null;
  readonly allowed: 'nothing' | 'exec' | 'shell';
  readonly forwarding: readonly ('ports' | 'agent' | 'x11')[];
}

export interface Report {
  listening(what: Listening): void;
  connection(connection: ServerConnection): void;
  login(connection: ServerConnection, login: LoginInfo): void;
  channel(connection: ServerConnection, session: SessionStart): void;
  forward(connection: ServerConnection, forward: ForwardStart): void;
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
    listening({ address, hostKeys, user, password, allowed, forwarding }) {
      const { host, port } = address;
      line('listening', { host, port, fingerprints: hostKeys.map((key) => key.fingerprint), user, allowed, forwarding });
      if (password !== null) writeError(`amiko serve: the password of '${printable(user)}' is ${password}\n`);
    },
    connection: (connection) => line('connection', peer(connection)),
    login: (connection, { username, method, key }) =>
      line('login', { ...peer(connection), user: username, method, ...(key && { key: key.fingerprint }) }),
    channel: (connection, { channel, request, terminal }) =>
      line('channel', { ...peer(connection), channel: channel.getId(), request, terminal }),
    forward: (connection, { request, where }) => line('forward', { ...peer(connection), request, where }),
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

function describeListening(what: Listening): string {
  const { address, hostKeys, ephemeral, user, password, allowed, forwarding } = what;
  const sessions = { nothing: [], exec: ['run commands'], shell: ['run commands', 'start a shell'] }[allowed];
  const forwards = { ports: 'forward ports', agent: 'forward the agent', x11: 'forward X11' };
  const may = [...sessions, ...forwarding.map((each) => forwards[each])];
  const lines = [
    `amiko serve: listening on ${address.host} port ${address.port}`,
    ...hostKeys.map(
      (key) => `  host key   ${key.type} ${key.fingerprint}${ephemeral ? ' (for this run; --host-key keeps one)' : ''}`,
    ),
    `  user       ${printable(user)}`,
    ...(password === null ? [] : [`  password   ${password} (for this run; AMIKO_PASSWORD sets one)`]),
    `  may        ${may.join(', ') || 'nothing; add --exec or --shell'}`,
    'Connect with:',
    `  ${sshCommand(what)}`,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * The command to paste into a shell. A host key that was made for this run is in it: so ssh checks that key, and neither asks
 * about it nor finds that it differs from the one of the last run.
 */
export function sshCommand({ address, hostKeys, ephemeral, user, allowed, forwarding }: Listening): string {
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[address.host] ?? address.host;
  const words = ['ssh', '-p', String(address.port)];
  const key = hostKeys[0];
  if (ephemeral && key !== undefined) {
    const known = address.port === 22 ? host : `[${host}]:${address.port}`;
    const knownHosts = `KnownHostsCommand=/bin/echo ${known} ${key.type} ${key.getBase64()}`;
    words.push('-o', 'UserKnownHostsFile=/dev/null', '-o', knownHosts);
  }
  if (allowed === 'nothing' && forwarding.includes('ports')) words.push('-N', '-D', '1080');
  // Without a shell only a command makes sense.
  words.push(`${user}@${host}`, ...(allowed === 'exec' ? ['uptime'] : []));
  return words.map(quote).join(' ');
}

/** One word of a POSIX shell. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
