// The environment of a command that a server starts for a user: small and known. What the server process itself has in its
// environment (tokens, LD_PRELOAD, NODE_OPTIONS) is none of the user's business, and what the client wants to set is only
// taken where a pattern allows it (CVE-class: env injection).

import { homedir, userInfo } from 'node:os';
import { matchesPattern } from '../keys/pattern-list.ts';

const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/** The user that the server runs as, which commands run as too. */
export interface Account {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/** The invoking user. Works where the user has no entry in the system's tables too, as in some containers. */
export function invokingAccount(): Account {
  try {
    const { username, homedir: home, shell } = userInfo();
    return { name: username, home, shell: shell || '/bin/sh' };
  } catch {
    return { name: process.env['USER'] ?? 'user', home: homedir(), shell: '/bin/sh' };
  }
}

/** What `env` requests may set: OpenSSH's AcceptEnv patterns. Values that an environment cannot hold are refused. */
export class AcceptedEnvironment {
  readonly #patterns: readonly string[];
  readonly #values = new Map<string, string>();

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns;
  }

  /** Whether the variable was taken. */
  set(name: string, value: Uint8Array): boolean {
    if (!this.#patterns.some((pattern) => matchesPattern(pattern, name))) return false;
    const text = utf8(value);
    if (text === null) return false;
    this.#values.set(name, text);
    return true;
  }

  entries(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#values);
  }
}

export interface Endpoints {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** What an account gives every command. It wins over what the client has asked for, and gives way to `environment` of authorized_keys. */
export function accountEnvironment({ name, home, shell }: Account): Record<string, string> {
  return { HOME: home, USER: name, LOGNAME: name, SHELL: shell, PATH: process.env['PATH'] || DEFAULT_PATH };
}

/** What every command is told of its connection, whoever says otherwise. */
export function connectionEnvironment(endpoints: Endpoints): Record<string, string> {
  const { remoteAddress, remotePort, localAddress, localPort } = endpoints;
  return {
    SSH_CLIENT: `${remoteAddress || 'UNKNOWN'} ${remotePort} ${localPort}`,
    SSH_CONNECTION: `${remoteAddress || 'UNKNOWN'} ${remotePort} ${localAddress || 'UNKNOWN'} ${localPort}`,
  };
}

/** Bytes as text that can be an argument or a variable: UTF-8 without NUL. Null for anything else. */
export function utf8(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
