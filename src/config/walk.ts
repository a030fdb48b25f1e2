// One pass over the files: Host, Match and Include decide which lines apply, everything else changes the settings (readconf.c's
// order: the first value wins). All mistakes of a file are gathered before it is refused, those of dead blocks as well.

import { ConfigError, type ConfigProblem, printable } from '../errors.ts';
import { matchesPattern, matchesPatternList } from '../keys/pattern-list.ts';
import type { AlgorithmTables } from './algorithm-list.ts';
import { commandProblem } from './command.ts';
import { expandGlob } from './glob.ts';
import { findKeyword, nearestKeyword } from './keywords.ts';
import { type ConfigLine, LineError, parseLine } from './line.ts';
import type { Machine } from './machine.ts';
import { evaluateMatch } from './match-line.ts';
import { LineReader } from './reader.ts';
import type { Settings } from './settings.ts';
import { FileProblem, type Files, type Source } from './source.ts';
import { connectionTokens, expand, expandTilde, type Tokens } from './tokens.ts';

export interface WalkOptions {
  /** The host as it was asked for. */
  readonly original: string;
  readonly command: string;
  readonly subsystem: boolean;
  readonly version: string;
  readonly machine: Machine;
  readonly tables: AlgorithmTables;
  readonly exec: ((command: string) => Promise<boolean>) | undefined;
  readonly notice: (text: string) => void;
}

/** How deep Include may go (READCONF_MAX_DEPTH), and how many files one lookup may open. */
const DEPTH_LIMIT = 16;
const FILES_LIMIT = 4096;
/** How many mistakes are told. */
const PROBLEM_LIMIT = 100;

interface Place {
  readonly source: Source;
  readonly depth: number;
  /** Included from a block that does not apply: nothing in it ever will. */
  readonly dead: boolean;
}

export class Walk {
  readonly #settings: Settings;
  readonly #files: Files;
  readonly #options: WalkOptions;
  readonly #host: string;
  readonly #final: boolean;
  #opened = 0;
  /** Whether a `Match final` asks for another pass. */
  wantsFinal = false;

  /** `host` is what `Host` patterns see: the name as given, in the second pass the final one. */
  constructor(settings: Settings, files: Files, options: WalkOptions, pass: { readonly host: string; readonly final: boolean }) {
    this.#settings = settings;
    this.#files = files;
    this.#options = options;
    this.#host = pass.host;
    this.#final = pass.final;
  }

  /** @throws ConfigError */
  async read(source: Source): Promise<void> {
    await this.#file({ source, depth: 0, dead: false }, true);
  }

  async #file(place: Place, active: boolean): Promise<void> {
    const { path, required } = place.source;
    let lines: readonly string[] | null;
    try {
      if (place.depth > DEPTH_LIMIT) throw new FileProblem(`more than ${DEPTH_LIMIT} files include each other`);
      if (++this.#opened > FILES_LIMIT) throw new FileProblem(`more than ${FILES_LIMIT} files are included`);
      lines = await this.#files.lines(place.source);
      if (lines === null && required) throw new FileProblem('there is no such file');
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      throw new ConfigError([{ file: this.#shown(path), line: null, message: error.message }], { cause: error });
    }
    const problems: ConfigProblem[] = [];
    for (const [index, text] of (lines ?? []).entries()) {
      try {
        const line = parseLine(text);
        if (line !== null) active = await this.#line(line, place, active, index + 1);
      } catch (error) {
        if (!(error instanceof LineError)) throw error;
        problems.push({ file: this.#shown(path), line: index + 1, message: error.message });
        if (problems.length >= PROBLEM_LIMIT) break;
      }
    }
    if (problems.length > 0) throw new ConfigError(problems);
  }

  /** Whether the lines that follow apply. */
  async #line(line: ConfigLine, place: Place, active: boolean, number: number): Promise<boolean> {
    const notice = (text: string): void => this.#options.notice(`${this.#shown(place.source.path)} line ${number}: ${text}`);
    switch (line.keyword) {
      case 'host':
        return this.#matchesHost(line.words) && !place.dead;
      case 'match':
        return await this.#matches(line.words, place, notice);
      case 'include':
        await this.#include(line.words, place, active, notice);
        return active;
    }
    const found = findKeyword(line.keyword);
    if (found === undefined) {
      const ignored = this.#settings.get('ignoreunknown');
      if (ignored === undefined || line.keyword.length > 256 || !matchesPatternList(ignored.toLowerCase(), line.keyword)) {
        const close = nearestKeyword(line.keyword);
        const said = printable(line.keyword.slice(0, 64));
        throw new LineError(`there is no option '${said}'${close === null ? '' : `; did you mean '${close}'?`}`);
      }
      return active;
    }
    const reader = new LineReader(found.key, line.rest, line.words, {
      settings: this.#settings,
      active,
      fromUser: place.source.fromUser,
      machine: this.#options.machine,
      tables: this.#options.tables,
      notice,
    });
    found.kind(reader);
    reader.end();
    return active;
  }

  #matchesHost(patterns: readonly string[]): boolean {
    if (patterns.includes('')) throw new LineError('a pattern of Host is empty');
    let matched = false;
    for (const pattern of patterns) {
      const negated = pattern.startsWith('!');
      if (!matchesPattern(negated ? pattern.slice(1) : pattern, this.#host)) continue;
      if (negated) return false;
      matched = true;
    }
    return matched;
  }

  async #matches(words: readonly string[], place: Place, notice: (text: string) => void): Promise<boolean> {
    const { machine, original, command, subsystem, version, exec } = this.#options;
    const session = this.#settings.get('sessiontype');
    const kind = session === 'none' ? 'none' : command === '' ? 'shell' : 'exec';
    const subject = {
      host: this.#currentHost(),
      originalHost: original,
      user: this.#settings.get('user') ?? machine.user,
      localUser: machine.user,
      command,
      tag: this.#settings.get('tag') ?? '',
      sessionType: subsystem || session === 'subsystem' ? ('subsystem' as const) : (kind as 'none' | 'shell' | 'exec'),
      version,
      addresses: machine.addresses,
      final: this.#final,
      exec: async (text: string): Promise<boolean | null> => {
        const tokens = this.#tokens();
        const problem = commandProblem(text, tokens);
        if (problem !== null) throw new LineError(problem);
        const expanded = expand(text, { tokens });
        if (exec !== undefined) return await exec(expanded);
        notice('Match exec was not run, since the caller does not allow it; the block does not apply');
        return null;
      },
    };
    const result = await evaluateMatch(words, subject, place.dead);
    this.wantsFinal ||= result.wantsFinal;
    return result.matches && !place.dead;
  }

  #currentHost(): string {
    const hostname = this.#settings.get('hostname');
    if (hostname === undefined || this.#final) return hostname ?? this.#host;
    return expand(hostname, { tokens: { h: this.#host } });
  }

  #tokens(): Tokens {
    const { machine, original } = this.#options;
    const { jump } = this.#settings;
    const hostname = this.#currentHost();
    return connectionTokens(
      {
        original,
        hostname,
        port: Number(this.#settings.get('port') ?? 22),
        user: this.#settings.get('user') ?? machine.user,
        hostKeyAlias: this.#settings.get('hostkeyalias') ?? hostname,
        jumpHost: jump === null || jump === 'none' ? '' : jump.last.host,
      },
      machine,
    );
  }

  async #include(words: readonly string[], place: Place, active: boolean, notice: (text: string) => void): Promise<void> {
    const { source, depth } = place;
    const inherited = { fromUser: source.fromUser, baseDir: source.baseDir };
    if (words.includes('')) throw new LineError('an argument of Include is empty');
    for (const word of words) {
      const path = this.#includePath(word, source, notice);
      if (path === null) continue;
      let found: readonly string[];
      try {
        found = await expandGlob(path);
      } catch (error) {
        if (error instanceof RangeError) throw new LineError(error.message);
        throw error;
      }
      for (const file of found) {
        const included: Source = { ...inherited, path: file, checkOwner: true, required: false };
        await this.#file({ source: included, depth: depth + 1, dead: place.dead || !active }, active);
      }
    }
  }

  #includePath(word: string, { fromUser, baseDir }: Source, notice: (text: string) => void): string | null {
    const { machine } = this.#options;
    const tokens = this.#tokens();
    for (const letter of ['h', 'k', 'n', 'r', 'j']) {
      // A name from outside must not choose the directory.
      if (word.includes(`%${letter}`) && tokens[letter]?.includes('/')) {
        throw new LineError(`'${printable(tokens[letter] ?? '')}' has a slash and cannot be part of a path`);
      }
    }
    // What cannot be expanded is a file that is not there: ssh says so and goes on without it.
    const orNotice = (make: () => string): string | null => {
      try {
        return make();
      } catch (error) {
        if (!(error instanceof LineError)) throw error;
        notice(`Include ${printable(word.slice(0, 100))}: ${error.message}`);
        return null;
      }
    };
    const path = orNotice(() => expand(word, { tokens, env: machine.env }));
    if (path === null) return null;
    if (path.startsWith('~') && !fromUser) throw new LineError(`the system's configuration cannot include '${printable(path)}'`);
    const anchored = path.startsWith('/') || path.startsWith('~') ? path : `${baseDir}/${path}`;
    return orNotice(() => expandTilde(anchored, machine));
  }

  /** A path as people write it. */
  #shown(path: string): string {
    const { home } = this.#options.machine;
    return printable(path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path);
  }
}
