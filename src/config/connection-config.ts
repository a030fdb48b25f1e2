// What the configuration says about the connection to a host: where it is and what lies in between, whom to trust, who logs in and
// how, and what is offered. Not what it is for: that is in resolved-config.ts.

import { usualAgent } from '../agent/location.ts';
import type { AlgorithmOptions } from '../algorithms/policy.ts';
import type { Family } from './address.ts';
import type { ConfigCommand } from './command.ts';
import { caSignatureAlgorithms, connectionAlgorithms } from './connection-algorithms.ts';
import { identityFiles } from './dump.ts';
import { type Jump, parseHops } from './jump.ts';
import { LineError } from './line.ts';
import { hostnameProblem, userProblem } from './safe-names.ts';
import { SettledValues } from './settled-values.ts';
import { expand, expandTilde, type Tokens } from './tokens.ts';
import { seconds } from './values.ts';

/** The half of a ResolvedConfig that every connection needs, whatever it is for. */
export class ConnectionConfig extends SettledValues {
  /** Where to connect. */
  get hostname(): string {
    return this.finished.hostname;
  }

  get port(): number {
    return this.finished.port;
  }

  get user(): string {
    return this.finished.user;
  }

  get addressFamily(): Family {
    return (this.value('addressfamily') ?? 'any') as Family;
  }

  get bindAddress(): string | null {
    return this.value('bindaddress') ?? null;
  }

  /** Milliseconds; null for the system's own limit. */
  get connectTimeout(): number | null {
    const seconds = this.value('connecttimeout');
    return seconds === undefined ? null : Number(seconds) * 1000;
  }

  /** How often to try to reach the host. */
  get connectionAttempts(): number {
    return Number(this.value('connectionattempts') ?? 1);
  }

  /** Milliseconds between keepalive messages; 0 for none. */
  get serverAliveInterval(): number {
    return Number(this.value('serveraliveinterval') ?? 0) * 1000;
  }

  get serverAliveCountMax(): number {
    return Number(this.value('serveralivecountmax') ?? 3);
  }

  get compression(): boolean {
    return this.flag('compression');
  }

  /** Bytes and milliseconds after which keys are exchanged anew; 0 for what the algorithms want. */
  get rekeyLimit(): { readonly bytes: number; readonly milliseconds: number } {
    const milliseconds = Number(this.value('rekeylimit-time') ?? 0) * 1000;
    return { bytes: Number(this.value('rekeylimit') ?? 0), milliseconds };
  }

  /** Paths, tokens and `~` put in. Where {@link identityFilesAreDefaults}, those that are missing are no mistake. */
  get identityFiles(): readonly string[] {
    return this.paths(identityFiles(this.finished));
  }

  /** Whether no IdentityFile applies, so that the usual places are tried. */
  get identityFilesAreDefaults(): boolean {
    return this.finished.settings.identityFiles.length === 0;
  }

  get certificateFiles(): readonly string[] {
    return this.paths(this.finished.settings.certificateFiles.map(({ path }) => path));
  }

  /** Whether keys of an agent are used only if a file names them too. */
  get identitiesOnly(): boolean {
    return this.flag('identitiesonly');
  }

  /** The socket of the agent to ask, or on Windows its pipe; null for none. */
  get identityAgent(): string | null {
    const { env } = this.finished.machine;
    const agent = this.value('identityagent') ?? 'SSH_AUTH_SOCK';
    if (agent === 'none') return null;
    if (agent === 'SSH_AUTH_SOCK') return usualAgent({ env });
    return agent.startsWith('$') ? env[agent.slice(1)] || null : agent;
  }

  /** The hops in the order in which they are passed; empty for none. @throws ConfigError for a hostile name. */
  get proxyJump(): readonly Jump[] {
    const { jump } = this.finished.settings;
    if (jump === null || jump === 'none') return [];
    const { machine, tokens } = this.finished;
    return this.asConfigError(() => {
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
    return this.command('proxycommand', pick(this.finished.tokens, 'hknpr'));
  }

  /**
   * The command that prints known_hosts lines. Its own tokens are the caller's to give: `H` the name that is looked for, `I` why,
   * and for a key `t` type, `f` fingerprint, `K` base64. @throws ConfigError for a hostile name.
   */
  knownHostsCommand(tokens: Tokens = {}): ConfigCommand | null {
    return this.command('knownhostscommand', { t: 'NONE', f: 'NONE', K: 'NONE', ...this.finished.tokens, ...tokens });
  }

  /** The user's files, then the system's. */
  get knownHostsFiles(): readonly string[] {
    return [...this.userKnownHostsFiles, ...this.globalKnownHostsFiles];
  }

  get userKnownHostsFiles(): readonly string[] {
    return this.finished.lists.get('userknownhostsfile') ?? [];
  }

  get globalKnownHostsFiles(): readonly string[] {
    const { lists, machine } = this.finished;
    return (lists.get('globalknownhostsfile') ?? []).map((path) => this.asConfigError(() => expandTilde(path, machine)));
  }

  get strictHostKeyChecking(): 'yes' | 'no' | 'ask' | 'accept-new' {
    const value = this.value('stricthostkeychecking') ?? 'ask';
    return value === 'true' ? 'yes' : value === 'false' ? 'no' : (value as 'ask' | 'accept-new');
  }

  /** The name to look up in known_hosts instead of the host's. */
  get hostKeyAlias(): string | null {
    return this.value('hostkeyalias') ?? null;
  }

  get hashKnownHosts(): boolean {
    return this.flag('hashknownhosts');
  }

  get updateHostKeys(): 'yes' | 'no' | 'ask' {
    return { true: 'yes', false: 'no', ask: 'ask' }[this.value('updatehostkeys') ?? 'true'] as 'yes' | 'no' | 'ask';
  }

  get revokedHostKeys(): string | null {
    return this.value('revokedhostkeys') ?? null;
  }

  /** Methods in order of preference; null where the file does not say. */
  get preferredAuthentications(): readonly string[] | null {
    return this.value('preferredauthentications')?.split(',') ?? null;
  }

  get pubkeyAuthentication(): boolean {
    return this.value('pubkeyauthentication') !== 'false';
  }

  get passwordAuthentication(): boolean {
    return this.flag('passwordauthentication', true);
  }

  get kbdInteractiveAuthentication(): boolean {
    return this.flag('kbdinteractiveauthentication', true);
  }

  get numberOfPasswordPrompts(): number {
    return Number(this.value('numberofpasswordprompts') ?? 3);
  }

  get gssapiDelegateCredentials(): boolean {
    return this.flag('gssapidelegatecredentials');
  }

  get gssapiAuthentication(): boolean {
    return this.flag('gssapiauthentication');
  }

  /** Whether nobody may be asked for anything. */
  get batchMode(): boolean {
    return this.flag('batchmode');
  }

  /** After how long without anything moving which channels are closed, the first that fits first; 0 for never. */
  get channelTimeouts(): readonly { readonly type: string; readonly milliseconds: number }[] {
    return (this.finished.lists.get('channeltimeout') ?? []).map((limit) => {
      const equals = limit.indexOf('=');
      return { type: limit.slice(0, equals), milliseconds: (seconds(limit.slice(equals + 1)) ?? 0) * 1000 };
    });
  }

  /** Such as `INFO` or `DEBUG2`. */
  get logLevel(): string {
    return this.value('loglevel') ?? 'INFO';
  }

  /**
   * The lists of algorithms that the configuration names, for the options of a connection. What only OpenSSH has is left out.
   * @throws ConfigError where nothing is left.
   */
  get algorithms(): AlgorithmOptions {
    return this.asConfigError(() => connectionAlgorithms((keyword) => this.value(keyword), this.compression));
  }

  /** How authorities may sign certificates of hosts; null where the file does not say. @throws ConfigError where nothing is left. */
  get caSignatureAlgorithms(): readonly string[] | null {
    return this.asConfigError(() => caSignatureAlgorithms(this.value('casignaturealgorithms')));
  }

  /** Bits below which an RSA key, the host's or the user's, counts for nothing. */
  get requiredRsaSize(): number {
    return Number(this.value('requiredrsasize') ?? 0);
  }

  /** Whether HostKeyAlgorithms is an order of its own: not only names more, or less, than usual. */
  get hostKeyOrderIsChosen(): boolean {
    return /^[^+-]/.test(this.value('hostkeyalgorithms') ?? '');
  }
}

function pick(tokens: Tokens, letters: string): Tokens {
  return Object.fromEntries(Object.entries(tokens).filter(([letter]) => letters.includes(letter)));
}
