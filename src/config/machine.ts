// What a lookup sees of the machine it runs on: who we are, where home is, the environment, the addresses. All in one value, so
// that a test, or a program that reads somebody else's configuration, can say it itself. Nothing here is read before it is asked.

import { readFileSync } from 'node:fs';
import { homedir, hostname, networkInterfaces, userInfo } from 'node:os';

/** What a configuration can ask about this machine and its user. */
export interface Machine {
  /** The local user's name: `%u`, `Match localuser`, and the remote user where nothing names one. */
  readonly user: string;
  /** The number of the local user; -1 where there are none. */
  readonly uid: number;
  /** The home directory as the system's database has it, not `$HOME`: `~` and `%d`. */
  readonly home: string;
  /** The name of this host: `%l`, and up to the first dot `%L`. */
  readonly hostname: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The addresses of interfaces that are up, for `Match localnetwork`. */
  readonly addresses: () => readonly string[];
  /** The home directory of another user, for `~name`; null where there is no such user. */
  readonly homeOf: (user: string) => string | null;
  /** The port of a TCP service by its name; null where it has none. */
  readonly service: (name: string) => number | null;
}

/** This machine, with what the caller says instead. */
export function thisMachine(instead: Partial<Machine> = {}): Machine {
  const me = whoAmI();
  return {
    ...me,
    hostname: hostname(),
    env: process.env,
    addresses: () =>
      Object.values(networkInterfaces())
        .flatMap((each) => each ?? [])
        .map(({ address }) => address),
    homeOf: (user) => (user === me.user ? me.home : (column(read('/etc/passwd'), ':', 0, user)?.[5] ?? null)),
    service: (name) => servicePort(name),
    ...instead,
  };
}

function whoAmI(): Pick<Machine, 'user' | 'uid' | 'home'> {
  try {
    const { username, uid, homedir: home } = userInfo();
    return { user: username, uid, home };
  } catch {
    // A container's user that no database knows.
    return { user: process.env['USER'] ?? 'unknown', uid: process.getuid?.() ?? -1, home: homedir() };
  }
}

function servicePort(name: string): number | null {
  if (name === 'ssh') return 22;
  for (const line of read('/etc/services').split('\n')) {
    const [main, where = '', ...aliases] = (line.split('#')[0] ?? '').split(/[ \t]+/);
    const [number, protocol] = where.split('/');
    if (protocol === 'tcp' && (main === name || aliases.includes(name))) return Number(number);
  }
  return null;
}

function column(text: string, separator: string, index: number, value: string): string[] | undefined {
  return text
    .split('\n')
    .map((line) => line.split(separator))
    .find((fields) => fields[index] === value);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
