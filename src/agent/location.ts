// Where an agent is: what SSH_AUTH_SOCK says, and on Windows, where sockets have no paths, a named pipe of this machine. Nothing is
// guessed: Pageant's pipe has a name that only Windows can work out, and it is Pageant that tells it (`pageant --openssh-config FILE`).

import { AgentError, printable } from '../errors.ts';

/** What Windows has in place of a socket: the agent of its own OpenSSH. */
const WINDOWS_PIPE = '\\\\.\\pipe\\openssh-ssh-agent';

/** What it depends on; by default this process's. */
export interface Surroundings {
  readonly platform?: NodeJS.Platform;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What SSH_AUTH_SOCK says; where it is not set, on Windows the pipe of its OpenSSH, and else null. Null too where it is empty. */
export function usualAgent({ platform = process.platform, env = process.env }: Surroundings = {}): string | null {
  return (env['SSH_AUTH_SOCK'] ?? (platform === 'win32' ? WINDOWS_PIPE : '')) || null;
}

/**
 * What to connect to for an agent at `where`. @throws AgentError on Windows for anything but a pipe of this machine
 */
export function agentPath(where: string, { platform = process.platform }: Surroundings = {}): string {
  if (where === '' || where.includes('\0')) throw new AgentError(`not the path of an agent's socket: '${printable(where)}'`);
  if (platform !== 'win32') return where;
  // Pageant writes it with slashes, which need no escapes in ssh_config.
  const pipe = where.replaceAll('/', '\\');
  if (/^\\\\[.?]\\pipe\\./i.test(pipe)) return pipe;
  // A pipe of another machine would be sent this user's credentials; a path is a socket of Cygwin or Git, whose agents only they reach.
  throw new AgentError(
    `the agent '${printable(where)}' is not a pipe of this machine (\\\\.\\pipe\\NAME), so it can't be reached; ${PAGEANT}`,
  );
}

/** There is nothing that one could connect to. */
export function noAgent(): AgentError {
  return new AgentError('there is no agent: SSH_AUTH_SOCK is not set');
}

/** Nobody is there. */
export function unreachable(where: string, cause: unknown, { platform = process.platform }: Surroundings = {}): AgentError {
  const { code } = Object(cause) as NodeJS.ErrnoException;
  const message = `the agent at ${printable(where)} can't be reached${code === undefined ? '' : ` (${code})`}`;
  const isUsual = platform === 'win32' && where.toLowerCase() === WINDOWS_PIPE;
  const hint = isUsual ? `; it is the service 'OpenSSH Authentication Agent', which may be off; ${PAGEANT}` : '';
  return new AgentError(`${message}${hint}`, { cause });
}

const PAGEANT =
  "for Pageant (0.77 or newer) run 'pageant --openssh-config FILE' and give what FILE has after IdentityAgent " +
  'as SSH_AUTH_SOCK, or as IdentityAgent';
