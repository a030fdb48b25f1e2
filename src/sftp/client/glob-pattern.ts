// Patterns for names as shells have them: `*`, `?`, `[a-z]`, `{one,two}`, `**` for any number of folders, a backslash before what is
// meant literally. Patterns are matched by walking both texts side by side, never as regular expressions: whatever the pattern and
// the name, a match takes time in proportion to the product of their lengths.

import { UsageError } from '../../errors.ts';

/** What braces may expand to, patterns. */
const MOST_ALTERNATIVES = 1_024;

/** One character of a pattern, or any run of them. */
type Token =
  | { readonly kind: 'one'; readonly character: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'run' }
  | SetToken;

interface SetToken {
  readonly kind: 'set';
  readonly negated: boolean;
  readonly ranges: readonly (readonly [from: string, to: string])[];
}

/** What stands between two slashes. */
export type Segment =
  /** A name as it is. */
  | { readonly kind: 'name'; readonly name: string }
  /** `**` */
  | { readonly kind: 'folders' }
  | { readonly kind: 'pattern'; readonly tokens: readonly Token[] };

/** @throws UsageError where braces expand to too many */
export function parseGlob(pattern: string): Segment[][] {
  return expandBraces(pattern).map((each) => {
    const segments: Segment[] = [];
    for (const part of splitSegments(each)) {
      const segment = segmentOf(part);
      // Twice in a row says nothing more.
      if (segment.kind !== 'folders' || segments.at(-1)?.kind !== 'folders') segments.push(segment);
    }
    return segments;
  });
}

/** Whether a name has the form; a leading dot has to be asked for unless `dot`. */
export function matches(tokens: readonly Token[], name: string, dot = false): boolean {
  const characters = [...name];
  const first = tokens[0];
  if (!dot && characters[0] === '.' && !(first?.kind === 'one' && first.character === '.')) return false;
  let token = 0;
  let at = 0;
  // The last run, and where what follows it is being tried: to go back further never helps.
  let run = -1;
  let from = 0;
  while (at < characters.length) {
    const current = tokens[token];
    if (current?.kind === 'run') {
      run = token++;
      from = at;
    } else if (current !== undefined && fits(current, characters[at] as string)) {
      token++;
      at++;
    } else if (run >= 0) {
      token = run + 1;
      at = ++from;
    } else {
      return false;
    }
  }
  while (tokens[token]?.kind === 'run') token++;
  return token === tokens.length;
}

function fits(token: Token, character: string): boolean {
  if (token.kind === 'one') return token.character === character;
  if (token.kind !== 'set') return true;
  const code = character.codePointAt(0) as number;
  const inside = token.ranges.some(
    ([low, high]) => code >= (low.codePointAt(0) as number) && code <= (high.codePointAt(0) as number),
  );
  return inside !== token.negated;
}

function segmentOf(part: string): Segment {
  if (part === '**') return { kind: 'folders' };
  const tokens = tokensOf(part);
  if (tokens.every((token) => token.kind === 'one'))
    return { kind: 'name', name: tokens.map(({ character }) => character).join('') };
  return { kind: 'pattern', tokens };
}

function tokensOf(part: string): Token[] {
  const characters = [...part];
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; ) {
    const character = characters[at] as string;
    if (character === '\\' && at + 1 < characters.length) {
      tokens.push({ kind: 'one', character: characters[at + 1] as string });
      at += 2;
    } else if (character === '*') {
      if (tokens.at(-1)?.kind !== 'run') tokens.push({ kind: 'run' });
      at++;
    } else if (character === '?') {
      tokens.push({ kind: 'any' });
      at++;
    } else {
      const set = character === '[' ? setAt(characters, at) : null;
      tokens.push(set?.token ?? { kind: 'one', character });
      at = set?.end ?? at + 1;
    }
  }
  return tokens;
}

/** `[a-z]`, `[!a]`, `[]x]`; null for a bracket that nothing closes, which is a bracket. */
function setAt(characters: readonly string[], start: number): { token: SetToken; end: number } | null {
  const negated = characters[start + 1] === '!' || characters[start + 1] === '^';
  const ranges: [string, string][] = [];
  const first = start + (negated ? 2 : 1);
  for (let at = first; at < characters.length; ) {
    if (characters[at] === ']' && at > first) return { token: { kind: 'set', negated, ranges }, end: at + 1 };
    if (characters[at] === '\\' && at + 1 < characters.length) at++;
    const low = characters[at] as string;
    const high = characters[at + 2];
    const isRange = characters[at + 1] === '-' && high !== undefined && high !== ']';
    ranges.push([low, isRange ? high : low]);
    at += isRange ? 3 : 1;
  }
  return null;
}

/** At slashes; a backslash keeps none together, since no name holds one. */
function splitSegments(pattern: string): string[] {
  return pattern.split('/').map((part, index, all) => (index < all.length - 1 && part.endsWith('\\') ? part.slice(0, -1) : part));
}

/** The alternatives of the first braces with what stands around them, until there are none. */
function expandBraces(pattern: string): string[] {
  const done: string[] = [];
  const open = [pattern];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const braces = firstBraces(next);
    if (braces === null) {
      done.push(next);
    } else {
      const { start, end, alternatives } = braces;
      const [before, behind] = [next.slice(0, start), next.slice(end)];
      open.push(...alternatives.map((each) => before + each + behind).reverse());
    }
    if (done.length + open.length > MOST_ALTERNATIVES) {
      throw new UsageError(`a pattern that stands for more than ${MOST_ALTERNATIVES} others`);
    }
  }
  return done;
}

/** Braces with a comma in them, the first that are closed. */
function firstBraces(pattern: string): { start: number; end: number; alternatives: string[] } | null {
  for (let start = 0; start < pattern.length; start++) {
    if (pattern[start] === '\\') start++;
    else if (pattern[start] === '{') {
      const braces = bracesAt(pattern, start);
      if (braces !== null) return { start, ...braces };
    }
  }
  return null;
}

function bracesAt(pattern: string, start: number): { end: number; alternatives: string[] } | null {
  const alternatives: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === '\\') at++;
    else if (character === '{') depth++;
    else if (character === ',' && depth === 1) {
      alternatives.push(pattern.slice(from, at));
      from = at + 1;
    } else if (character === '}' && --depth === 0) {
      if (alternatives.length === 0) return null;
      alternatives.push(pattern.slice(from, at));
      return { end: at + 1, alternatives };
    }
  }
  return null;
}
