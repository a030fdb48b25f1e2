// `%x` tokens, `${NAME}` and `~` (ssh_config(5), "TOKENS" and "ENVIRONMENT VARIABLES"). Each keyword has its own set of tokens; one
// that it does not take is an error and never left standing. The result is bounded: a file must not make text without end.

import { createHash } from 'node:crypto';
import { LineError } from './line.ts';
import type { Machine } from './machine.ts';

/** What stands for each letter. */
export type Tokens = Readonly<Record<string, string>>;

const LIMIT = 65_536;

export interface Expansion {
  /** Left out where the keyword takes no tokens at all. */
  readonly tokens?: Tokens;
  /** Where `${NAME}` is looked up; left out where the keyword does not take it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** @throws LineError for a token that is not in the set, a variable that is not set, and a result without measure. */
export function expand(text: string, { tokens, env }: Expansion): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    if (out.length > LIMIT) throw new LineError(`the value is longer than ${LIMIT} characters once its tokens are put in`);
    if (env !== undefined && text.startsWith('${', i)) {
      const end = text.indexOf('}', i);
      if (end < 0) throw new LineError('a ${ is not closed');
      const name = text.slice(i + 2, end);
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (value === undefined) throw new LineError(`the environment variable '${name}' is not set`);
      out += value;
      i = end;
    } else if (tokens !== undefined && text[i] === '%') {
      const letter = text[++i] ?? '';
      const value = letter === '%' ? '%' : Object.hasOwn(tokens, letter) ? tokens[letter] : undefined;
      if (value === undefined) throw new LineError(`'%${letter}' means nothing here`);
      out += value;
    } else out += text[i];
  }
  return out;
}

/** `~` and `~name` at the beginning of a path. @throws LineError where there is no such user. */
export function expandTilde(path: string, machine: Machine): string {
  if (!path.startsWith('~')) return path;
  const slash = path.indexOf('/');
  const name = slash < 0 ? path.slice(1) : path.slice(1, slash);
  const home = name === '' ? machine.home : machine.homeOf(name);
  if (home === null) throw new LineError(`there is no user '${name}'`);
  const rest = slash < 0 ? '' : path.slice(slash).replace(/^\/+/, '');
  return `${home}${home.endsWith('/') ? '' : '/'}${rest}`;
}

export interface Connection {
  /** As it was asked for. */
  readonly original: string;
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly hostKeyAlias: string | undefined;
  readonly jumpHost: string;
}

/** The tokens that most keywords take: %C %L %d %h %i %j %k %l %n %p %r %u. */
export function connectionTokens(connection: Connection, machine: Machine): Tokens {
  const { original, hostname, port, user, hostKeyAlias, jumpHost } = connection;
  const hash = createHash('sha1').update([machine.hostname, hostname, port, user, jumpHost].join('')).digest('hex');
  return {
    C: hash,
    L: machine.hostname.split('.')[0] ?? '',
    d: machine.home,
    h: hostname,
    i: String(machine.uid),
    j: jumpHost,
    k: hostKeyAlias ?? original,
    l: machine.hostname,
    n: original,
    p: String(port),
    r: user,
    u: machine.user,
  };
}
