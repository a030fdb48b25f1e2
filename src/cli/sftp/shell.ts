// What the commands of `amiko sftp` share: the connection's client, where we are on both sides, what was asked for on the command
// line, and how one line is run. A line that fails says why on stderr, always; whether that ends anything is the caller's affair.

import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { CallOptions } from '../../io/waiting.ts';
import type { SFTPClient } from '../../sftp/client/sftp-client.ts';
import { glob, hasMagic } from '../transfer/glob.ts';
import { messageOf } from '../transfer/messages.ts';
import type { Progress } from '../transfer/progress.ts';
import { shown } from '../transfer/shown.ts';
import { localTree, remoteTree } from '../transfer/trees.ts';
import { type Command, parseLine } from './command-line.ts';
import { literal } from './words.ts';

/** A command could not do what it was asked for; the message is for people. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** What went wrong has been said already. */
export class ReportedError extends Error {
  override readonly name = 'ReportedError';
}

export interface ShellSettings {
  /** Without what a command does ("Fetching ..."): with -q and -b. */
  readonly quiet: boolean;
  /** -p, -r, -a, -f of the command line: for all transfers. */
  readonly preserve: boolean;
  readonly recursive: boolean;
  readonly resume: boolean;
  readonly fsync: boolean;
}

/** Where text goes. */
export interface ShellOutput {
  /** Data: what a command was asked for. */
  print(text: string): void;
  /** What went wrong. */
  complain(text: string): void;
  /** Columns of the terminal, 80 where there is none. */
  readonly columns: number;
}

export class Shell {
  readonly client: SFTPClient;
  readonly settings: ShellSettings;
  readonly output: ShellOutput;
  readonly table: readonly Command[];
  progress: Progress;
  /** For `progress`, which turns the display on and off. */
  readonly progressDisplays: { readonly on: Progress; readonly off: Progress };
  /** Absolute, as the server calls it. */
  remoteFolder: string;
  readonly firstRemoteFolder: string;
  localFolder = process.cwd();
  /** `bye` has been said. */
  ended = false;
  #running: AbortController | null = null;
  #stops = false;

  constructor(
    client: SFTPClient,
    remoteFolder: string,
    table: readonly Command[],
    settings: ShellSettings,
    output: ShellOutput,
    progressDisplays: Shell['progressDisplays'],
  ) {
    this.client = client;
    this.remoteFolder = remoteFolder;
    this.firstRemoteFolder = remoteFolder;
    this.table = table;
    this.settings = settings;
    this.output = output;
    this.progressDisplays = progressDisplays;
    this.progress = progressDisplays.on;
  }

  /**
   * Runs one line without its prefixes; true unless it failed. With `stops`, nothing more is changed behind a failure within it.
   * @throws the connection's error
   */
  run(text: string, stops = false): Promise<boolean> {
    this.#stops = stops;
    return this.attempt(async () => {
      const line = parseLine(text, this.table);
      await line?.command.run(this, line.call);
    });
  }

  /** Does something that `interrupt` can end, and tells what fails; true unless it failed. @throws the connection's error */
  async attempt(action: () => Promise<void>): Promise<boolean> {
    const running = new AbortController();
    this.#running = running;
    try {
      await action();
      return true;
    } catch (error) {
      this.#report(error);
      return false;
    } finally {
      this.progress.finish();
      this.#running = null;
    }
  }

  /** Ends the command that runs, if one does. */
  interrupt(): boolean {
    if (this.#running === null) return false;
    this.#running.abort(new CommandError('interrupted'));
    return true;
  }

  /** For every call of the client's. */
  get call(): CallOptions & { readonly signal: AbortSignal } {
    return { signal: this.#running?.signal ?? AbortSignal.abort(new CommandError('interrupted')) };
  }

  /** Says what a command does, to people only. */
  tell(text: string): void {
    if (this.settings.quiet) return;
    this.progress.clear();
    this.output.print(`${text}\n`);
  }

  /** Says what failed and goes on. @throws the connection's error, or the interruption */
  forgive(error: unknown): void {
    if (error instanceof CommandError && this.#running?.signal.aborted) throw error;
    this.#report(error);
  }

  /** Does the same for each; what fails is told, and is an error in the end. @throws ReportedError, the connection's error */
  async each(paths: readonly string[], action: (path: string) => Promise<unknown>): Promise<void> {
    let failed = false;
    for (const path of paths) {
      try {
        await action(path);
      } catch (error) {
        this.forgive(error);
        failed = true;
      }
    }
    if (failed) throw new ReportedError('some failed');
  }

  /** As {@link each}, for what changes the server's files: where the line's failure ends everything, the first one does, as in sftp(1). */
  async changeEach(paths: readonly string[], change: (path: string) => Promise<unknown>): Promise<void> {
    if (!this.#stops) await this.each(paths, change);
    else for (const path of paths) await change(path);
  }

  /** The absolute path of what is called so on the server. */
  remote(name: string): string {
    if (name.startsWith('/')) return name;
    return `${this.remoteFolder.endsWith('/') ? this.remoteFolder : `${this.remoteFolder}/`}${name}`;
  }

  /** The absolute path of what is called so here. */
  local(name: string): string {
    if (name === '~' || name.startsWith('~/')) return resolve(homedir(), name.slice(2));
    return resolve(this.localFolder, name);
  }

  /** The remote paths that a pattern means. @throws CommandError where there are none */
  async remotePaths(patterns: readonly string[]): Promise<string[]> {
    const tree = remoteTree(this.client, this.call);
    const found: string[] = [];
    for (const pattern of patterns) {
      // A plain name is taken as it is: whatever is done with it says best what is wrong with it.
      const paths = hasMagic(pattern) ? await glob(this.remotePattern(pattern), tree) : [this.remote(literal(pattern))];
      if (paths.length === 0) throw new CommandError(`nothing there fits '${shown(literal(pattern))}'`);
      found.push(...paths);
    }
    return found;
  }

  /** The local paths that a pattern means, absolute. @throws CommandError where there are none */
  async localPaths(patterns: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const pattern of patterns) {
      const name = literal(pattern);
      const paths = hasMagic(pattern)
        ? await glob(
            pattern,
            localTree((path) => this.local(path)),
          )
        : [name];
      if (paths.length === 0) throw new CommandError(`nothing here fits '${shown(name)}'`);
      found.push(...paths.map((path) => this.local(path)));
    }
    return found;
  }

  /** A pattern below the folder where we are. */
  remotePattern(pattern: string): string {
    if (pattern.startsWith('/')) return pattern;
    return this.remote('').replace(/[*?[\]{},\\]/g, '\\$&') + pattern;
  }

  #report(error: unknown): void {
    // Without a connection nothing else can succeed either.
    if (this.client.session.isClosed && !(error instanceof CommandError)) throw error;
    if (error instanceof ReportedError) return;
    this.progress.clear();
    this.output.complain(error instanceof CommandError ? shown(error.message) : messageOf(error));
  }
}
