// What `amiko ssh` does: what was typed (arguments.ts) together with what the files of ssh_config(5) say about the host.

import type { Forward as ConfiguredForward, Endpoint } from '../../config/forward-spec.ts';
import type { ResolvedConfig } from '../../config/resolved-config.ts';
import { printable, UsageError } from '../../errors.ts';
import type { ForwardTarget } from '../../forward/target.ts';
import { isTyped } from '../connection/command-line.ts';
import type { Configuration } from '../connection/configuration.ts';
import { mistake } from '../connection/mistake.ts';
import { type ConnectionOptions, connectionOptions } from '../connection/options.ts';
import type { SshArguments } from './arguments.ts';
import { configurationLine, type ForwardRequest, type ListenPlace } from './forward-arguments.ts';

export interface SshOptions extends ConnectionOptions {
  /** Null for a shell. */
  readonly command: string | null;
  /** The command is the name of a subsystem. */
  readonly subsystem: boolean;
  /** The variables to send. */
  readonly environment: ReadonlyMap<string, string>;
  readonly requestTty: 'no' | 'yes' | 'force' | 'auto';
  /** Forwards to set up, those that were typed first. */
  readonly forwards: readonly ForwardRequest[];
  /** Whether the other side may connect there through us, by a SOCKS proxy of `-R`. */
  readonly permitsRemoteOpen: (host: string, port: number) => boolean;
  /** Forwards without an address listen on all of them. */
  readonly gatewayPorts: boolean;
  readonly exitOnForwardFailure: boolean;
  /** A socket that is in the way of one to listen on is removed. */
  readonly removeSockets: boolean;
  /** -W: stdin and stdout go there. */
  readonly stdioForward: ForwardTarget | null;
  /** Neither a command nor a shell. */
  readonly noSession: boolean;
  /** True for the agent that logs in, or the path of another one's socket. */
  readonly forwardAgent: boolean | string;
  readonly forwardX11: boolean;
  /** These two were typed: where they are not possible, that is worth a word. A file may ask for them wherever they are. */
  readonly typedOffers: { readonly agent: boolean; readonly x11: boolean };
  readonly noStdin: boolean;
  /** All of it happens in the background once it is set up. */
  readonly background: boolean;
  /** The character that begins an escape; null for none. */
  readonly escapeChar: string | null;
  /** Milliseconds between two packets while somebody types; null where they go as the keys do. */
  readonly keystrokeInterval: number | null;
  /** A shell command to run here once connected; null for none. */
  readonly localCommand: string | null;
}

/** Looks the host up, as all of the command line asks for it. @throws UsageError, ConfigError */
export function lookUp(typed: SshArguments, configuration: Configuration): Promise<ResolvedConfig> {
  const { host, command, stdioForward, print, forwards } = typed;
  // ssh(1) on -W: "Implies -N, -T, ExitOnForwardFailure and ClearAllForwardings, though these can be overridden".
  const last = stdioForward === null ? [] : ['ClearAllForwardings yes', 'ExitOnForwardFailure yes'];
  // Those that were typed may say more than a line can; as lines they are only for people to read.
  const first = print ? forwards.map(configurationLine).filter((line) => line !== null) : [];
  return configuration.destination({ host }, { first, last, ...(command !== null && { command }) });
}

/** @throws UsageError for what does not go together, or cannot be done; ConfigError where the files want that */
export function sshOptions(typed: SshArguments, config: ResolvedConfig, configuration: Configuration): SshOptions {
  const { stdioForward } = typed;
  const sessionTyped = isTyped(typed, 'SessionType');
  const connection = connectionOptions(config, configuration);
  const notices = [...connection.notices];
  const command = typed.command ?? config.remoteCommand;
  // ssh_config(5): "This implies the StdinNull configuration option being set to yes".
  const background = config.setting('ForkAfterAuthentication') === 'yes';
  const noSession = stdioForward !== null || config.sessionType === 'none';
  const subsystem = config.sessionType === 'subsystem';
  if (noSession && typed.command !== null) {
    const word = stdioForward !== null ? '-W' : sessionTyped ? '-N' : 'SessionType none';
    const why = `${word} runs no command: there is '${printable(typed.command)}' behind the host`;
    throw mistake(config, typed, ['SessionType'], why);
  }
  if (subsystem && command === null && sessionTyped) throw new UsageError('-s needs the name of a subsystem behind the host');
  return {
    ...connection,
    command,
    // As with ssh: where a file wants a subsystem and nobody names one, it is a shell.
    subsystem: subsystem && command !== null,
    environment: environment(config),
    requestTty: config.requestTty,
    forwards: forwards(typed, config),
    permitsRemoteOpen: (host, port) => config.permitsRemoteOpen(host, port),
    gatewayPorts: config.gatewayPorts,
    exitOnForwardFailure: config.exitOnForwardFailure,
    removeSockets: config.setting('StreamLocalBindUnlink') === 'yes',
    stdioForward,
    noSession,
    forwardAgent: config.forwardAgent,
    forwardX11: forwardX11(config, notices),
    typedOffers: { agent: isTyped(typed, 'ForwardAgent'), x11: isTyped(typed, 'ForwardX11') },
    noStdin: background || config.setting('StdinNull') === 'yes',
    background,
    escapeChar: config.escapeChar,
    keystrokeInterval: config.keystrokeInterval,
    localCommand: config.localCommand?.text ?? null,
    notices,
  };
}

/** A pattern such as * must not give the password away; what SetEnv names is meant. */
function environment(config: ResolvedConfig): ReadonlyMap<string, string> {
  const variables = new Map(config.environment);
  if (!config.setEnv.has('AMIKO_PASSWORD')) variables.delete('AMIKO_PASSWORD');
  return variables;
}

function forwards({ forwards: typed }: SshArguments, config: ResolvedConfig): readonly ForwardRequest[] {
  if (config.setting('ClearAllForwardings') === 'yes') return [];
  const { localForwards, dynamicForwards, remoteForwards } = config;
  const configured = [
    ...dynamicForwards.map((forward) => asRequest('local', forward)),
    ...localForwards.map((forward) => asRequest('local', forward)),
    ...remoteForwards.map((forward) => asRequest('remote', forward)),
  ];
  // The same one twice, as typed and in a file, is one: the second could not listen.
  const all = new Map([...typed, ...configured].map((forward) => [JSON.stringify(forward), forward]));
  return [...all.values()];
}

function asRequest(side: 'local' | 'remote', { listen, connect }: ConfiguredForward): ForwardRequest {
  const from = listenPlace(listen);
  if (connect === 'socks') return { kind: side === 'local' ? 'dynamic' : 'remote-dynamic', from };
  return { kind: side, from, to: 'path' in connect ? connect : { host: connect.host || 'localhost', port: connect.port } };
}

function listenPlace(listen: Endpoint): ListenPlace {
  return 'path' in listen ? listen : { host: listen.host === '*' ? '' : listen.host, port: listen.port };
}

/** ForwardX11Trusted no would be programs with restricted rights, which we cannot have: then none is better than with all. */
function forwardX11(config: ResolvedConfig, notices: string[]): boolean {
  if (config.setting('ForwardX11') !== 'yes') return false;
  if (config.setting('ForwardX11Trusted') !== 'no') return true;
  notices.push(
    'X11 is not forwarded: programs with restricted rights (ForwardX11Trusted no) are not supported; -Y gives them all',
  );
  return false;
}
