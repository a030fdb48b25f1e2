// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are for ssh to expand
// Configurations by the thousand, all of them valid: every keyword with values of every form, in blocks that apply and blocks that
// do not, written in all the ways that ssh_config(5) allows. The same seed gives the same texts.

/** Numbers from a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 <= n < limit. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** At least one. */
  some<T>(from: readonly T[], most = 3): T[] {
    const count = 1 + this.below(Math.min(most, from.length));
    return Array.from({ length: count }, () => this.pick(from));
  }
}

export interface Release {
  /** Whether it is OpenSSH 10.0 and not 9.2. */
  readonly modern: boolean;
  readonly supported: Readonly<Record<string, readonly string[]>>;
}

export interface Generated {
  readonly host: string;
  readonly text: string;
  /** Files that the text includes, by name. */
  readonly included: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly port: number | null;
}

const HOSTS = [
  'web',
  'db1',
  'db2.example.com',
  'Mixed.Example.ORG',
  '10.1.2.3',
  '::1',
  '127.1',
  'a-b_c',
  'x',
  'prod.db.internal',
];
const PATTERNS = [
  '*',
  'web',
  'db?',
  'db*',
  '*.example.com',
  '*.internal',
  '10.*',
  'x',
  '?',
  'nothing',
  '*b*',
  'a-b_c',
  'MIXED*',
  'Mixed*',
];
const USERS = ['root', 'deploy', 'alice', 'git'];
const VARIABLES = ['LANG', 'LC_*', 'A', 'B', 'AB?', 'TZ'];
const WORDS = ['one', 'two', 'two words', 'a#b', "it's", 'back\\slash', 'Case'];
const PATHS = ['~/.ssh/a', '/tmp/amiko-none/%h', '~/k_%r@%p', '/x y/key', '%d/.ssh/%n', '/plain', '~/${HOME}/z'];

type Values = (dice: Dice, release: Release) => string;

const yesNo: Values = (dice) => dice.pick(['yes', 'no', 'true', 'false', 'Yes', 'NO']);
const oneOf =
  (...words: readonly string[]): Values =>
  (dice) =>
    dice.chance(20) ? dice.pick(words).toUpperCase() : dice.pick(words);
const exactly =
  (...texts: readonly string[]): Values =>
  (dice) =>
    dice.pick(texts);
const number: Values = (dice) => String(dice.pick([1, 2, 5, 10, 300, 2_147_483_647]));
const time: Values = exactly('0', '5', '90', '10m', '1h30m', '2w', '1D', '3s2m', 'none');
const word: Values = (dice) => quote(dice, dice.pick(WORDS));
const path: Values = (dice) => quote(dice, dice.pick(PATHS));
const port: Values = (dice) => dice.pick(['22', '2222', '65535', 'ssh', '+80']);
const algorithms =
  (list: string, patterns = false): Values =>
  (dice, { supported }) => {
    const names = supported[list] as readonly string[];
    const picked = dice.some(names, 4).join(',');
    const spec = dice.pick(['', '', '+', '^', '-']);
    if (spec === '-' && dice.chance(50)) return dice.pick(['-*sha1*', '-ssh-*', '-*256*', '-nothing']);
    return patterns && dice.chance(20) ? `${spec}ssh-ed*,${picked}` : spec + picked;
  };
const target = (dice: Dice): string => dice.pick(['web:80', '[::1]:443', '10.0.0.1:8080', 'x:ssh']);
const listen = (dice: Dice): string => dice.pick(['8080', 'localhost:81', '[::1]:82', '*:83', '83', '/tmp/amiko-%h.sock']);

/** A value in quotes of some kind, or without where it can do so. */
function quote(dice: Dice, text: string): string {
  if (!/[ #'"\\]/.test(text)) return dice.pick([text, `"${text}"`, text, `'${text}'`]);
  const escaped = text.replace(/[\\"]/g, '\\$&');
  return dice.chance(30) ? escaped.replace(/[ ']/g, '\\$&').replace(/^#/, '"#"') : `"${escaped.replace(/'/g, "\\'")}"`;
}

const VALUES: Readonly<Record<string, Values>> = {
  AddKeysToAgent: oneOf('yes', 'no', 'ask', 'confirm', '1h', '30', 'confirm 5m'),
  AddressFamily: oneOf('any', 'inet', 'inet6'),
  BatchMode: yesNo,
  BindAddress: exactly('127.0.0.1', '"::1"', '*'),
  BindInterface: word,
  CanonicalDomains: exactly('example.test', 'A.Example.Test. b.test', 'none'),
  CanonicalizeFallbackLocal: exactly('yes', 'true'),
  CanonicalizeMaxDots: number,
  CASignatureAlgorithms: algorithms('sig'),
  CertificateFile: path,
  CheckHostIP: yesNo,
  Ciphers: algorithms('cipher'),
  ClearAllForwardings: yesNo,
  Compression: oneOf('yes', 'no'),
  ConnectionAttempts: number,
  ConnectTimeout: time,
  ControlMaster: oneOf('yes', 'no', 'ask', 'auto', 'autoask'),
  ControlPath: exactly('~/.ssh/cm-%C', '/tmp/amiko-%r@%h:%p', 'none', '"/tmp/%L %u"'),
  ControlPersist: exactly('yes', 'no', '0', '10m', 'true', '300'),
  DynamicForward: (dice) => dice.pick(['1080', 'localhost:1081', '[::1]:1082', '*:1083', '/tmp/amiko.sock']),
  EnableEscapeCommandline: yesNo,
  EnableSSHKeysign: yesNo,
  EscapeChar: exactly('none', '~', '^]', '^A', '%', '\\', '"#"', '!'),
  ExitOnForwardFailure: yesNo,
  FingerprintHash: oneOf('md5', 'sha256', 'sha1', 'sha512'),
  ForwardAgent: exactly('yes', 'no', 'true', '$SSH_AUTH_SOCK', '/tmp'),
  ForwardX11: yesNo,
  ForwardX11Timeout: time,
  ForwardX11Trusted: yesNo,
  GatewayPorts: yesNo,
  GlobalKnownHostsFile: (dice) => (dice.chance(20) ? 'none' : dice.some(['/etc/a', '~/b', '"/c d"'], 3).join(' ')),
  GSSAPIAuthentication: yesNo,
  GSSAPIClientIdentity: word,
  GSSAPIDelegateCredentials: yesNo,
  GSSAPIKexAlgorithms: exactly('gss-gex-sha1-', 'gss-group14-sha256-,gss-group16-sha512-'),
  GSSAPIKeyExchange: yesNo,
  GSSAPIRenewalForcesRekey: yesNo,
  GSSAPIServerIdentity: word,
  GSSAPITrustDns: yesNo,
  HashKnownHosts: yesNo,
  HostbasedAcceptedAlgorithms: algorithms('HostKeyAlgorithms', true),
  HostbasedAuthentication: yesNo,
  HostKeyAlgorithms: algorithms('HostKeyAlgorithms', true),
  HostKeyAlias: exactly('Alias', 'other.example.com', '"al ias"'),
  Hostname: exactly(
    '%h',
    '%h.example.net',
    'REAL.example.com',
    '10.9.8.7',
    '::0:1',
    '0x7f.1',
    'plain',
    '%%h',
    '127.2',
    '1.2.3.4.5',
  ),
  IdentitiesOnly: yesNo,
  IdentityAgent: exactly('none', 'SSH_AUTH_SOCK', '~/agent-%r', '$AGENT', '"/a b/${HOME}"'),
  IdentityFile: path,
  IPQoS: exactly('af21', 'ef cs1', 'none', '0', '12 af11', 'CS3 255', 'le', 'af43'),
  KbdInteractiveAuthentication: yesNo,
  KbdInteractiveDevices: exactly('pam,bsdauth', 'pam'),
  KexAlgorithms: algorithms('kex'),
  KnownHostsCommand: exactly('/bin/echo %H %h # no comment', '/bin/true', 'none'),
  LocalCommand: exactly('echo %h "a b" # all of it', 'none', "echo 'x y'", '"quoted"'),
  LocalForward: (dice) => `${listen(dice)} ${dice.chance(30) ? '/tmp/amiko-%r.sock' : target(dice)}`,
  LogLevel: oneOf('quiet', 'silent', 'fatal', 'error', 'info', 'verbose'),
  LogVerbose: exactly('kex.c:*:1000', 'none', '"a:b:1" c:d:2'),
  MACs: algorithms('mac'),
  NoHostAuthenticationForLocalhost: yesNo,
  NumberOfPasswordPrompts: number,
  PasswordAuthentication: yesNo,
  PermitLocalCommand: yesNo,
  PermitRemoteOpen: exactly('any', 'none', 'web:80 [::1]:443', 'x:*', '*:22'),
  PKCS11Provider: exactly('/usr/lib/p11.so', 'none'),
  Port: port,
  PreferredAuthentications: exactly('publickey,password', 'keyboard-interactive'),
  ProxyCommand: exactly('nc %h %p', 'none', "ssh -W '[%h]:%p' gate # x", '=nc a b'),
  ProxyJump: exactly(
    'gate',
    'deploy@gate:2222',
    'a,b,c',
    'none',
    '[::1]:22',
    'x@10.0.0.1',
    'ssh://u%40v@gate:99',
    'gate # a comment',
  ),
  ProxyUseFdpass: yesNo,
  PubkeyAcceptedAlgorithms: algorithms('HostKeyAlgorithms', true),
  PubkeyAuthentication: oneOf('yes', 'no', 'unbound', 'host-bound'),
  RekeyLimit: exactly('1G', '500M 1h', 'default none', '1.5k', '16', 'default 10m', '2T 0'),
  RemoteForward: (dice) => (dice.chance(30) ? dice.pick(['1080', '0', '[::1]:82']) : `${listen(dice)} ${target(dice)}`),
  RequestTTY: oneOf('yes', 'no', 'force', 'auto'),
  RequiredRSASize: number,
  SecurityKeyProvider: exactly('/usr/lib/sk.so', 'internal', 'none'),
  SendEnv: (dice) => dice.some([...VARIABLES, '-A*', '-LC_*', '"B"'], 4).join(' '),
  ServerAliveCountMax: number,
  ServerAliveInterval: time,
  SessionType: oneOf('none', 'subsystem', 'default'),
  SetEnv: (dice) => dice.some(['A=1', 'B="two words"', 'A=2', 'C=', '"D=x y"', 'E=f=g'], 4).join(' '),
  StdinNull: yesNo,
  StreamLocalBindMask: exactly('0177', '022', '0', '777'),
  StreamLocalBindUnlink: yesNo,
  StrictHostKeyChecking: oneOf('yes', 'no', 'ask', 'off', 'accept-new', 'true'),
  SyslogFacility: oneOf('daemon', 'user', 'auth', 'local0', 'local7'),
  TCPKeepAlive: yesNo,
  Tunnel: oneOf('yes', 'no', 'ethernet', 'point-to-point'),
  TunnelDevice: exactly('any', '0', '3:any', 'any:7', '1:2'),
  UpdateHostKeys: oneOf('yes', 'no', 'ask'),
  User: (dice) => dice.pick(USERS),
  UserKnownHostsFile: (dice) =>
    dice.chance(20) ? 'none' : dice.some(['~/.ssh/known_hosts', '~/kh_%k', '/a/%h', '"/b c"'], 3).join(' '),
  VerifyHostKeyDNS: oneOf('yes', 'no', 'ask'),
  VisualHostKey: yesNo,
  XAuthLocation: path,
  // Older names.
  ChallengeResponseAuthentication: yesNo,
  KeepAlive: yesNo,
  PubkeyAcceptedKeyTypes: algorithms('HostKeyAlgorithms', true),
  Protocol: exactly('2', '2,1'),
  UseRoaming: yesNo,
  RhostsRSAAuthentication: yesNo,
  ProtocolKeepAlives: number,
};

const MODERN: Readonly<Record<string, Values>> = {
  ChannelTimeout: exactly('session=5m', '"global=1h" x11-connection=0', 'none', '*=90'),
  ObscureKeystrokeTiming: exactly('yes', 'no', 'interval:80', 'interval:20', 'true'),
  RevokedHostKeys: path,
  SetEnv: exactly('A=%h', 'B="%u at %n" C=${HOME}'),
  Tag: exactly('blue', 'green', '"dark red"'),
  User: exactly('u-%h', '${AMIKO_TEST_USER}', '%u'),
  VersionAddendum: exactly('for %h', 'none', 'a # b'),
};

/** Keywords that end a configuration when they stand together in a wrong way; one configuration has one of them at most. */
const ALONE: Readonly<Record<string, Values>> = {
  CanonicalizeHostname: exactly('no', 'yes', 'always'),
  CanonicalizePermittedCNAMEs: exactly('none'),
  ForkAfterAuthentication: exactly('no'),
  RemoteCommand: exactly('echo %h %%', 'uptime # now', 'none'),
  IgnoreUnknown: exactly('Foo*,Bar', 'foobar'),
};

export function generate(seed: number, release: Release, directory: string): Generated {
  const dice = new Dice(seed);
  const included: Record<string, string> = {};
  const write = (depth: number): string => {
    const lines: string[] = [];
    for (let block = dice.below(5); block >= 0; block--) {
      if (lines.length > 0 || dice.chance(40)) lines.push(blockLine(dice, release));
      for (let count = 1 + dice.below(7); count > 0; count--) {
        if (depth < 2 && dice.chance(4)) {
          const name = `${seed}-${Object.keys(included).length}.inc`;
          included[name] = '';
          included[name] = write(depth + 1);
          const pattern = dice.chance(30) ? `${directory}/${name.slice(0, -5)}?.inc` : `${directory}/${name}`;
          lines.push(writeLine(dice, 'Include', dice.chance(20) ? `${pattern} ${directory}/no-such-*` : pattern));
        } else lines.push(optionLine(dice, release));
        if (dice.chance(6)) lines.push(dice.pick(['', '# a comment', '   # another', '\t']));
      }
    }
    return `${lines.join(dice.chance(5) ? '\r\n' : '\n')}${dice.chance(10) ? '' : '\n'}`;
  };
  let text = write(0);
  if (dice.chance(40)) {
    const keyword = dice.pick(Object.keys(ALONE));
    const line = writeLine(dice, keyword, (ALONE[keyword] as Values)(dice, release));
    text = `${line}\n${keyword === 'IgnoreUnknown' ? 'FooBar x "y z"\n' : ''}${text}`;
  }
  const user = dice.chance(15) ? dice.pick(USERS) : null;
  return { host: dice.pick(HOSTS), text, included, user, port: dice.chance(15) ? 2200 + dice.below(20) : null };
}

function optionLine(dice: Dice, release: Release): string {
  const table = release.modern && dice.chance(12) ? MODERN : VALUES;
  const keyword = dice.pick(Object.keys(table));
  return writeLine(dice, keyword, (table[keyword] as Values)(dice, release));
}

function blockLine(dice: Dice, { modern }: Release): string {
  if (dice.chance(50)) {
    const patterns = dice.some(PATTERNS, 4).map((pattern) => (dice.chance(12) ? `!${pattern}` : pattern));
    return writeLine(dice, 'Host', patterns.map((each) => (dice.chance(15) ? `"${each}"` : each)).join(' '));
  }
  if (dice.chance(15)) return writeLine(dice, 'Match', dice.pick(['all', 'final all', 'canonical all', '!final host *']));
  const list = (from: readonly string[]): string =>
    dice
      .some(from, 3)
      .map((each) => (dice.chance(15) ? `!${each}` : each))
      .join(',');
  const criteria: (() => string)[] = [
    () => `host ${list(PATTERNS)}`,
    () => `originalhost ${list(PATTERNS)}`,
    () => `user ${list([...USERS, '*', 'd*'])}`,
    () => `localuser ${list(['root', '*', 'nobody'])}`,
    () => `exec ${dice.pick(['true', 'false', '"test %h = web"', '"test %n%p != x22"', '"exit 3"'])}`,
    () => dice.pick(['final', 'canonical', '!final', '!canonical']),
  ];
  const later: (() => string)[] = [
    () => `localnetwork ${dice.pick(['127.0.0.0/8', '10.255.0.0/16', '::1/128,192.0.2.0/24'])}`,
    () => `tagged ${dice.pick(['blue', 'gr*', '""', '*'])}`,
    () => `command ${dice.pick(['""', 'uptime', '*'])}`,
    () => `sessiontype ${dice.pick(['shell', 'none', 'exec,subsystem'])}`,
    () => `version ${dice.pick(['OpenSSH_10.*', 'OpenSSH_9*', '*'])}`,
  ];
  const chosen = dice.some(modern ? [...criteria, ...later] : criteria, 3).map((make) => {
    const made = make();
    if (made.startsWith('!') || !made.includes(' ') || !dice.chance(15)) return made;
    return `!${made}`;
  });
  const words = chosen.map((each) => (dice.chance(10) && !/ "/.test(each) ? each.replace(' ', '=') : each));
  // sessiontype is the one criterion that OpenSSH does not take with an equals sign.
  return writeLine(dice, 'Match', words.join(' ').replace('sessiontype=', 'sessiontype '));
}

const COMMANDS = ['ProxyCommand', 'LocalCommand', 'RemoteCommand', 'KnownHostsCommand', 'VersionAddendum', 'ProxyJump'];

/** The same line in one of the ways to write it. */
function writeLine(dice: Dice, keyword: string, value: string): string {
  const name = dice.pick([keyword, keyword, keyword.toLowerCase(), keyword.toUpperCase(), `"${keyword}"`]);
  const between = name.startsWith('"') ? ' ' : dice.pick([' ', ' ', '\t', ' = ', '=', '   ', ' =']);
  const after = COMMANDS.includes(keyword) || !dice.chance(10) ? dice.pick(['', '', ' ', '\t']) : ' # and a comment';
  return `${dice.pick(['', '', '  ', '\t'])}${name}${between}${value}${after}`;
}
