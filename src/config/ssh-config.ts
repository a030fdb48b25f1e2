// SSHConfig: files or a text, and the lookup of a host in them. A lookup is what ssh's main() does before it connects: one pass, the
// host's final name, a second pass where that or a `Match final` asks for it, then defaults and tokens.

import { join } from 'node:path';
import { ConfigError, printable, UsageError } from '../errors.ts';
import { canonicalAddress } from './address.ts';
import { type AlgorithmTables, ownTables } from './algorithm-list.ts';
import { canonicalize, type Resolver, systemResolver } from './canonical.ts';
import { finish } from './finish.ts';
import { LineError } from './line.ts';
import { type Machine, thisMachine } from './machine.ts';
import { ResolvedConfig } from './resolved-config.ts';
import { hostnameProblem, userProblem } from './safe-names.ts';
import { Settings } from './settings.ts';
import { Files, type Source } from './source.ts';
import { expand } from './tokens.ts';
import { Walk, type WalkOptions } from './walk.ts';

/** What a lookup is told beside the files: mostly what stands on a command line. */
export interface LookupOptions {
  /** The user of the command line; wins over the files, and is taken as it is: there are no tokens in it. */
  readonly user?: string;
  /** The port of the command line; wins over the files. */
  readonly port?: number;
  /** What is to run there: for `Match command` and `Match sessiontype`. */
  readonly command?: string;
  /** Whether {@link command} names a subsystem. */
  readonly subsystem?: boolean;
  /** The local user's name, instead of the one who runs this. */
  readonly localUser?: string;
  /** Lines such as `ForwardAgent yes` that win over the files, like `ssh -o`. */
  readonly overrides?: readonly string[];
  /**
   * Runs a command of `Match exec`, tokens put in, and says whether it ended with 0. It is written for a shell, by whoever wrote
   * the file. Without this function no command runs, and blocks that depend on one do not apply.
   */
  readonly exec?: (command: string) => Promise<boolean>;
  /** Looks names up where the configuration asks for canonical ones. Default: the system's resolver. */
  readonly resolve?: Resolver;
  /** What to see of the machine instead of what is there; for tests, and for somebody else's configuration. */
  readonly machine?: Partial<Machine>;
  /** What `Match version` sees. Default `amiko`. */
  readonly version?: string;
  /** What {@link ResolvedConfig.dump} makes lists of algorithms from. Default: what amiko has. */
  readonly tables?: AlgorithmTables;
}

const CANONICAL_DEFAULTS = { canonicalizemaxdots: '1', canonicalizefallbacklocal: 'yes', canonicalizehostname: 'false' };

/**
 * A configuration as ssh_config(5) describes it.
 *
 * @example
 * ```ts
 * import { SSHConfig } from 'amiko/config';
 * const config = await SSHConfig.load();
 * const host = await config.lookup('example.com', { user: 'deploy' });
 * console.log(host.dump().join('\n'));
 * ```
 */
export class SSHConfig {
  readonly #sources: (home: string) => readonly Source[];
  readonly #files = new Files(process.getuid?.() ?? -1);

  private constructor(sources: (home: string) => readonly Source[]) {
    this.#sources = sources;
  }

  /**
   * Without an argument: `~/.ssh/config`, then `/etc/ssh/ssh_config`, where they exist. With one: these files and no others, as
   * `ssh -F` does; an empty array is `-F none`. Files are read once; what they include is read when a lookup comes upon it.
   * `home` is where the user's own file is looked for; name the same one in the lookups.
   * @throws ConfigError if a file that was named is not there, or others can write to the user's own.
   */
  static async load(
    files?: string | readonly string[],
    { home = thisMachine().home }: { readonly home?: string } = {},
  ): Promise<SSHConfig> {
    const named = typeof files === 'string' ? [files] : files;
    const user = { fromUser: true, baseDir: '~/.ssh' };
    const config = new SSHConfig((home) =>
      named === undefined
        ? [
            { ...user, path: join(home, '.ssh', 'config'), checkOwner: true, required: false },
            { path: '/etc/ssh/ssh_config', fromUser: false, baseDir: '/etc/ssh', checkOwner: false, required: false },
          ]
        : named.map((path) => ({ ...user, path, checkOwner: false, required: true })),
    );
    for (const source of config.#sources(home)) await config.#check(source);
    return config;
  }

  /** A text, as the user's file. `baseDir` is what relative `Include`s are relative to, `~/.ssh` by default; `name` is for errors. */
  static parse(text: string, options: { readonly baseDir?: string; readonly name?: string } = {}): SSHConfig {
    const { baseDir = '~/.ssh', name = 'the configuration' } = options;
    return new SSHConfig(() => [{ path: name, text, fromUser: true, baseDir, checkOwner: false, required: false }]);
  }

  async #check(source: Source): Promise<void> {
    let message = 'there is no such file';
    try {
      if ((await this.#files.lines(source)) !== null || !source.required) return;
    } catch (error) {
      message = error instanceof Error ? error.message : String(error);
    }
    throw new ConfigError([{ file: printable(source.path), line: null, message }]);
  }

  /**
   * What holds for a host.
   * @throws ConfigError for mistakes of the files, with file and line.
   * @throws UsageError for a host or user name that could be taken for an option or for shell syntax.
   */
  async lookup(host: string, options: LookupOptions = {}): Promise<ResolvedConfig> {
    const { user, port, command = '', resolve = systemResolver, tables = ownTables(), version = 'amiko' } = options;
    const problem = hostnameProblem(host) ?? (user === undefined ? null : userProblem(user));
    if (problem !== null) throw new UsageError(problem);
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) throw new UsageError(`bad port ${port}`);
    const local = options.localUser === undefined ? {} : { user: options.localUser };
    const machine = thisMachine({ ...local, ...options.machine });
    const settings = new Settings();
    if (user !== undefined) settings.nameUser(user);
    if (port !== undefined) settings.setFirst('port', String(port));
    const notices = new Set<string>();
    const walkOptions: WalkOptions = {
      original: host,
      command,
      subsystem: options.subsystem ?? false,
      version,
      machine,
      tables,
      exec: options.exec,
      notice: (text) => notices.add(text),
    };
    const text = (options.overrides ?? []).join('\n');
    const overrides: Source = { path: 'option', text, fromUser: true, baseDir: '~/.ssh', checkOwner: false, required: false };
    const pass = async (seen: string, final: boolean): Promise<boolean> => {
      const walk = new Walk(settings, this.#files, walkOptions, { host: seen, final });
      // An override is there already in the second pass, and must not add to lists again.
      for (const source of [...(final ? [] : [overrides]), ...this.#sources(machine.home)]) await walk.read(source);
      return walk.wantsFinal;
    };
    const wantsFinal = await pass(host, false);
    try {
      const hostname = await this.#finalName(host, settings, resolve);
      if (wantsFinal || (settings.get('canonicalizehostname') ?? 'false') !== 'false') {
        settings.replace('hostname', hostname);
        // These are settled by now; the second pass comes too late for them.
        for (const [key, value] of Object.entries(CANONICAL_DEFAULTS)) settings.setFirst(key, value);
        await pass(hostname, true);
      }
      return new ResolvedConfig(finish(settings, { original: host, hostname, command, machine }), tables, [...notices]);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      throw new ConfigError([{ file: `the configuration of ${printable(host)}`, line: null, message: error.message }]);
    }
  }

  async #finalName(host: string, settings: Settings, resolve: Resolver): Promise<string> {
    const set = settings.get('hostname');
    const name = set === undefined ? host : expand(set, { tokens: { h: host } });
    if (set !== undefined) settings.replace('hostname', name);
    return await canonicalize(canonicalAddress(name) === null ? name.toLowerCase() : name, settings, resolve);
  }
}
