// The lines of `ssh -G`, in its order: what holds for a host, every keyword that has a value, defaults included. Those that OpenSSH
// knows only from a later release or with Debian's changes are among them.

import { type AlgorithmTables, assembleAlgorithms, type ListKeyword } from './algorithm-list.ts';
import { effective, type Finished } from './finish.ts';
import { type Forward, formatForward } from './forward-spec.ts';
import { formatJumpList } from './jump.ts';
import { LineError } from './line.ts';

type Row = readonly [keyword: string, values: (finished: Finished, tables: AlgorithmTables) => readonly string[]];

/** One value, or none where there is neither a setting nor a default. */
function value(key: string, fallback?: string): Row {
  return [
    key,
    ({ settings }) => {
      const set = effective(settings, key) ?? fallback;
      return set === undefined ? [] : [set];
    },
  ];
}

function algorithms(key: ListKeyword): Row {
  return [
    key,
    ({ settings }, tables) => {
      const names = assembleAlgorithms(settings.get(key), tables[key]);
      if (names === null) throw new LineError(`nothing is left of ${key} '${settings.get(key)}'`);
      return [names.join(',')];
    },
  ];
}

function list(key: string, empty = 'none'): Row {
  return [key, ({ lists }) => [(lists.get(key) ?? []).join(' ') || empty]];
}

function flags(...keys: readonly string[]): Row[] {
  return keys.map((key) => value(key, 'no'));
}

const DEFAULT_IDENTITIES = ['rsa', 'ecdsa', 'ecdsa_sk', 'ed25519', 'ed25519_sk', 'xmss'];

/** The paths as they are written, tokens and `~` left in. */
export function identityFiles({ settings }: Finished): readonly string[] {
  const files = settings.identityFiles.map(({ path }) => path);
  return files.length > 0 ? files : DEFAULT_IDENTITIES.map((name) => `~/.ssh/id_${name}`);
}

const ROWS: readonly Row[] = [
  ['host', ({ original }) => [original]],
  ['user', ({ user }) => [user]],
  ['hostname', ({ hostname }) => [hostname]],
  ['port', ({ port }) => [String(port)]],
  value('addressfamily', 'any'),
  value('batchmode', 'no'),
  value('canonicalizefallbacklocal', 'yes'),
  value('canonicalizehostname', 'false'),
  ...flags('checkhostip', 'compression'),
  value('controlmaster', 'false'),
  ...flags('enablesshkeysign', 'clearallforwardings', 'exitonforwardfailure'),
  value('fingerprinthash', 'SHA256'),
  value('forwardx11', 'no'),
  // As Debian has it; elsewhere the default is no, and X11 clients are restricted.
  value('forwardx11trusted', 'yes'),
  ...flags('gatewayports', 'gssapiauthentication', 'gssapikeyexchange', 'gssapidelegatecredentials', 'gssapitrustdns'),
  value('gssapirenewalforcesrekey', 'no'),
  value('gssapiclientidentity'),
  value('gssapiserveridentity'),
  algorithms('gssapikexalgorithms'),
  ...flags('hashknownhosts', 'hostbasedauthentication', 'identitiesonly'),
  value('kbdinteractiveauthentication', 'yes'),
  value('nohostauthenticationforlocalhost', 'no'),
  value('passwordauthentication', 'yes'),
  ...flags('permitlocalcommand', 'proxyusefdpass'),
  value('pubkeyauthentication', 'true'),
  value('requesttty', 'auto'),
  value('sessiontype', 'default'),
  ...flags('stdinnull', 'forkafterauthentication', 'streamlocalbindunlink'),
  value('stricthostkeychecking', 'ask'),
  value('tcpkeepalive', 'yes'),
  value('tunnel', 'false'),
  value('verifyhostkeydns', 'false'),
  value('visualhostkey', 'no'),
  value('updatehostkeys', 'true'),
  value('enableescapecommandline', 'no'),
  value('canonicalizemaxdots', '1'),
  value('connectionattempts', '1'),
  value('forwardx11timeout', '1200'),
  value('numberofpasswordprompts', '3'),
  value('serveralivecountmax', '3'),
  value('serveraliveinterval', '0'),
  value('requiredrsasize', '1024'),
  value('obscurekeystroketiming', 'yes'),
  value('bindaddress'),
  value('bindinterface'),
  algorithms('ciphers'),
  value('controlpath'),
  algorithms('hostkeyalgorithms'),
  value('hostkeyalias'),
  algorithms('hostbasedacceptedalgorithms'),
  value('identityagent'),
  value('ignoreunknown'),
  value('kbdinteractivedevices'),
  algorithms('kexalgorithms'),
  algorithms('casignaturealgorithms'),
  value('localcommand'),
  value('remotecommand'),
  value('loglevel', 'INFO'),
  algorithms('macs'),
  value('pkcs11provider'),
  ['securitykeyprovider', ({ settings }) => [settings.get('securitykeyprovider') ?? 'internal'].filter((each) => !isNone(each))],
  value('preferredauthentications'),
  algorithms('pubkeyacceptedalgorithms'),
  value('revokedhostkeys'),
  value('xauthlocation', '/usr/bin/xauth'),
  value('knownhostscommand'),
  value('tag'),
  value('versionaddendum'),
  ['dynamicforward', (finished) => forwards(finished, 'dynamic')],
  ['localforward', (finished) => forwards(finished, 'local')],
  ['remoteforward', ({ remoteForwards }) => remoteForwards.map((each) => formatForward(each, 'remote'))],
  ['identityfile', identityFiles],
  list('canonicaldomains'),
  ['certificatefile', ({ settings }) => settings.certificateFiles.map(({ path }) => path)],
  list('globalknownhostsfile'),
  list('userknownhostsfile'),
  ['sendenv', ({ settings }) => settings.sendEnv],
  ['setenv', ({ lists }) => lists.get('setenv') ?? []],
  list('logverbose'),
  list('channeltimeout'),
  list('permitremoteopen', 'any'),
  value('addkeystoagent', 'false'),
  ['forwardagent', ({ settings }) => [settings.get('forwardagent-path') ?? settings.get('forwardagent') ?? 'no']],
  value('connecttimeout', 'none'),
  value('tunneldevice', 'any:any'),
  // The capital letter is OpenSSH's.
  ['canonicalizePermittedcnames', permittedCnames],
  value('controlpersist', 'no'),
  ['escapechar', ({ settings }) => [visible(settings.get('escapechar') ?? '~')]],
  value('ipqos', 'ef cs1'),
  ['rekeylimit', ({ settings }) => [`${settings.get('rekeylimit') ?? 0} ${settings.get('rekeylimit-time') ?? 0}`]],
  value('streamlocalbindmask', '0177'),
  value('syslogfacility', 'USER'),
  [
    'proxycommand',
    ({ settings }) => [jumpOf(settings) === null ? effective(settings, 'proxycommand') : undefined].filter(isText),
  ],
  ['proxyjump', ({ settings }) => [jumpOf(settings)].filter(isText)],
];

function isNone(text: string): boolean {
  return text.toLowerCase() === 'none';
}

function isText(text: string | null | undefined): text is string {
  return typeof text === 'string';
}

function jumpOf({ jump }: Finished['settings']): string | null {
  return jump === null || jump === 'none' ? null : formatJumpList(jump);
}

function forwards({ localForwards }: Finished, kind: 'local' | 'dynamic'): string[] {
  // ssh prints a forwarding to the path of a socket in both places.
  const both = ({ connect }: Forward): boolean => connect !== 'socks' && 'path' in connect;
  const wanted = localForwards.filter((each) => both(each) || (each.connect === 'socks') === (kind === 'dynamic'));
  return wanted.map((each) => formatForward(each, kind));
}

function permittedCnames({ settings: { cnameRules } }: Finished): string[] {
  const rules = cnameRules.filter(({ to }) => to !== '');
  return [rules.length === 0 ? 'none' : rules.map(({ from, to }) => `${from}:${to}`).join(' ')];
}

/** A character as vis(3) shows it. */
function visible(character: string): string {
  const code = character.charCodeAt(0);
  if (character === 'none') return character;
  if (character === '\\') return '\\\\';
  if (code === 0x7f) return '\\^?';
  return code < 0x20 ? `\\^${String.fromCharCode(code + 64)}` : character;
}

/** Keyword and value of each line. @throws LineError where nothing is left of a list of algorithms. */
export function dumpRows(finished: Finished, tables: AlgorithmTables): (readonly [keyword: string, value: string])[] {
  return ROWS.flatMap(([keyword, values]) => values(finished, tables).map((each) => [keyword, each] as const));
}
