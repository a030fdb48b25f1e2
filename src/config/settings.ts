// What the lines that apply have said so far. The first value of a keyword wins, except where ssh_config(5) lets them add up. Values
// are kept in the form that `ssh -G` prints; defaults come later (finish.ts), since a second pass may still fill gaps.

import type { Forward } from './forward-spec.ts';
import type { JumpList } from './jump.ts';
import { LineError } from './line.ts';

/** A rule of CanonicalizePermittedCNAMEs: which names may become which. */
export interface CnameRule {
  readonly from: string;
  readonly to: string;
}

/** A file of keys, and whether the user's own configuration named it. */
export interface KeyFile {
  readonly path: string;
  readonly fromUser: boolean;
}

/** Most identity files, and most certificate files (SSH_MAX_IDENTITY_FILES). */
const KEY_FILE_LIMIT = 100;
/** Most entries of a list that adds up, such as SendEnv or forwardings; a bound of ours. */
const ENTRY_LIMIT = 4096;

export class Settings {
  readonly #values = new Map<string, string>();
  readonly #lists = new Map<string, readonly string[]>();
  readonly identityFiles: KeyFile[] = [];
  readonly certificateFiles: KeyFile[] = [];
  /** Local and dynamic ones together: a duplicate among them is dropped. */
  readonly localForwards: Forward[] = [];
  readonly remoteForwards: Forward[] = [];
  sendEnv: string[] = [];
  /** Whether the user was named by the caller, and so has no tokens. */
  userIsLiteral = false;
  jump: JumpList | 'none' | null = null;
  cnameRules: readonly CnameRule[] = [];

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** Sets what has no value yet. */
  setFirst(key: string, value: string): void {
    if (!this.#values.has(key)) this.#values.set(key, value);
  }

  /** Sets the user that the caller has named. */
  nameUser(user: string): void {
    this.setFirst('user', user);
    this.userIsLiteral = true;
  }

  /** Sets in any case. */
  replace(key: string, value: string): void {
    this.#values.set(key, value);
  }

  list(key: string): readonly string[] {
    return this.#lists.get(key) ?? [];
  }

  setFirstList(key: string, values: readonly string[]): void {
    if (!this.#lists.has(key)) this.#lists.set(key, values);
  }

  /** @throws LineError when there are too many. */
  addKeyFile(to: 'identityFiles' | 'certificateFiles', file: KeyFile): void {
    const files = this[to];
    if (files.length >= KEY_FILE_LIMIT) throw new LineError(`more than ${KEY_FILE_LIMIT} files of this kind`);
    if (!files.some(({ path, fromUser }) => path === file.path && fromUser === file.fromUser)) files.push(file);
  }

  /** @throws LineError when there are too many. */
  addForward(to: 'localForwards' | 'remoteForwards', forward: Forward): void {
    const text = JSON.stringify(forward);
    if (this[to].length >= ENTRY_LIMIT) throw new LineError(`more than ${ENTRY_LIMIT} forwardings`);
    if (!this[to].some((each) => JSON.stringify(each) === text)) this[to].push(forward);
  }

  /** @throws LineError when there are too many. */
  addSendEnv(pattern: string): void {
    if (this.sendEnv.length >= ENTRY_LIMIT) throw new LineError(`more than ${ENTRY_LIMIT} patterns`);
    this.sendEnv.push(pattern);
  }
}
