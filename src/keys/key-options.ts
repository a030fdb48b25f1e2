// Options in front of a key, as authorized_keys and allowed_signers have them (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"): names
// separated by commas, some with a value in quotes, in which \" is a quote. Names are compared without case.

import { KeyFormatError, printable } from '../errors.ts';

/** The options that are understood, in lower case. */
export interface KnownOptions {
  readonly plain: readonly string[];
  /** Those that have a value, which may be empty. */
  readonly valued: readonly string[];
}

export interface KeyOptions {
  /** By name in lower case; '' for those without a value. The first of several of one name. */
  readonly options: ReadonlyMap<string, string>;
  /** All of them in order, for those that may come more than once. */
  readonly all: readonly (readonly [name: string, value: string])[];
  /** What follows: the key. */
  readonly rest: string;
}

/**
 * Takes the options off the front of a line, where there are any: a line that begins with a key type has none.
 * @throws KeyFormatError for an option that is not known: to ignore what was meant as a restriction would lift it
 */
export function parseKeyOptions(text: string, { plain, valued }: KnownOptions): KeyOptions {
  const all: (readonly [string, string])[] = [];
  let at = 0;
  if (!/^(?:ssh-|ecdsa-sha2-|sk-|rsa-sha2-)\S*[ \t]/.test(text)) {
    for (;;) {
      const match = /[\w-]+/y;
      match.lastIndex = at;
      const name = match.exec(text)?.[0].toLowerCase();
      if (name === undefined) throw new KeyFormatError('an option has no name');
      const hasValue = valued.includes(name);
      if (!hasValue && !plain.includes(name)) throw new KeyFormatError(`the option '${printable(name)}' is not known`);
      at += name.length;
      if (hasValue !== (text[at] === '=')) {
        throw new KeyFormatError(`the option '${name}' ${hasValue ? 'needs a' : 'takes no'} value`);
      }
      let value = '';
      if (hasValue) {
        if (text[at + 1] !== '"') throw new KeyFormatError(`the value of '${name}' is not in quotes`);
        const end = closingQuote(text, at + 2);
        value = text.slice(at + 2, end).replaceAll('\\"', '"');
        at = end + 1;
      }
      all.push([name, value]);
      if (text[at] !== ',') break;
      at++;
    }
    if (text[at] !== ' ' && text[at] !== '\t') throw new KeyFormatError('no space between options and key');
  }
  const options = new Map<string, string>();
  for (const [name, value] of all) if (!options.has(name)) options.set(name, value);
  return { options, all, rest: text.slice(at).trim() };
}

/**
 * Seconds since 1970 of `YYYYMMDD[HHMM[SS]]`, in local time or, with `Z` or `UTC` behind it, in UTC (ssh-keygen(1)).
 * @throws KeyFormatError
 */
export function parseTimestamp(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z|UTC)?$/i.exec(text);
  if (match === null) throw new KeyFormatError(`'${printable(text)}' is not a time of the form YYYYMMDD[HHMM[SS]][Z]`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const utc = match[7] !== undefined;
  const date = utc
    ? new Date(Date.UTC(year, month - 1, day, hour, minute, second))
    : new Date(year, month - 1, day, hour, minute, second);
  const back = utc ? [date.getUTCMonth(), date.getUTCDate(), date.getUTCHours()] : [date.getMonth(), date.getDate(), hour];
  // 20260231 would be a day in March.
  if (back[0] !== month - 1 || back[1] !== day || hour > 23 || minute > 59 || second > 59 || back[2] !== hour) {
    throw new KeyFormatError(`'${printable(text)}' is not a time that there is`);
  }
  return date.getTime() / 1000;
}

function closingQuote(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\' && text[i + 1] === '"') i++;
    else if (text[i] === '"') return i;
  }
  throw new KeyFormatError('a quote is not closed');
}
