// A command line of sftp(1) taken apart: words parted by blanks, quotes, backslashes, comments. What comes out are glob patterns:
// a character that was quoted stands behind a backslash where it would mean something to glob, so `"a*"` and `a\*` name the file
// `a*` and `a*` all that begin with a.
//
// Two differences to OpenSSH, both because a typing error must not remove the wrong file: `#` begins a comment only at the start
// of a word (there `rm a#b` removes a), and a backslash at the end of the line is an error.

import { UsageError } from '../../errors.ts';

/** What glob gives a meaning to. */
const SPECIAL = '*?[]{},\\';

export interface Word {
  /** The word as a glob pattern, all that was quoted behind backslashes. */
  readonly pattern: string;
  /** Where it begins and ends in the line; `end` is behind its last character, a closing quote included. */
  readonly start: number;
  readonly end: number;
  /** The quote that is open at the end of the line; only where that is allowed. */
  readonly open: '"' | "'" | null;
}

/**
 * The words of a line, without its comment. With `unfinished` a line may end inside of quotes, as it does while it is typed.
 * @throws UsageError for a quote that is not closed, or a backslash with nothing behind it
 */
export function splitWords(line: string, unfinished = false): Word[] {
  const words: Word[] = [];
  let pattern: string | null = null;
  let start = 0;
  let quote: '"' | "'" | null = null;
  const add = (character: string, literal: boolean) => {
    pattern = (pattern ?? '') + (literal && SPECIAL.includes(character) ? `\\${character}` : character);
  };
  let at = 0;
  for (; at < line.length; at++) {
    const character = line[at] as string;
    if (pattern === null && quote === null) {
      start = at;
      if (character === '#') return words;
    }
    if (character === '\\') {
      const next = line[at + 1];
      if (next === undefined) {
        if (!unfinished) throw new UsageError('a backslash ends the line');
        add('', false);
        continue;
      }
      // Within quotes a backslash is one, but before a quote of that kind and another backslash.
      if (quote !== null && next !== quote && next !== '\\') {
        add('\\', true);
        continue;
      }
      add(next, true);
      at++;
    } else if (character === quote) {
      quote = null;
    } else if (quote !== null) {
      add(character, true);
    } else if (character === '"' || character === "'") {
      quote = character;
      add('', false);
    } else if (isBlank(character)) {
      if (pattern !== null) words.push({ pattern, start, end: at, open: null });
      pattern = null;
    } else {
      add(character, false);
    }
  }
  if (quote !== null && !unfinished) throw new UsageError(`a ${quote === '"' ? 'double' : 'single'} quote is not closed`);
  if (pattern !== null) words.push({ pattern, start, end: at, open: quote });
  return words;
}

/** What the pattern says where it is no pattern: the name as it was meant. */
export function literal(pattern: string): string {
  return pattern.replace(/\\(.)/gsu, '$1');
}

/** The name as a pattern that fits nothing else. */
export function asPattern(name: string): string {
  let pattern = '';
  for (const character of name) pattern += SPECIAL.includes(character) ? `\\${character}` : character;
  return pattern;
}

/** A name as one word of a line, with as few backslashes as it takes; within an open quote as it has to be there. */
export function quoteWord(name: string, open: '"' | "'" | null = null): string {
  if (open !== null) return name.replaceAll('\\', '\\\\').replaceAll(open, `\\${open}`);
  return name.replace(/[\s"'\\*?[\]{},]|^#/gu, '\\$&');
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\r';
}
