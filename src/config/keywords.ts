// Every keyword of ssh_config(5), of OpenSSH 9.2 and 10.0 and of Debian's additions, with how its arguments are read. Host, Match
// and Include are not here: they decide which lines are read (walk.ts).

import { nearest } from '../algorithms/nearest.ts';
import { algorithms, command, flag, ignored, type Kind, number, paths, TRISTATE, text, time, words } from './keyword-kinds.ts';
import * as read from './keyword-readers.ts';

const LEVELS = { silent: 'SILENT', quiet: 'SILENT', fatal: 'FATAL', error: 'ERROR', info: 'INFO', verbose: 'VERBOSE' };
const DEBUG_LEVELS = { debug: 'DEBUG', debug1: 'DEBUG', debug2: 'DEBUG2', debug3: 'DEBUG3' };
const HASHES = { md5: 'MD5', sha1: 'SHA1', sha256: 'SHA256', sha384: 'SHA384', sha512: 'SHA512' };

/** By name as ssh_config(5) spells it. */
const KEYWORDS: Readonly<Record<string, Kind>> = {
  AddKeysToAgent: read.addKeysToAgent,
  AddressFamily: words({ any: 'any', inet: 'inet', inet6: 'inet6' }),
  BatchMode: flag,
  BindAddress: text,
  BindInterface: text,
  CanonicalDomains: read.canonicalDomains,
  CanonicalizeFallbackLocal: flag,
  CanonicalizeHostname: words({ ...TRISTATE, always: 'always' }),
  CanonicalizeMaxDots: number,
  CanonicalizePermittedCNAMEs: read.permittedCnames,
  CASignatureAlgorithms: algorithms,
  CertificateFile: read.keyFile('certificateFiles'),
  ChannelTimeout: read.channelTimeout,
  CheckHostIP: flag,
  Ciphers: algorithms,
  ClearAllForwardings: flag,
  Compression: words({ yes: 'yes', no: 'no' }),
  ConnectionAttempts: number,
  ConnectTimeout: time,
  ControlMaster: words({ ...TRISTATE, auto: 'auto', ask: 'ask', autoask: 'autoask' }),
  ControlPath: text,
  ControlPersist: read.controlPersist,
  DynamicForward: read.forward('dynamic'),
  EnableEscapeCommandline: flag,
  EnableSSHKeysign: flag,
  EscapeChar: read.escapeChar,
  ExitOnForwardFailure: flag,
  FingerprintHash: words(HASHES),
  ForkAfterAuthentication: flag,
  ForwardAgent: read.forwardAgent,
  ForwardX11: flag,
  ForwardX11Timeout: time,
  ForwardX11Trusted: flag,
  GatewayPorts: flag,
  GlobalKnownHostsFile: paths,
  GSSAPIAuthentication: flag,
  GSSAPIClientIdentity: text,
  GSSAPIDelegateCredentials: flag,
  GSSAPIKexAlgorithms: algorithms,
  GSSAPIKeyExchange: flag,
  GSSAPIRenewalForcesRekey: flag,
  GSSAPIServerIdentity: text,
  GSSAPITrustDns: flag,
  HashKnownHosts: flag,
  HostbasedAcceptedAlgorithms: algorithms,
  HostbasedAuthentication: flag,
  HostKeyAlgorithms: algorithms,
  HostKeyAlias: text,
  Hostname: text,
  IdentitiesOnly: flag,
  IdentityAgent: read.identityAgent,
  IdentityFile: read.keyFile('identityFiles'),
  IgnoreUnknown: text,
  IPQoS: read.ipQos,
  KbdInteractiveAuthentication: flag,
  KbdInteractiveDevices: text,
  KexAlgorithms: algorithms,
  KnownHostsCommand: command,
  LocalCommand: command,
  LocalForward: read.forward('local'),
  LogLevel: words({ ...LEVELS, ...DEBUG_LEVELS }),
  LogVerbose: read.logVerbose,
  MACs: algorithms,
  NoHostAuthenticationForLocalhost: flag,
  NumberOfPasswordPrompts: number,
  ObscureKeystrokeTiming: read.obscureKeystrokeTiming,
  PasswordAuthentication: flag,
  PermitLocalCommand: flag,
  PermitRemoteOpen: read.permitRemoteOpen,
  PKCS11Provider: text,
  Port: read.port,
  PreferredAuthentications: text,
  ProxyCommand: read.proxyCommand,
  ProxyJump: read.proxyJump,
  ProxyUseFdpass: flag,
  PubkeyAcceptedAlgorithms: algorithms,
  PubkeyAuthentication: words({ ...TRISTATE, unbound: 'unbound', 'host-bound': 'host-bound' }),
  RekeyLimit: read.rekeyLimit,
  RemoteCommand: command,
  RemoteForward: read.forward('remote'),
  RequestTTY: words({ ...TRISTATE, force: 'force', auto: 'auto' }),
  RequiredRSASize: number,
  RevokedHostKeys: text,
  SecurityKeyProvider: text,
  SendEnv: read.sendEnv,
  ServerAliveCountMax: number,
  ServerAliveInterval: time,
  SessionType: words({ none: 'none', subsystem: 'subsystem', default: 'default' }),
  SetEnv: read.setEnv,
  StdinNull: flag,
  StreamLocalBindMask: read.streamLocalBindMask,
  StreamLocalBindUnlink: flag,
  StrictHostKeyChecking: words({ ...TRISTATE, off: 'false', ask: 'ask', 'accept-new': 'accept-new' }),
  SyslogFacility: read.syslogFacility,
  Tag: text,
  TCPKeepAlive: flag,
  Tunnel: words({
    ...TRISTATE,
    yes: 'point-to-point',
    true: 'point-to-point',
    ethernet: 'ethernet',
    'point-to-point': 'point-to-point',
  }),
  TunnelDevice: read.tunnelDevice,
  UpdateHostKeys: words({ ...TRISTATE, ask: 'ask' }),
  User: text,
  UserKnownHostsFile: paths,
  VerifyHostKeyDNS: words({ ...TRISTATE, ask: 'ask' }),
  VersionAddendum: read.versionAddendum,
  VisualHostKey: flag,
  XAuthLocation: text,
};

/** Older names, and those of Debian. */
const ALIASES: Readonly<Record<string, string>> = {
  challengeresponseauthentication: 'kbdinteractiveauthentication',
  dsaauthentication: 'pubkeyauthentication',
  hostbasedkeytypes: 'hostbasedacceptedalgorithms',
  identityfile2: 'identityfile',
  keepalive: 'tcpkeepalive',
  protocolkeepalives: 'serveraliveinterval',
  pubkeyacceptedkeytypes: 'pubkeyacceptedalgorithms',
  setuptimeout: 'connecttimeout',
  skeyauthentication: 'kbdinteractiveauthentication',
  smartcarddevice: 'pkcs11provider',
  tisauthentication: 'kbdinteractiveauthentication',
};

const IGNORED: Readonly<Record<string, Kind>> = {
  ...each(['protocol', 'useblacklistedkeys'], ignored('silently')),
  ...each(['cipher', 'fallbacktorsh', 'globalknownhostsfile2', 'rhostsauthentication'], ignored('silently')),
  ...each(['userknownhostsfile2', 'useroaming', 'usersh', 'useprivilegedport'], ignored('silently')),
  ...each(['afstokenpassing', 'kerberosauthentication', 'kerberostgtpassing'], ignored('unsupported')),
  ...each(['rsaauthentication', 'rhostsrsaauthentication', 'compressionlevel'], ignored('unsupported')),
};

function each(names: readonly string[], kind: Kind): Record<string, Kind> {
  return Object.fromEntries(names.map((name) => [name, kind]));
}

const byName = new Map<string, { readonly key: string; readonly kind: Kind }>();
for (const [name, kind] of Object.entries(KEYWORDS)) byName.set(name.toLowerCase(), { key: name.toLowerCase(), kind });
for (const [name, kind] of Object.entries(IGNORED)) byName.set(name, { key: name, kind });
for (const [alias, key] of Object.entries(ALIASES)) {
  const target = byName.get(key);
  if (target !== undefined) byName.set(alias, target);
}

/** The reader of a keyword, which is in lower case; undefined where there is none. */
export function findKeyword(keyword: string): { readonly key: string; readonly kind: Kind } | undefined {
  return byName.get(keyword);
}

/** The keyword that somebody may have meant. */
export function nearestKeyword(keyword: string): string | null {
  // The distance takes time in proportion to the length; no keyword is that long.
  return keyword.length > 64 ? null : nearest(keyword, [...Object.keys(KEYWORDS), 'Host', 'Match', 'Include']);
}
