// Commands with tokens: ProxyCommand, LocalCommand, KnownHostsCommand, Match exec. Every value is looked at before it is put in,
// and refused when it could mean anything but itself. A command without shell syntax is also given as words, split before the
// tokens are put in, so that it can be started without a shell and no value ever becomes two arguments.

import { commandUserProblem, hostnameProblem, valueProblem } from './safe-names.ts';
import { expand, type Tokens } from './tokens.ts';

/** A command of the configuration, tokens put in. */
export interface ConfigCommand {
  /** For a shell: what `ssh` would hand to the user's. */
  readonly text: string;
  /** For starting it without a shell; null where the command needs one (pipes, variables, patterns and the like). */
  readonly argv: readonly string[] | null;
}

const HOSTS = 'hnklLjH';
const USERS = 'ru';
/** Numbers and hexadecimal digits of our own making. */
const OURS = 'Cip%';

/** Why the values that a command uses must not be put into it, or null. */
export function commandProblem(command: string, tokens: Tokens): string | null {
  for (let at = command.indexOf('%'); at >= 0; at = command.indexOf('%', at + 2)) {
    const letter = command[at + 1] ?? '';
    const value = Object.hasOwn(tokens, letter) ? tokens[letter] : undefined;
    if (value === undefined || OURS.includes(letter) || (letter === 'j' && value === '')) continue;
    const check = HOSTS.includes(letter) ? hostnameProblem : USERS.includes(letter) ? commandUserProblem : null;
    const problem = check === null ? valueProblem(`value of %${letter}`, value) : check(value);
    if (problem !== null) return `${problem}; it is not put into a command`;
  }
  return null;
}

/** @throws LineError for a token that the command does not take. Call {@link commandProblem} first. */
export function expandCommand(command: string, tokens: Tokens): ConfigCommand {
  const words = shellWords(command);
  const argv = words === null ? null : words.map((word) => expand(word, { tokens }));
  return { text: expand(command, { tokens }), argv: argv?.[0] === 'exec' ? argv.slice(1) : argv };
}

/** The words of a command, or null where a shell would do more than split it. */
export function shellWords(command: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < command.length; i++) {
    const c = command[i] as string;
    if (c === ' ' || c === '\t') {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    if ('|&;<>()$`*?{}\n\r'.includes(c) || (word === null && '~#!'.includes(c))) return null;
    word ??= '';
    if (c === "'") {
      const close = command.indexOf("'", i + 1);
      if (close < 0) return null;
      word += command.slice(i + 1, close);
      i = close;
    } else if (c === '"') {
      for (i++; command[i] !== '"'; i++) {
        if (i >= command.length || '$`'.includes(command[i] as string)) return null;
        if (command[i] === '\\' && '"\\$`'.includes(command[i + 1] ?? ' ')) i++;
        word += command[i];
      }
    } else if (c === '\\') {
      if (++i >= command.length) return null;
      word += command[i];
    } else word += c;
  }
  if (word !== null) words.push(word);
  // An assignment in front of a command is for the shell as well.
  return words.length === 0 || words[0]?.includes('=') ? null : words;
}
