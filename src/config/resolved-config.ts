// What the configuration says about one host, typed. Nothing in here runs or opens anything: paths are paths, commands are texts
// and words, and what a value means for a connection is the connection's affair. Here is what a session is to do; what the connection
// needs is in connection-config.ts.

import { matchesPattern } from '../keys/pattern-list.ts';
import type { AlgorithmTables } from './algorithm-list.ts';
import type { ConfigCommand } from './command.ts';
import { ConnectionConfig } from './connection-config.ts';
import { dumpRows } from './dump.ts';
import type { Finished } from './finish.ts';
import type { Forward } from './forward-spec.ts';
import { permitsOpen } from './permit-open.ts';

/** As OpenSSH has it. */
const KEYSTROKE_INTERVAL = 20;

/**
 * The options that apply to one host. {@link SSHConfig.lookup} makes it.
 *
 * @example
 * ```ts
 * import { SSHConfig } from 'amiko/config';
 * const config = SSHConfig.parse('Host web\n  Hostname web.example.com\n  Port 2222');
 * const { hostname, port } = await config.lookup('web');
 * console.log(hostname, port); // web.example.com 2222
 * ```
 */
export class ResolvedConfig extends ConnectionConfig {
  readonly #tables: AlgorithmTables;
  #rows: (readonly [keyword: string, value: string])[] | undefined;
  /** What was odd but no mistake: options without effect, commands that were not allowed to run. */
  readonly notices: readonly string[];

  /** Made by {@link SSHConfig.lookup}. */
  constructor(finished: Finished, tables: AlgorithmTables, notices: readonly string[]) {
    super(finished);
    this.#tables = tables;
    this.notices = notices;
  }

  /** False, true, or the socket of the agent to forward. */
  get forwardAgent(): boolean | string {
    const path = this.value('forwardagent-path');
    if (path === undefined) return this.flag('forwardagent');
    return path.startsWith('$') ? this.finished.machine.env[path.slice(1)] || false : path;
  }

  /** What to run here once connected; null unless PermitLocalCommand. @throws ConfigError for a hostile name. */
  get localCommand(): ConfigCommand | null {
    return this.flag('permitlocalcommand') ? this.command('localcommand', { ...this.finished.tokens, T: 'NONE' }) : null;
  }

  /** What runs there instead of a shell. */
  get remoteCommand(): string | null {
    return this.value('remotecommand') ?? null;
  }

  get exitOnForwardFailure(): boolean {
    return this.flag('exitonforwardfailure');
  }

  get localForwards(): readonly Forward[] {
    return this.finished.localForwards.filter(({ connect }) => connect !== 'socks');
  }

  get dynamicForwards(): readonly Forward[] {
    return this.finished.localForwards.filter(({ connect }) => connect === 'socks');
  }

  get remoteForwards(): readonly Forward[] {
    return this.finished.remoteForwards;
  }

  /** Whether PermitRemoteOpen lets the other side connect there, by a RemoteForward without a destination. */
  permitsRemoteOpen(host: string, port: number): boolean {
    const { lists, machine } = this.finished;
    return permitsOpen(lists.get('permitremoteopen') ?? [], host, port, machine.service);
  }

  get gatewayPorts(): boolean {
    return this.flag('gatewayports');
  }

  /** The variables to set there. */
  get setEnv(): ReadonlyMap<string, string> {
    const split = (text: string, at = text.indexOf('=')): [string, string] => [text.slice(0, at), text.slice(at + 1)];
    return new Map((this.finished.lists.get('setenv') ?? []).map((each) => split(each)));
  }

  /** Patterns of the variables to pass on. */
  get sendEnv(): readonly string[] {
    return this.finished.settings.sendEnv;
  }

  /** The variables to send: those of the environment that SendEnv names, and those of SetEnv, which win. */
  get environment(): ReadonlyMap<string, string> {
    const sent = new Map<string, string>();
    for (const [name, value] of Object.entries(this.finished.machine.env)) {
      if (value !== undefined && this.sendEnv.some((pattern) => matchesPattern(pattern, name))) sent.set(name, value);
    }
    return new Map([...sent, ...this.setEnv]);
  }

  get requestTty(): 'yes' | 'no' | 'force' | 'auto' {
    const value = this.value('requesttty') ?? 'auto';
    return value === 'true' ? 'yes' : value === 'false' ? 'no' : (value as 'force' | 'auto');
  }

  get sessionType(): 'none' | 'subsystem' | 'default' {
    return (this.value('sessiontype') ?? 'default') as 'none' | 'subsystem' | 'default';
  }

  /** Milliseconds between two packets while somebody types; null where they go as the keys do. */
  get keystrokeInterval(): number | null {
    const value = this.value('obscurekeystroketiming') ?? 'yes';
    return value === 'no' ? null : value === 'yes' ? KEYSTROKE_INTERVAL : Number(value);
  }

  /** Null for none. */
  get escapeChar(): string | null {
    const value = this.value('escapechar') ?? '~';
    return value === 'none' ? null : value;
  }

  /** A keyword with one value as the files have it, without a default; null where they do not say. */
  setting(keyword: string): string | null {
    return this.value(keyword.toLowerCase()) ?? null;
  }

  /**
   * A keyword's value as `ssh -G` prints it, upper and lower case being the same: an array where it prints more than one line,
   * undefined where it prints none.
   */
  get(keyword: string): string | readonly string[] | undefined {
    const values = this.#all().flatMap(([name, value]) => (name.toLowerCase() === keyword.toLowerCase() ? [value] : []));
    return values.length > 1 ? values : values[0];
  }

  /** The lines that `ssh -G` prints. */
  dump(): string[] {
    return this.#all().map(([keyword, value]) => `${keyword} ${value}`);
  }

  #all(): readonly (readonly [keyword: string, value: string])[] {
    this.#rows ??= this.asConfigError(() => dumpRows(this.finished, this.#tables));
    return this.#rows;
  }
}
