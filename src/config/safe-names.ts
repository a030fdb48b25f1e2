// Which names may reach a command. A host or user name can come from a link, a repository's submodule or a program's argument;
// once it stands in ProxyCommand or Match exec, a quote, a semicolon, a line break or a leading dash in it runs what its author
// likes (CVE-2023-51385, CVE-2025-61984, CVE-2025-61985). Such names are refused, never quoted: nobody has a use for them.

import { printable } from '../errors.ts';

/** Longest host name of DNS, and longer than users are named; keeps every match of a pattern short. */
const NAME_LIMIT = 255;
const VALUE_LIMIT = 4096;

/** Control characters, C1 included, and the separators that a terminal or a log may take for a line's end. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;

/** What is wrong with a host name, or null. */
export function hostnameProblem(host: string): string | null {
  return problem('host name', host, NAME_LIMIT, /['`"$\\;&<>|(){},\s]/);
}

/** What is wrong with a user's name, or null. Spaces are let pass, as domains of Windows have them, but no option behind one. */
export function userProblem(user: string): string | null {
  const found = problem('user name', user, NAME_LIMIT, /['`";&<>|(){}]/);
  if (found !== null) return found;
  if (/\s-/.test(user) || user.endsWith('\\')) return `the user name '${printable(user)}' has characters that no name has`;
  return null;
}

/**
 * What is wrong with a user's name in a command, or null. Here a dollar sign is more than part of a name: `$IFS-x` becomes an option
 * of its own where the shell splits it.
 */
export function commandUserProblem(user: string): string | null {
  const shown = printable(user);
  return userProblem(user) ?? (user.includes('$') ? `the user name '${shown}' has a dollar sign` : null);
}

/** What is wrong with a value that is neither, such as the home directory, in a command. */
export function valueProblem(what: string, value: string): string | null {
  return problem(what, value, VALUE_LIMIT, /['`"$\\;&<>|(){}*?[\]!#]/);
}

function problem(what: string, value: string, limit: number, forbidden: RegExp): string | null {
  if (value === '') return `the ${what} is empty`;
  if (value.length > limit) return `the ${what} is longer than ${limit} characters`;
  if (value.startsWith('-')) return `the ${what} '${printable(value)}' begins with a dash`;
  if (CONTROL.test(value)) return `the ${what} '${printable(value)}' has a control character`;
  if (forbidden.test(value)) return `the ${what} '${printable(value)}' has characters that no name has`;
  return null;
}
