// ssh_config as OpenSSH reads it: a thousand generated configurations, line by line against `ssh -G` of 9.2 and of 10.0, and single
// lines that OpenSSH refuses. What may differ is named in `exceptions`, each with its reason.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type AlgorithmTables, type Resolver, SSHConfig } from '../../src/config.ts';
import { amikoBin } from '../support/amiko-serve.ts';
import { canUnshare, describePeer, peer, peerCommand, run, type TempDir, tempDir } from '../support/peers.ts';
import { type Generated, generate, type Release } from './config-generator.ts';

type SshName = 'ssh' | 'ssh-trixie';

/** Paths that tokens and `~` lead to must be the same on both sides, and variables too. */
const ENV = { AGENT: '/agent', AMIKO_TEST_USER: 'from-env', SSH_AUTH_SOCK: '/tmp/amiko-no-agent' };
const machine = {
  env: { ...process.env, ...ENV },
  // In a network namespace of its own, ssh sees no interface that is up.
  ...(canUnshare() ? { addresses: () => [] } : {}),
};

describe.each([
  { name: 'ssh', modern: false, count: 1000 },
  { name: 'ssh-trixie', modern: true, count: 300 },
] as const)('$name -G', ({ name, modern, count }) => {
  describePeer(name, 'generated configurations', () => {
    it(`is what ours says of ${count} of them`, { timeout: 180_000 }, async () => {
      await using dir = tempDir();
      const { tables, supported } = await algorithmsOf(name);
      const release: Release = { modern, supported };
      const all = Array.from({ length: count }, (_, seed) => generate(seed, release, dir.path));
      const theirs = await runAll(name, all, dir);
      const differences: string[] = [];
      let accepted = 0;
      for (const [index, each] of all.entries()) {
        const their = theirs[index] as Answer;
        const ours = await ask(each, dir.join(`${index}.conf`), name, tables);
        if (their.lines !== null) accepted++;
        const difference = compare(ours, their, modern);
        if (difference !== null) differences.push(`seed ${index}, ${each.host}: ${difference}`);
      }
      expect(differences.slice(0, 10)).toEqual([]);
      // The comparison is worth something only if ssh takes most of them.
      expect(accepted).toBeGreaterThan(count * 0.9);
    });
  });
});

describePeer('ssh', 'amiko ssh -G', () => {
  /** The lists of algorithms are those that each of the two has; the test above compares them with the same tables. */
  const LISTS = /^(ciphers|macs|kexalgorithms|(hostkey|hostbasedaccepted|pubkeyaccepted|casignature|gssapikex)algorithms) /;

  it('prints what ssh -G prints for 1000 generated configurations', { timeout: 180_000 }, async () => {
    await using dir = tempDir();
    const { supported } = await algorithmsOf('ssh');
    const all = Array.from({ length: 1000 }, (_, seed) => generate(5000 + seed, { modern: false, supported }, dir.path));
    const theirs = await runAll('ssh', all, dir);
    const ours = await runAmiko(all, dir);
    const differences: string[] = [];
    let compared = 0;
    for (const [index, their] of theirs.entries()) {
      const our = ours[index] as Answer;
      // A list of which we have nothing is refused here, and only here.
      if (our.error.includes('nothing is left of')) continue;
      const without = ({ lines, error }: Answer): Answer => ({
        lines: lines?.filter((line) => !LISTS.test(line)) ?? null,
        error,
      });
      if (their.lines !== null && our.lines !== null) compared++;
      const difference = compare(without(our), without(their), false);
      if (difference !== null) differences.push(`seed ${5000 + index}, ${all[index]?.host}: ${difference}`);
    }
    expect(differences.slice(0, 10)).toEqual([]);
    expect(compared).toBeGreaterThan(900);
  });

  it('says what letters say', { timeout: 60_000 }, async () => {
    await using dir = tempDir();
    dir.write('0.conf', 'Host h\n  User filed\n  ForwardAgent yes\n  IdentityFile /filed\n  LocalForward 1 a:2\n');
    const lines = [
      ['-v', 'h'],
      ['-q', 'h'],
      ['-l', 'me', '-p', '23', 'h'],
      ['u@h', 'ls', '-l'],
      ['-i', dir.write('one', ''), '-i', dir.write('two "x"', ''), 'h'],
      ['-AXC4', '-g', 'h'],
      ['-aYx6', 'h'],
      ['-Kk', '-T', '-n', 'h'],
      ['-t', 'h'],
      ['-tt', 'h'],
      ['-N', '-e', 'none', 'h'],
      ['-s', 'h', 'sftp'],
      ['-J', 'u@gate:24,other', 'h'],
      ['-b', '127.0.0.2', '-e', '^b', 'h'],
      ['-oUser=x', '-oPort=1', '-l', 'y', '-o', 'ForwardAgent no', '-oSetEnv A=1', 'h'],
      ['-W', 'a:1', 'h'],
      ['-p', 'ssh', '-S', 'none', '-M', 'h'],
      ['-MM', '-S', '/run/%r-%C', 'h'],
      ['-L', '8080:web:80', '-R', '[::1]:81:b:82', '-D', '*:1080', 'h'],
      ['-oHostname=other.example', '-oHostKeyAlias=ALIAS', 'h'],
    ];
    for (const words of lines) {
      const args = ['-G', '-F', dir.join('0.conf'), ...words];
      const their = await run(...peerCommand('ssh', args), { env: ENV });
      const [our] = await printAll([args]);
      expect([their.code, our?.status], words.join(' ')).toEqual([0, 0]);
      const [a, b] = [our?.stdout ?? '', their.stdout.toString()].map((text) =>
        text.split('\n').filter((line) => !LISTS.test(line)),
      );
      const [x, y] = exceptions(a ?? [], b ?? [], false);
      expect(x, words.join(' ')).toEqual(y);
    }
  });
});

/** Half of these are mistakes; which half is for ssh to say. */
const LINES = `
  Port 0|Port 65536|Port 22x|Port -1|Port|Port 22 23|Port "22"|Port '22'|Port = 22|Port == 22|=Port 22|Port=22|"Port" 22|Port 22 #x|Port 22#x
  Port "22|Port '22|BatchMode maybe|BatchMode ""|BatchMode yes no|Compression true|Compression yes|Hostname|Hostname a b|Hostname %x|Hostname %%
  Hostname %h%|ConnectTimeout 1x|ConnectTimeout 1h1|ConnectTimeout -1|ConnectTimeout 99999999999|ConnectTimeout 3600000w|ConnectTimeout 1hh
  Ciphers aes128-ctr|Ciphers aes128-xxx|Ciphers +nope|Ciphers -nope|Ciphers ^|Ciphers aes128-ctr,|Ciphers -*|MACs hmac-sha9
  KexAlgorithms curve25519-sha256|KexAlgorithms curve*|HostKeyAlgorithms ssh-ed*|HostKeyAlgorithms nope*|HostKeyAlgorithms +nope|EscapeChar ab
  EscapeChar ^a|EscapeChar ^|EscapeChar ^!|LogLevel chatty|LogLevel|SyslogFacility none|RekeyLimit 15|RekeyLimit 1Z|RekeyLimit 1G 1z|RekeyLimit 1.|RekeyLimit -5
  RekeyLimit|RekeyLimit default none x|IPQoS af99|IPQoS 256|IPQoS ef cs1 x|TunnelDevice x|TunnelDevice 1:2:3|TunnelDevice any:|LocalForward 1|LocalForward 0 a:1
  LocalForward 1 a|LocalForward 1 a:b|LocalForward 1 a:0|LocalForward 1 :2|LocalForward /a /b|LocalForward 1 /b|LocalForward a:1 /b|LocalForward a:/b c:1
  LocalForward [::1]:2 [::1]:3|LocalForward ::1:2 a:3|LocalForward [::1:2 a:3|LocalForward 1:2:3:4 5:6|DynamicForward 0|DynamicForward x|DynamicForward a:1
  DynamicForward a:1:2|DynamicForward /a|RemoteForward 0|RemoteForward 0 a:1|RemoteForward x|RemoteForward 1 a|RemoteForward a:b:1 c:2
  PermitRemoteOpen|PermitRemoteOpen a|PermitRemoteOpen a:*|PermitRemoteOpen a:0|PermitRemoteOpen any b:1|PermitRemoteOpen :1|PermitRemoteOpen [::1]:2
  SendEnv A=1|SendEnv|SendEnv ""|SetEnv A|SetEnv A=1 B|ControlPersist maybe|ControlPersist 1h|ControlPersist YES|AddKeysToAgent maybe|AddKeysToAgent yes 5m
  AddKeysToAgent confirm 5x|AddKeysToAgent 5m 6m|AddKeysToAgent|IdentityAgent $A-B|IdentityAgent $A_B|ForwardAgent $%|StreamLocalBindMask 8|StreamLocalBindMask 1000
  StreamLocalBindMask 07x|FingerprintHash sha3|CanonicalDomains a..b|CanonicalDomains -a|CanonicalDomains a,b|CanonicalDomains none a|CanonicalDomains a none
  CanonicalizePermittedCNAMEs a|CanonicalizePermittedCNAMEs a:|CanonicalizePermittedCNAMEs none a:b|UserKnownHostsFile none x|UserKnownHostsFile ""|GlobalKnownHostsFile a "" b
  LogVerbose none x|ProxyJump|ProxyJump ,|ProxyJump a,|ProxyJump a:0|ProxyJump @a|ProxyJump u@|ProxyJump a:b:c|ProxyJump [::1|ProxyJump ssh://a/b|ProxyJump ssh://a:1/
  ProxyJump ssh://u%zz@a|ProxyJump a b|ProxyJump a, b|ProxyJump none,a|ProxyJump x#y,,z|Host|Host ""|Host a "" b|Match|Match all all|Match all host foo|Match host foo all|Match !all
  Match user foo host foo all|Match final all|Match canonical final all|Match host|Match host ""|Match nothing foo|Match exec|Match host foo #|Match #|Include ""|Include /none/such
  Include ~nobody-at-all/x|Nonsense yes|Nonsense|CompressionLevel 9|Cipher 3des|UseRoaming|Protocol 1|IdentityFile|IdentityFile ""|IdentityFile a b|User ""|User a b|User "a b"
  ConnectionAttempts 0|ConnectionAttempts x|ConnectionAttempts 2147483648|NumberOfPasswordPrompts 0x10|GSSAPIKexAlgorithms +gss-gex-sha1-|ProxyCommand|ProxyCommand "a|ProxyCommand = a
  ForkAfterAuthentication yes|AddressFamily inet5|RequestTTY maybe|SessionType shell|StrictHostKeyChecking accept-all|Tunnel x|VerifyHostKeyDNS ask|UpdateHostKeys x|TCPKeepAlive ask
  UserKnownHostsFile ~nobody-at-all/x|ControlPath %z|ControlPath %%|UserKnownHostsFile %z|UserKnownHostsFile \${AMIKO_UNSET}|LocalForward \${AMIKO_UNSET} a:1|RemoteCommand %z|IdentityFile %z
  Host "a|Host 'a' #|Host a b|IgnoreUnknown Foo|ConnectTimeout none|ServerAliveInterval none none|Host !|Host *#|Match all#|CertificateFile|XAuthLocation a b|BindAddress|Tag|Port #22
`
  .split(/[|\n]/)
  .map((line) => line.replace(/^ {2}/, ''))
  .filter((line) => line !== '');

describePeer('ssh', 'canonical names', () => {
  // The names are in a hosts file that only this ssh sees; the first name of a line is the canonical one.
  const HOSTS: Readonly<Record<string, readonly string[]>> = {
    'web.example.test.': ['web.example.test.'],
    'alias.example.test.': ['real.other.test', 'alias.example.test.'],
    plain: ['real.other.test', 'plain'],
    'a.b.example.test.': ['a.b.example.test.'],
    'full.example.test.': ['full.example.test.'],
  };
  const base = 'CanonicalDomains nowhere.test example.test\n';
  const cases: readonly [text: string, host: string][] = [
    [`CanonicalizeHostname yes\n${base}Host web.example.test\nVisualHostKey yes\n`, 'web'],
    [
      `CanonicalizeHostname yes\n${base}Match canonical host *.example.test\nVisualHostKey yes\nMatch originalhost web\nUser orig\n`,
      'WEB',
    ],
    [`CanonicalizeHostname no\n${base}`, 'web'],
    [`CanonicalizeHostname yes\n${base}`, 'unknown'],
    [`CanonicalizeHostname yes\nCanonicalizeFallbackLocal no\n${base}`, 'unknown'],
    [`CanonicalizeHostname yes\n${base}`, 'a.b'],
    [`CanonicalizeHostname yes\nCanonicalizeMaxDots 0\n${base}`, 'a.b'],
    [`CanonicalizeHostname yes\n${base}`, 'a.b.c'],
    [`CanonicalizeHostname yes\n${base}`, 'full.example.test.'],
    [`CanonicalizeHostname yes\n${base}`, 'missing.example.test.'],
    [`CanonicalizeHostname yes\n${base}ProxyJump gate\n`, 'web'],
    [`CanonicalizeHostname always\n${base}ProxyJump gate\n`, 'web'],
    [`CanonicalizeHostname always\n${base}ProxyCommand none\n`, 'web'],
    [`CanonicalizeHostname yes\n${base}CanonicalizePermittedCNAMEs *.example.test:*.other.test\n`, 'alias'],
    [`CanonicalizeHostname yes\n${base}CanonicalizePermittedCNAMEs *.example.test:*.third.test\n`, 'alias'],
    [`CanonicalizeHostname yes\n${base}CanonicalizePermittedCNAMEs *\n`, 'alias'],
    [`CanonicalizeHostname yes\n${base}CanonicalizePermittedCNAMEs none\n`, 'alias'],
    ['CanonicalizeHostname yes\nCanonicalDomains none\nCanonicalizePermittedCNAMEs plain:real.*\n', 'plain'],
    ['CanonicalizePermittedCNAMEs plain:real.*\n', 'plain'],
    ['CanonicalizePermittedCNAMEs plain:real.*\n', 'missing'],
    [`CanonicalizeHostname yes\n${base}Hostname %h\nHost web.example.test\nHostname other\nPort 99\n`, 'web'],
    [`${base}Match final host web\nVisualHostKey yes\nMatch final host web.example.test\nUser canon\n`, 'web'],
    [`CanonicalizeHostname yes\n${base}`, '127.1'],
  ];

  it.skipIf(!canUnshare())('come about as with ssh', { timeout: 60_000 }, async () => {
    await using dir = tempDir();
    const { tables } = await algorithmsOf('ssh');
    const hosts = dir.write(
      'hosts',
      Object.values(HOSTS)
        .map((names) => `192.0.2.1 ${names.join(' ')}\n`)
        .join(''),
      0o644,
    );
    const all = cases.map(([text, host]): Generated => ({ host, text, included: {}, user: null, port: null }));
    const theirs = await runAll('ssh', all, dir, hosts);
    for (const [index, each] of all.entries()) {
      const ours = await ask(each, dir.join(`${index}.conf`), 'ssh', tables, async (name) => {
        const names = HOSTS[name];
        return names === undefined ? null : { canonicalName: names[0] ?? null };
      });
      expect(compare(ours, theirs[index] as Answer, false), `${each.host}: ${each.text}`).toBeNull();
    }
    expect(theirs.filter(({ lines }) => lines?.includes('hostname web.example.test')).length).toBeGreaterThan(3);
    expect(theirs.filter(({ lines }) => lines?.includes('hostname real.other.test')).length).toBeGreaterThan(2);
  });
});

describePeer('ssh', 'a single line', () => {
  it('is refused here where ssh refuses it, and means the same where it does not', { timeout: 120_000 }, async () => {
    await using dir = tempDir();
    const { tables } = await algorithmsOf('ssh');
    const all = LINES.map(
      (text): Generated => ({ host: 'foo', text: `${text}\nVisualHostKey yes\n`, included: {}, user: null, port: null }),
    );
    const theirs = await runAll('ssh', all, dir);
    const differences: string[] = [];
    for (const [index, each] of all.entries()) {
      const ours = await ask(each, dir.join(`${index}.conf`), 'ssh', tables);
      const difference = compare(ours, theirs[index] as Answer, false);
      if (difference !== null) differences.push(`${LINES[index]}: ${difference}`);
    }
    expect(differences).toEqual([]);
    expect(theirs.filter(({ lines }) => lines === null).length).toBeGreaterThan(LINES.length / 3);
  });
});

interface Answer {
  /** Null where the configuration is refused. */
  readonly lines: readonly string[] | null;
  readonly error: string;
}

/** The lists that this build has, so that ours are made of the same names. */
async function algorithmsOf(name: SshName): Promise<{ tables: AlgorithmTables; supported: Record<string, readonly string[]> }> {
  const print = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await run(...peerCommand(name, args));
    return stdout.toString().trim().split('\n');
  };
  const defaults = new Map((await print('-G', '-F', 'none', 'x')).map((line) => line.split(' ') as [string, string]));
  const supported: Record<string, readonly string[]> = {};
  for (const query of ['cipher', 'mac', 'kex', 'sig', 'HostKeyAlgorithms']) supported[query] = await print('-Q', query);
  const table = (keyword: string, query: string) => ({
    defaults: defaults.get(keyword)?.split(',') ?? [],
    supported: supported[query] ?? [],
  });
  const gss = defaults.get('gssapikexalgorithms')?.split(',') ?? [];
  return {
    supported,
    tables: {
      ciphers: table('ciphers', 'cipher'),
      macs: table('macs', 'mac'),
      kexalgorithms: table('kexalgorithms', 'kex'),
      hostkeyalgorithms: table('hostkeyalgorithms', 'HostKeyAlgorithms'),
      hostbasedacceptedalgorithms: table('hostbasedacceptedalgorithms', 'HostKeyAlgorithms'),
      pubkeyacceptedalgorithms: table('pubkeyacceptedalgorithms', 'HostKeyAlgorithms'),
      casignaturealgorithms: table('casignaturealgorithms', 'sig'),
      gssapikexalgorithms: { defaults: gss, supported: gss },
    },
  };
}

/** All of them in one shell, since entering the other system takes longer than ssh. */
async function runAll(name: SshName, all: readonly Generated[], dir: TempDir, hosts?: string): Promise<Answer[]> {
  const script: string[] = [hosts === undefined ? '' : `mount --bind ${hosts} /etc/hosts`, 'cd "$1"'];
  for (const [index, { host, text, included, user, port }] of all.entries()) {
    dir.write(`${index}.conf`, text);
    for (const [file, content] of Object.entries(included)) dir.write(file, content);
    const options = [user === null ? '' : `-l ${user}`, port === null ? '' : `-p ${port}`].join(' ');
    script.push(
      `${peer(name).path} -G -F "$1/${index}.conf" ${options} -- ${host} >${index}.out 2>${index}.err || echo $? >${index}.fail`,
    );
  }
  const file = dir.write('all.sh', script.join('\n'));
  const [command, args] = peerCommand(name, [file, dir.path]);
  const program = args.indexOf(peer(name).path);
  const [shell, shellArgs] =
    program < 0 ? ['/bin/sh', [file, dir.path]] : [command, args.map((arg, at) => (at === program ? '/bin/sh' : arg))];
  // Names are looked up where there is no network to ask.
  const isolated = canUnshare() ? ['unshare', '--mount', '--net', shell, ...shellArgs] : [shell, ...shellArgs];
  const { code } = await run(isolated[0] as string, isolated.slice(1), { env: ENV, timeoutMs: 150_000 });
  expect(code).toBe(0);
  return all.map((_, index) => {
    const error = readFileSync(dir.join(`${index}.err`), 'utf8');
    const failed = existsSync(dir.join(`${index}.fail`));
    const lines = readFileSync(dir.join(`${index}.out`), 'utf8')
      .split('\n')
      .slice(0, -1);
    return { lines: failed ? null : lines, error };
  });
}

interface Printed {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `amiko ssh` with each of these arguments, where ssh was asked, too: with no network and no name to be found. */
async function printAll(all: readonly (readonly string[])[]): Promise<Printed[]> {
  const main = join(dirname(amikoBin), '..', 'dist', 'cli', 'main.js');
  const script = fileURLToPath(new URL('../support/print-configs.mjs', import.meta.url));
  const line = [...(canUnshare() ? ['unshare', '--mount', '--net'] : []), process.execPath, script, main];
  const input = all.map((args) => `${JSON.stringify(args)}\n`).join('');
  const { code, stdout, stderr } = await run(line[0] as string, line.slice(1), { env: ENV, input, timeoutMs: 150_000 });
  expect([code, stderr.toString()]).toEqual([0, '']);
  return stdout
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((text) => JSON.parse(text) as Printed);
}

/** After {@link runAll}, which has written the files. */
async function runAmiko(all: readonly Generated[], dir: TempDir): Promise<Answer[]> {
  const lines = all.map(({ host, user, port }, index) => [
    ...['-G', '-F', dir.join(`${index}.conf`)],
    ...(user === null ? [] : ['-l', user]),
    ...(port === null ? [] : ['-p', String(port)]),
    ...['--', host],
  ]);
  return (await printAll(lines)).map(({ status, stdout, stderr }) => ({
    lines: status === 0 ? stdout.split('\n').slice(0, -1) : null,
    error: stderr,
  }));
}

/** What a shell would say to the commands that the generator knows. */
function shell(command: string): boolean {
  const [, left, operator, right] = /^test (\S+) (!?=) (\S+)$/.exec(command) ?? [];
  if (operator !== undefined) return (left === right) === (operator === '=');
  expect(['true', 'false', 'exit 3']).toContain(command);
  return command === 'true';
}

async function ask(
  { host, user, port }: Generated,
  file: string,
  name: SshName,
  tables: AlgorithmTables,
  resolve?: Resolver,
): Promise<Answer> {
  try {
    const config = await SSHConfig.load(file);
    const resolved = await config.lookup(host, {
      ...(user === null ? {} : { user }),
      ...(port === null ? {} : { port }),
      tables,
      machine,
      version: /OpenSSH_[^ ,]+/.exec(peer(name).version)?.[0] ?? '',
      // Nothing is to be found, as on a machine without a network.
      resolve: resolve ?? (async () => null),
      exec: async (command) => shell(command),
    });
    return { lines: resolved.dump(), error: '' };
  } catch (error) {
    return { lines: null, error: error instanceof Error ? error.message : String(error) };
  }
}

function compare(ours: Answer, theirs: Answer, modern: boolean): string | null {
  // ssh looks for the socket of the agent that it would forward already here; we leave that to the connection.
  if (theirs.error.includes('Cannot forward agent socket path') && theirs.lines === null) return null;
  if (ours.lines === null || theirs.lines === null) {
    return (ours.lines === null) === (theirs.lines === null) ? null : `ours '${ours.error}', theirs '${theirs.error}'`;
  }
  const [a, b] = exceptions(ours.lines, theirs.lines, modern);
  const missing = b.filter((line) => !a.includes(line));
  const extra = a.filter((line) => !b.includes(line));
  if (missing.length + extra.length > 0) return `theirs ${JSON.stringify(missing)}, ours ${JSON.stringify(extra)}`;
  const at = a.findIndex((line, index) => line !== b[index]);
  return a.join('\n') === b.join('\n') ? null : `order: theirs '${b[at]}', ours '${a[at]}'`;
}

/** What differs and may. */
function exceptions(ours: readonly string[], theirs: readonly string[], modern: boolean): [string[], string[]] {
  let a = [...ours];
  let b = [...theirs];
  if (!modern) {
    // 9.2 does not know these keywords, which came with 9.3 to 10.0.
    a = a.filter((line) => !/^(obscurekeystroketiming|channeltimeout|tag|versionaddendum) /.test(line));
    // DSA keys are gone from 10.0, and from our defaults.
    if (a.includes('identityfile ~/.ssh/id_xmss')) b = b.filter((line) => line !== 'identityfile ~/.ssh/id_dsa');
    // 9.2 has no %j, and so its %C leaves out the hop.
    if (a.some((line) => line.startsWith('proxyjump '))) {
      const short = (line: string): string => line.replace(/^(controlpath .*)[0-9a-f]{40}/, '$1');
      [a, b] = [a.map(short), b.map(short)];
    }
    // The default changed with 10.0.
    if (a.includes('ipqos ef cs1')) b = b.map((line) => (line === 'ipqos lowdelay throughput' ? 'ipqos ef cs1' : line));
  }
  // Debian's ssh alone sends keepalives every five minutes where BatchMode is on and the file does not say how often.
  if (a.includes('batchmode yes') && a.includes('serveraliveinterval 0')) {
    b = b.map((line) => (line === 'serveraliveinterval 300' ? 'serveraliveinterval 0' : line));
  }
  return [a, b];
}
