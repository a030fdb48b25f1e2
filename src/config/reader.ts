// One line with what reading it needs: its words one after the other, whether its block applies, and the settings that it changes.
// A line of a block that does not apply is read in full all the same, so that a mistake in it is found at once.

import type { AlgorithmTables } from './algorithm-list.ts';
import { LineError } from './line.ts';
import type { Machine } from './machine.ts';
import type { Settings } from './settings.ts';

export interface ReaderContext {
  readonly settings: Settings;
  /** Whether the block that the line is in applies. */
  readonly active: boolean;
  /** Whether the file is the user's and not the system's. */
  readonly fromUser: boolean;
  readonly machine: Machine;
  readonly tables: AlgorithmTables;
  /** Says what is odd but no mistake. */
  readonly notice: (text: string) => void;
}

export class LineReader {
  /** In lower case; an alias has become the name that it stands for. */
  readonly key: string;
  readonly rest: string;
  readonly context: ReaderContext;
  #words: readonly string[];

  constructor(key: string, rest: string, words: readonly string[], context: ReaderContext) {
    this.key = key;
    this.rest = rest;
    this.#words = words;
    this.context = context;
  }

  get active(): boolean {
    return this.context.active;
  }

  get settings(): Settings {
    return this.context.settings;
  }

  /** How many words are left. */
  get left(): number {
    return this.#words.length;
  }

  /** The next word, taken. */
  next(): string | undefined {
    const [word, ...others] = this.#words;
    this.#words = others;
    return word;
  }

  /** The next word. @throws LineError where there is none, or an empty one. */
  need(): string {
    const word = this.next();
    if (word === undefined || word === '') throw new LineError('the argument is missing');
    return word;
  }

  /** All words that are left, taken. */
  takeAll(): readonly string[] {
    const words = this.#words;
    this.#words = [];
    return words;
  }

  /** Sets the keyword, or another key, if the block applies and nothing has set it before. */
  set(value: string, key = this.key): void {
    if (this.active) this.settings.setFirst(key, value);
  }

  setList(values: readonly string[], key = this.key): void {
    if (this.active) this.settings.setFirstList(key, values);
  }

  /** @throws LineError if words are left over. */
  end(): void {
    if (this.left > 0) throw new LineError(`too many arguments: '${this.#words.join(' ').slice(0, 100)}'`);
  }
}
