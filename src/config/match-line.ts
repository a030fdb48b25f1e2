// The criteria of a Match line, one after the other; all must hold. `exec` runs nothing by itself: the caller's function does, and
// only when everything before it holds and the block is not dead anyway. Where the caller gave none the line does not apply,
// with or without `!`, so that a command nobody ran never opens a block.

import { nearest } from '../algorithms/nearest.ts';
import { printable } from '../errors.ts';
import { matchesPatternList } from '../keys/pattern-list.ts';
import { anyInNetworks } from './cidr.ts';
import { LineError } from './line.ts';

export interface MatchSubject {
  readonly host: string;
  readonly originalHost: string;
  readonly user: string;
  readonly localUser: string;
  /** The command or subsystem that is asked for; empty for a shell. */
  readonly command: string;
  readonly tag: string;
  readonly sessionType: 'shell' | 'exec' | 'subsystem' | 'none';
  /** What `Match version` is held against, such as `OpenSSH_10.0p2`. */
  readonly version: string;
  readonly addresses: () => readonly string[];
  /** Whether this is the second pass, after the host name has become final. */
  readonly final: boolean;
  /** Null: the command was not allowed to run. */
  readonly exec: (command: string) => Promise<boolean | null>;
}

export interface MatchResult {
  readonly matches: boolean;
  /** Whether the line asks for a second pass. */
  readonly wantsFinal: boolean;
}

const WITH_ARGUMENT = [
  'host',
  'originalhost',
  'user',
  'localuser',
  'localnetwork',
  'version',
  'tagged',
  'command',
  'sessiontype',
  'exec',
] as const;
type Criterion = (typeof WITH_ARGUMENT)[number];

/** `dead` is true where the file was included from a block that does not apply. @throws LineError */
export async function evaluateMatch(words: readonly string[], subject: MatchSubject, dead: boolean): Promise<MatchResult> {
  let matches = true;
  let wantsFinal = false;
  let count = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (word.startsWith('#')) break;
    const negated = word.startsWith('!');
    const [name, attached] = splitCriterion(negated ? word.slice(1) : word);
    if (name === 'all') {
      const next = words[i + 1];
      if (count > 1 || (next !== undefined && next !== '' && !next.startsWith('#'))) {
        throw new LineError("'all' cannot stand with other criteria of Match, except one canonical or final before it");
      }
      return { matches: matches && !negated, wantsFinal };
    }
    count++;
    if (name === 'canonical' || name === 'final') {
      // With or without `!`: releases up to 10.0 read the files again for both.
      if (name === 'final') wantsFinal = true;
      matches &&= subject.final !== negated;
      continue;
    }
    if (!isCriterion(name)) throw unknownCriterion(name);
    const argument = attached ?? words[++i];
    if (argument === undefined || argument.startsWith('#') || (argument === '' && !['tagged', 'command'].includes(name))) {
      throw new LineError(`Match ${name} needs an argument`);
    }
    if (name === 'exec' && (!matches || dead)) continue;
    const holds = await test(name, argument, subject);
    matches &&= holds !== null && holds !== negated;
  }
  if (count === 0) throw new LineError('Match needs at least one criterion');
  return { matches, wantsFinal };
}

/** `host=name` is `host name`. */
function splitCriterion(word: string): [name: string, argument: string | undefined] {
  const equals = word.indexOf('=');
  if (equals < 0) return [word.toLowerCase(), undefined];
  return [word.slice(0, equals).toLowerCase(), word.slice(equals + 1)];
}

function isCriterion(name: string): name is Criterion {
  return (WITH_ARGUMENT as readonly string[]).includes(name);
}

function unknownCriterion(name: string): LineError {
  const close = name.length > 64 ? null : nearest(name, [...WITH_ARGUMENT, 'all', 'canonical', 'final']);
  const said = printable(name.slice(0, 64));
  return new LineError(`'${said}' is no criterion of Match${close === null ? '' : `; did you mean '${close}'?`}`);
}

async function test(name: Criterion, argument: string, subject: MatchSubject): Promise<boolean | null> {
  switch (name) {
    case 'host':
      return matchesPatternList(argument.toLowerCase(), subject.host.toLowerCase());
    case 'originalhost':
      return matchesPatternList(argument.toLowerCase(), subject.originalHost.toLowerCase());
    case 'user':
      return matchesPatternList(argument, subject.user);
    case 'localuser':
      return matchesPatternList(argument, subject.localUser);
    case 'localnetwork':
      return anyInNetworks(subject.addresses(), argument);
    case 'version':
      return matchesPatternList(argument, subject.version);
    case 'tagged':
      return matchesOptional(argument, subject.tag);
    case 'command':
      return matchesOptional(argument, subject.command);
    case 'sessiontype':
      return matchesPatternList(argument, subject.sessionType);
    case 'exec':
      return subject.exec(argument);
  }
}

/** What is not there is matched by the empty argument only. */
function matchesOptional(list: string, text: string): boolean {
  return text === '' ? list === '' : matchesPatternList(list, text);
}
