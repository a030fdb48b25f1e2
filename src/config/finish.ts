// From what the files said to what holds: the defaults, the options that exclude or change each other, and the tokens of everything
// whose tokens do not depend on the moment. Commands keep theirs until they are run. The order is that of ssh's main().

import type { Forward } from './forward-spec.ts';
import { formatJumpList } from './jump.ts';
import { LineError } from './line.ts';
import type { Machine } from './machine.ts';
import { userProblem } from './safe-names.ts';
import type { Settings } from './settings.ts';
import { connectionTokens, expand, expandTilde, type Tokens } from './tokens.ts';

/** What is settled about a host: settings with nothing left to decide. */
export interface Finished {
  readonly settings: Settings;
  readonly original: string;
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  readonly tokens: Tokens;
  readonly machine: Machine;
  readonly localForwards: readonly Forward[];
  readonly remoteForwards: readonly Forward[];
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

/** Keywords for which `none` is the same as nothing. */
const NONE_IS_UNSET = [
  'localcommand',
  'remotecommand',
  'proxycommand',
  'controlpath',
  'revokedhostkeys',
  'pkcs11provider',
  'securitykeyprovider',
  'knownhostscommand',
];

export const KNOWN_HOSTS_DEFAULT = ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
export const GLOBAL_KNOWN_HOSTS_DEFAULT = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];

/** The settings with `none` resolved: what {@link Settings} has is kept, what holds is here. */
export function effective(settings: Settings, key: string): string | undefined {
  const value = settings.get(key);
  return value?.toLowerCase() === 'none' && NONE_IS_UNSET.includes(key) ? undefined : value;
}

export interface FinishOptions {
  readonly original: string;
  readonly hostname: string;
  /** The command of the command line; empty where there is none. */
  readonly command: string;
  readonly machine: Machine;
}

/** @throws LineError for options that cannot be together, and for tokens that mean nothing. */
export function finish(settings: Settings, { original, hostname, command, machine }: FinishOptions): Finished {
  defaultUpdateHostKeys(settings);
  settings.setFirst('port', '22');
  const port = Number(settings.get('port'));
  const jump = settings.jump === 'none' ? null : settings.jump;
  const connection = {
    original,
    hostname,
    port,
    user: '',
    hostKeyAlias: settings.get('hostkeyalias')?.toLowerCase(),
    jumpHost: jump === null ? '' : jump.last.host,
  };
  const user = finalUser(settings, connectionTokens(connection, machine), machine);
  if (jump !== null) {
    const sameUser = jump.last.user === null || jump.last.user === user;
    if (jump.last.host === hostname && (jump.last.port ?? 22) === port && sameUser) {
      throw new LineError(`ProxyJump ${formatJumpList(jump)} leads to the host itself`);
    }
    settings.replace('proxyusefdpass', 'no');
  }
  checkTogether(settings, command);
  const tokens = connectionTokens({ ...connection, user }, machine);
  const { env } = machine;
  for (const key of ['controlpath', 'identityagent', 'revokedhostkeys', 'forwardagent-path']) {
    const value = effective(settings, key);
    if (value !== undefined) settings.replace(key, expand(expandTilde(value, machine), { tokens, env }));
  }
  const remoteCommand = effective(settings, 'remotecommand');
  if (remoteCommand !== undefined) settings.replace('remotecommand', expand(remoteCommand, { tokens }));
  const addendum = settings.get('versionaddendum');
  if (addendum !== undefined) settings.replace('versionaddendum', expand(addendum, { tokens, env }));
  const alias = connection.hostKeyAlias;
  if (alias !== undefined) settings.replace('hostkeyalias', alias);
  const clear = settings.get('clearallforwardings') === 'yes';
  if (clear) settings.replace('tunnel', 'false');
  const forwards = (all: readonly Forward[]): Forward[] => (clear ? [] : all.map((each) => expandPaths(each, tokens)));
  return {
    settings,
    original,
    hostname,
    port,
    user,
    tokens,
    machine,
    localForwards: forwards(settings.localForwards),
    remoteForwards: forwards(settings.remoteForwards),
    lists: finalLists(settings, tokens, machine),
  };
}

/** On only where known_hosts is where it always is and DNS does not vouch for keys. */
function defaultUpdateHostKeys(settings: Settings): void {
  const files = settings.list('userknownhostsfile');
  const usual = files.length === 0 || (files.length === 1 && files[0] === KNOWN_HOSTS_DEFAULT[0]);
  const trustsDns = (settings.get('verifyhostkeydns') ?? 'false') !== 'false';
  settings.setFirst('updatehostkeys', usual && !trustsDns ? 'true' : 'false');
}

function finalUser(settings: Settings, { C: _hash, r: _user, ...tokens }: Tokens, machine: Machine): string {
  // The user cannot be made of itself, nor of the hash that it is part of.
  const set = settings.get('user');
  const literal = settings.userIsLiteral || set === undefined;
  const user = literal ? (set ?? machine.user) : expand(set, { tokens: tokens as Tokens, env: machine.env });
  const problem = userProblem(user);
  if (problem !== null) throw new LineError(problem);
  return user;
}

function checkTogether(settings: Settings, command: string): void {
  const has = (key: string, value: string): boolean => settings.get(key) === value;
  const remoteCommand = effective(settings, 'remotecommand');
  if (effective(settings, 'proxycommand') === '-' && has('proxyusefdpass', 'yes')) {
    throw new LineError('ProxyCommand - and ProxyUseFdpass exclude each other');
  }
  if (has('connectionattempts', '0')) throw new LineError('ConnectionAttempts cannot be 0');
  if (command !== '' && remoteCommand !== undefined) {
    throw new LineError('RemoteCommand is set, so no command can be given');
  }
  if (has('forkafterauthentication', 'yes') && command === '' && remoteCommand === undefined && !has('sessiontype', 'none')) {
    throw new LineError('ForkAfterAuthentication needs a command');
  }
  if (!has('updatehostkeys', 'ask')) return;
  // There would be nobody to ask.
  const persists = (settings.get('controlpersist') ?? 'no') !== 'no' && effective(settings, 'controlpath') !== undefined;
  const busy = command !== '' || remoteCommand !== undefined || has('requesttty', 'false');
  const quiet = ['SILENT', 'FATAL', 'ERROR'].includes(settings.get('loglevel') ?? 'INFO');
  if (persists || busy || quiet) settings.replace('updatehostkeys', 'false');
}

function expandPaths({ listen, connect }: Forward, tokens: Tokens): Forward {
  return {
    listen: 'path' in listen ? { path: expand(listen.path, { tokens }) } : listen,
    connect: connect !== 'socks' && 'path' in connect ? { path: expand(connect.path, { tokens }) } : connect,
  };
}

function finalLists(settings: Settings, tokens: Tokens, machine: Machine): Map<string, readonly string[]> {
  const { env } = machine;
  const orDefault = (key: string, fallback: readonly string[]): readonly string[] => {
    const list = settings.list(key);
    if (list.length === 0) return fallback;
    return list[0]?.toLowerCase() === 'none' ? [] : list;
  };
  const variables = settings.list('setenv').map((each) => {
    const equals = each.indexOf('=');
    return `${each.slice(0, equals)}=${expand(each.slice(equals + 1), { tokens, env })}`;
  });
  return new Map([
    [
      'userknownhostsfile',
      orDefault('userknownhostsfile', KNOWN_HOSTS_DEFAULT).map((each) => expand(expandTilde(each, machine), { tokens, env })),
    ],
    ['globalknownhostsfile', orDefault('globalknownhostsfile', GLOBAL_KNOWN_HOSTS_DEFAULT)],
    ['setenv', variables],
    ['canonicaldomains', settings.list('canonicaldomains')],
    ['logverbose', settings.list('logverbose')],
    ['channeltimeout', orDefault('channeltimeout', [])],
    ['permitremoteopen', settings.list('permitremoteopen')],
  ]);
}
