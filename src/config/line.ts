// One line of ssh_config as OpenSSH takes it apart: the keyword ends at white space, a quote or one `=`; the rest is split into
// words with "..", '..' and a few backslashes, and a `#` where a word would begin ends the line. Every scan is linear.

/** What follows a keyword: all of it for commands, and as words for everything else. */
export interface ConfigLine {
  /** In lower case. */
  readonly keyword: string;
  /** The rest of the line as it stands, comments included. */
  readonly rest: string;
  readonly words: readonly string[];
}

/** A line that cannot be read or means nothing. The walker adds file and number and makes a ConfigError of it. */
export class LineError extends Error {}

const BLANK = ' \t\r\n';

/** Null for an empty line and for a comment. @throws LineError for quotes that do not close and for a keyword alone. */
export function parseLine(text: string): ConfigLine | null {
  if (text.includes('\0')) throw new LineError('the line has a NUL byte');
  let end = text.length;
  while (end > 0 && `${BLANK}\f`.includes(text[end - 1] as string)) end--;
  let [keyword, rest] = splitKeyword(text.slice(0, end));
  if (keyword === '') [keyword, rest] = splitKeyword(rest);
  if (keyword === '' || keyword.startsWith('#')) return null;
  rest = skipBlank(rest);
  if (rest === '') throw new LineError(`no argument after keyword '${keyword}'`);
  return { keyword: keyword.toLowerCase(), rest, words: splitWords(rest) };
}

function splitKeyword(text: string): [keyword: string, rest: string] {
  let at = 0;
  while (at < text.length && !`${BLANK}"=`.includes(text[at] as string)) at++;
  if (at === text.length) return [text, ''];
  if (text[at] === '"') {
    const close = text.indexOf('"', at + 1);
    // ssh passes over such a line without a word; the setting that somebody wanted would be missing.
    if (close < 0) throw new LineError('a quote is not closed');
    return [text.slice(0, at) + text.slice(at + 1, close), skipBlank(text.slice(close + 1))];
  }
  let rest = skipBlank(text.slice(at + 1));
  if (text[at] !== '=' && rest.startsWith('=')) rest = skipBlank(rest.slice(1));
  return [text.slice(0, at), rest];
}

function skipBlank(text: string): string {
  let at = 0;
  while (at < text.length && BLANK.includes(text[at] as string)) at++;
  return text.slice(at);
}

/**
 * Words as a configuration line has them. A backslash takes the meaning from a quote, a backslash and, outside of quotes, a
 * space; before anything else it stands for itself. @throws LineError when a quote is not closed.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ' ' || text[i] === '\t') continue;
    if (text[i] === '#') break;
    let word = '';
    let quote = '';
    for (; i < text.length; i++) {
      const c = text[i] as string;
      const next = text[i + 1] ?? '';
      if (c === '\\') {
        const escapes = next !== '' && (`'"\\`.includes(next) || (quote === '' && next === ' '));
        word += escapes ? next : c;
        if (escapes) i++;
      } else if (quote === '' && (c === ' ' || c === '\t')) break;
      else if (quote === '' && (c === '"' || c === "'")) quote = c;
      else if (c === quote) quote = '';
      else word += c;
    }
    if (quote !== '') throw new LineError('a quote is not closed');
    words.push(word);
  }
  return words;
}
