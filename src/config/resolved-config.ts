// What the configuration says about one host, typed. Nothing in here runs or opens anything: paths are paths, commands are texts
// and words, and what a value means for a connection is the connection's affair.

import { usualAgent } from '../agent/location.ts';
import type { AlgorithmOptions } from '../algorithms/policy.ts';
import { ConfigError } from '../errors.ts';
import { matchesPattern } from '../keys/pattern-list.ts';
import type { Family } from './address.ts';
import type { AlgorithmTables } from './algorithm-list.ts';
import { type ConfigCommand, commandProblem, expandCommand } from './command.ts';
import { caSignatureAlgorithms, connectionAlgorithms } from './connection-algorithms.ts';
import { dumpRows, identityFiles } from './dump.ts';
import { effective, type Finished } from './finish.ts';
import type { Forward } from './forward-spec.ts';
import { type Jump, parseHops } from './jump.ts';
import { LineError } from './line.ts';
import { permitsOpen } from './permit-open.ts';
import { hostnameProblem, userProblem } from './safe-names.ts';
import { expand, expandTilde, type Tokens } from './tokens.ts';
import { seconds } from './values.ts';

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
export class ResolvedConfig {
  readonly #finished: Finished;
  readonly #tables: AlgorithmTables;
  #rows: (readonly [keyword: string, value: string])[] | undefined;
  /** What was odd but no mistake: options without effect, commands that were not allowed to run. */
  readonly notices: readonly string[];

  /** Made by {@link SSHConfig.lookup}. */
  constructor(finished: Finished, tables: AlgorithmTables, notices: readonly string[]) {
    this.#finished = finished;
    this.#tables = tables;
    this.notices = notices;
  }

  /** As it was asked for. */
  get host(): string {
    return this.#finished.original;
  }

  /** Where to connect. */
  get hostname(): string {
    return this.#finished.hostname;
  }

  get port(): number {
    return this.#finished.port;
  }

  get user(): string {
    return this.#finished.user;
  }

  get addressFamily(): Family {
    return (this.#value('addressfamily') ?? 'any') as Family;
  }

  get bindAddress(): string | null {
    return this.#value('bindaddress') ?? null;
  }

  /** Milliseconds; null for the system's own limit. */
  get connectTimeout(): number | null {
    const seconds = this.#value('connecttimeout');
    return seconds === undefined ? null : Number(seconds) * 1000;
  }

  /** How often to try to reach the host. */
  get connectionAttempts(): number {
    return Number(this.#value('connectionattempts') ?? 1);
  }

  /** Milliseconds between keepalive messages; 0 for none. */
  get serverAliveInterval(): number {
    return Number(this.#value('serveraliveinterval') ?? 0) * 1000;
  }

  get serverAliveCountMax(): number {
    return Number(this.#value('serveralivecountmax') ?? 3);
  }

  get compression(): boolean {
    return this.#flag('compression');
  }

  /** Bytes and milliseconds after which keys are exchanged anew; 0 for what the algorithms want. */
  get rekeyLimit(): { readonly bytes: number; readonly milliseconds: number } {
    const milliseconds = Number(this.#value('rekeylimit-time') ?? 0) * 1000;
    return { bytes: Number(this.#value('rekeylimit') ?? 0), milliseconds };
  }

  /** Paths, tokens and `~` put in. Where {@link identityFilesAreDefaults}, those that are missing are no mistake. */
  get identityFiles(): readonly string[] {
    return this.#paths(identityFiles(this.#finished));
  }

  /** Whether no IdentityFile applies, so that the usual places are tried. */
  get identityFilesAreDefaults(): boolean {
    return this.#finished.settings.identityFiles.length === 0;
  }

  get certificateFiles(): readonly string[] {
    return this.#paths(this.#finished.settings.certificateFiles.map(({ path }) => path));
  }

  /** Whether keys of an agent are used only if a file names them too. */
  get identitiesOnly(): boolean {
    return this.#flag('identitiesonly');
  }

  /** The socket of the agent to ask, or on Windows its pipe; null for none. */
  get identityAgent(): string | null {
    const { env } = this.#finished.machine;
    const agent = this.#value('identityagent') ?? 'SSH_AUTH_SOCK';
    if (agent === 'none') return null;
    if (agent === 'SSH_AUTH_SOCK') return usualAgent({ env });
    return agent.startsWith('$') ? env[agent.slice(1)] || null : agent;
  }

  /** False, true, or the socket of the agent to forward. */
  get forwardAgent(): boolean | string {
    const path = this.#value('forwardagent-path');
    if (path === undefined) return this.#flag('forwardagent');
    return path.startsWith('$') ? this.#finished.machine.env[path.slice(1)] || false : path;
  }

  /** The hops in the order in which they are passed; empty for none. @throws ConfigError for a hostile name. */
  get proxyJump(): readonly Jump[] {
    const { jump } = this.#finished.settings;
    if (jump === null || jump === 'none') return [];
    const { machine, tokens } = this.#finished;
    return this.#asConfigError(() => {
      const before = jump.before === null ? [] : parseHops(jump.before, machine.service);
      return [...before, jump.last].map(({ user, host, port }) => {
        const hop = { user: user === null ? null : expand(user, { tokens }), host: expand(host, { tokens }), port };
        const problem = hostnameProblem(hop.host) ?? (hop.user === null ? null : userProblem(hop.user));
        if (problem !== null) throw new LineError(problem);
        return hop;
      });
    });
  }

  /** The program to speak through; null for a connection of our own. @throws ConfigError for a hostile name. */
  get proxyCommand(): ConfigCommand | null {
    return this.#command('proxycommand', pick(this.#finished.tokens, 'hknpr'));
  }

  /** What to run here once connected; null unless PermitLocalCommand. @throws ConfigError for a hostile name. */
  get localCommand(): ConfigCommand | null {
    return this.#flag('permitlocalcommand') ? this.#command('localcommand', { ...this.#finished.tokens, T: 'NONE' }) : null;
  }

  /** What runs there instead of a shell. */
  get remoteCommand(): string | null {
    return this.#value('remotecommand') ?? null;
  }

  /**
   * The command that prints known_hosts lines. Its own tokens are the caller's to give: `H` the name that is looked for, `I` why,
   * and for a key `t` type, `f` fingerprint, `K` base64. @throws ConfigError for a hostile name.
   */
  knownHostsCommand(tokens: Tokens = {}): ConfigCommand | null {
    return this.#command('knownhostscommand', { t: 'NONE', f: 'NONE', K: 'NONE', ...this.#finished.tokens, ...tokens });
  }

  /** The user's files, then the system's. */
  get knownHostsFiles(): readonly string[] {
    return [...this.userKnownHostsFiles, ...this.globalKnownHostsFiles];
  }

  get userKnownHostsFiles(): readonly string[] {
    return this.#finished.lists.get('userknownhostsfile') ?? [];
  }

  get globalKnownHostsFiles(): readonly string[] {
    const { lists, machine } = this.#finished;
    return (lists.get('globalknownhostsfile') ?? []).map((path) => this.#asConfigError(() => expandTilde(path, machine)));
  }

  get strictHostKeyChecking(): 'yes' | 'no' | 'ask' | 'accept-new' {
    const value = this.#value('stricthostkeychecking') ?? 'ask';
    return value === 'true' ? 'yes' : value === 'false' ? 'no' : (value as 'ask' | 'accept-new');
  }

  /** The name to look up in known_hosts instead of the host's. */
  get hostKeyAlias(): string | null {
    return this.#value('hostkeyalias') ?? null;
  }

  get hashKnownHosts(): boolean {
    return this.#flag('hashknownhosts');
  }

  get updateHostKeys(): 'yes' | 'no' | 'ask' {
    return { true: 'yes', false: 'no', ask: 'ask' }[this.#value('updatehostkeys') ?? 'true'] as 'yes' | 'no' | 'ask';
  }

  get revokedHostKeys(): string | null {
    return this.#value('revokedhostkeys') ?? null;
  }

  /** Methods in order of preference; null where the file does not say. */
  get preferredAuthentications(): readonly string[] | null {
    return this.#value('preferredauthentications')?.split(',') ?? null;
  }

  get pubkeyAuthentication(): boolean {
    return this.#value('pubkeyauthentication') !== 'false';
  }

  get passwordAuthentication(): boolean {
    return this.#flag('passwordauthentication', true);
  }

  get kbdInteractiveAuthentication(): boolean {
    return this.#flag('kbdinteractiveauthentication', true);
  }

  get numberOfPasswordPrompts(): number {
    return Number(this.#value('numberofpasswordprompts') ?? 3);
  }

  get gssapiDelegateCredentials(): boolean {
    return this.#flag('gssapidelegatecredentials');
  }

  get gssapiAuthentication(): boolean {
    return this.#flag('gssapiauthentication');
  }

  /** Whether nobody may be asked for anything. */
  get batchMode(): boolean {
    return this.#flag('batchmode');
  }

  get exitOnForwardFailure(): boolean {
    return this.#flag('exitonforwardfailure');
  }

  get localForwards(): readonly Forward[] {
    return this.#finished.localForwards.filter(({ connect }) => connect !== 'socks');
  }

  get dynamicForwards(): readonly Forward[] {
    return this.#finished.localForwards.filter(({ connect }) => connect === 'socks');
  }

  get remoteForwards(): readonly Forward[] {
    return this.#finished.remoteForwards;
  }

  /** After how long without anything moving which channels are closed, the first that fits first; 0 for never. */
  get channelTimeouts(): readonly { readonly type: string; readonly milliseconds: number }[] {
    return (this.#finished.lists.get('channeltimeout') ?? []).map((limit) => {
      const equals = limit.indexOf('=');
      return { type: limit.slice(0, equals), milliseconds: (seconds(limit.slice(equals + 1)) ?? 0) * 1000 };
    });
  }

  /** Whether PermitRemoteOpen lets the other side connect there, by a RemoteForward without a destination. */
  permitsRemoteOpen(host: string, port: number): boolean {
    const { lists, machine } = this.#finished;
    return permitsOpen(lists.get('permitremoteopen') ?? [], host, port, machine.service);
  }

  get gatewayPorts(): boolean {
    return this.#flag('gatewayports');
  }

  /** The variables to set there. */
  get setEnv(): ReadonlyMap<string, string> {
    const split = (text: string, at = text.indexOf('=')): [string, string] => [text.slice(0, at), text.slice(at + 1)];
    return new Map((this.#finished.lists.get('setenv') ?? []).map((each) => split(each)));
  }

  /** Patterns of the variables to pass on. */
  get sendEnv(): readonly string[] {
    return this.#finished.settings.sendEnv;
  }

  /** The variables to send: those of the environment that SendEnv names, and those of SetEnv, which win. */
  get environment(): ReadonlyMap<string, string> {
    const sent = new Map<string, string>();
    for (const [name, value] of Object.entries(this.#finished.machine.env)) {
      if (value !== undefined && this.sendEnv.some((pattern) => matchesPattern(pattern, name))) sent.set(name, value);
    }
    return new Map([...sent, ...this.setEnv]);
  }

  get requestTty(): 'yes' | 'no' | 'force' | 'auto' {
    const value = this.#value('requesttty') ?? 'auto';
    return value === 'true' ? 'yes' : value === 'false' ? 'no' : (value as 'force' | 'auto');
  }

  get sessionType(): 'none' | 'subsystem' | 'default' {
    return (this.#value('sessiontype') ?? 'default') as 'none' | 'subsystem' | 'default';
  }

  /** Such as `INFO` or `DEBUG2`. */
  get logLevel(): string {
    return this.#value('loglevel') ?? 'INFO';
  }

  /** Null for none. */
  get escapeChar(): string | null {
    const value = this.#value('escapechar') ?? '~';
    return value === 'none' ? null : value;
  }

  /**
   * The lists of algorithms that the configuration names, for the options of a connection. What only OpenSSH has is left out.
   * @throws ConfigError where nothing is left.
   */
  get algorithms(): AlgorithmOptions {
    return this.#asConfigError(() => connectionAlgorithms((keyword) => this.#value(keyword), this.compression));
  }

  /** How authorities may sign certificates of hosts; null where the file does not say. @throws ConfigError where nothing is left. */
  get caSignatureAlgorithms(): readonly string[] | null {
    return this.#asConfigError(() => caSignatureAlgorithms(this.#value('casignaturealgorithms')));
  }

  /** Bits below which an RSA key, the host's or the user's, counts for nothing. */
  get requiredRsaSize(): number {
    return Number(this.#value('requiredrsasize') ?? 0);
  }

  /** Whether HostKeyAlgorithms is an order of its own: not only names more, or less, than usual. */
  get hostKeyOrderIsChosen(): boolean {
    return /^[^+-]/.test(this.#value('hostkeyalgorithms') ?? '');
  }

  /** A keyword with one value as the files have it, without a default; null where they do not say. */
  setting(keyword: string): string | null {
    return this.#value(keyword.toLowerCase()) ?? null;
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
    this.#rows ??= this.#asConfigError(() => dumpRows(this.#finished, this.#tables));
    return this.#rows;
  }

  #value(key: string): string | undefined {
    return effective(this.#finished.settings, key);
  }

  #flag(key: string, fallback = false): boolean {
    return (this.#value(key) ?? (fallback ? 'yes' : 'no')) === 'yes';
  }

  #paths(paths: readonly string[]): readonly string[] {
    const { tokens, machine } = this.#finished;
    const wanted = paths.filter((path) => path.toLowerCase() !== 'none');
    return this.#asConfigError(() => wanted.map((path) => expand(expandTilde(path, machine), { tokens, env: machine.env })));
  }

  #command(key: string, tokens: Tokens): ConfigCommand | null {
    const command = this.#value(key);
    if (command === undefined) return null;
    const problem = commandProblem(command, tokens);
    if (problem !== null) throw this.#error(problem);
    return this.#asConfigError(() => expandCommand(command, tokens));
  }

  #asConfigError<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      throw error instanceof LineError ? this.#error(error.message, error) : error;
    }
  }

  #error(message: string, cause?: unknown): ConfigError {
    return new ConfigError([{ file: `the configuration of ${this.host}`, line: null, message }], { cause });
  }
}

function pick(tokens: Tokens, letters: string): Tokens {
  return Object.fromEntries(Object.entries(tokens).filter(([letter]) => letters.includes(letter)));
}
