// A private Kerberos realm: MIT's KDC on a free port of 127.0.0.1, its database, keytabs and tickets in one temporary directory.
// Nothing of the machine's own Kerberos is read or written: every program gets `env`, and this process gets it by `useRealm`.
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import {
  type BackgroundProcess,
  describePeer,
  type PeerName,
  run,
  runPeer,
  startOnFreePort,
  startProcess,
  tempDir,
} from './peers.ts';

export const REALM = 'AMIKO.TEST';
const PASSWORD = 'ticket please';

export interface Kdc extends AsyncDisposable {
  /** What makes a program, or this process, live in the realm. The default keytab has the keys of `host/localhost`. */
  readonly env: Readonly<Record<string, string>>;
  /** `FILE:` and a path in the realm's directory. */
  file(name: string): string;
  /** Makes a user whose password is known to {@link kinit}, or with `randomKey` a service. */
  addPrincipal(name: string, options?: { randomKey?: boolean }): Promise<void>;
  /** Writes a service's keys into a keytab and returns its name. The keys in keytabs made before stay good. */
  keytab(principal: string, file: string): Promise<string>;
  /** Gets a ticket for a user, and returns the cache that it is in. `args` for kinit, such as a lifetime. */
  kinit(user: string, options?: { cache?: string; args?: readonly string[] }): Promise<string>;
  /** What is in a credential cache, or null where there is none. */
  klist(cache: string): Promise<string | null>;
  /** Resolves when the ticket in a cache is over. */
  expired(cache: string): Promise<void>;
  /** A krb5.conf that looks for the KDC at another port. */
  configFor(port: number): string;
}

const PROGRAMS: readonly PeerName[] = ['krb5kdc', 'kadmin.local', 'kinit', 'klist'];

const cacheFolder = process.env['AMIKO_CACHE'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'amiko');
const koffiFolder = join(cacheFolder, 'gss');
/** Where that is. */
export const koffiPath = join(koffiFolder, 'node_modules', 'koffi');

/** The module `koffi` from where `.ci/run` puts it. */
export function loadKoffi(): unknown {
  return createRequire(import.meta.url)(koffiPath);
}

/** `describe` for tests that need Kerberos, koffi and peers: skipped without them, or failed where AMIKO_REQUIRE_PEERS is 1. */
export function describeKerberos(peers: readonly PeerName[], title: string, body: () => void): void {
  if (existsSync(koffiPath)) {
    describePeer([...PROGRAMS, ...peers], title, body);
    return;
  }
  const why = `koffi is missing; npm install --ignore-scripts --prefix ${koffiFolder} koffi@3.3.4`;
  if (process.env['AMIKO_REQUIRE_PEERS'] !== '1') describe.skip(`${title} (${why})`, body);
  else {
    describe(title, () => {
      it('has its peers', () => {
        throw new Error(why);
      });
    });
  }
}

/** Puts this process into the realm, for the library and for servers that inherit the environment. The function undoes it. */
export function useRealm({ env }: Pick<Kdc, 'env'>): () => void {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

/** Starts a realm with `host/localhost` in it. */
export async function startKdc(): Promise<Kdc> {
  const dir = tempDir();
  const { env, admin } = files(dir.path);
  let kdc: BackgroundProcess | null = null;
  const stop = async (): Promise<void> => {
    await kdc?.stop();
  };
  try {
    await must('/usr/sbin/kdb5_util', ['create', '-s', '-r', REALM, '-P', 'master'], env);
    const { server } = await startOnFreePort(
      (port) => {
        configure(dir.path, port);
        const logFile = dir.join('kdc.log');
        return startProcess('/usr/sbin/krb5kdc', ['-n'], { env, logFile });
      },
      /commencing operation/,
      /address already in use|Cannot bind/i,
    );
    kdc = server;
    await admin(`addprinc -randkey host/localhost`);
    await admin(`ktadd -k ${dir.join('host.keytab')} host/localhost`);
  } catch (error) {
    await stop();
    await dir.remove();
    throw error;
  }
  const file = (name: string): string => `FILE:${dir.join(name)}`;
  const show = async (cache: string, ...args: string[]) => runPeer('klist', [...args, cache], { env });
  return {
    env,
    file,
    addPrincipal: (name, { randomKey = false } = {}) => admin(`addprinc ${randomKey ? '-randkey' : `-pw "${PASSWORD}"`} ${name}`),
    async keytab(principal, name) {
      await admin(`ktadd -norandkey -k ${dir.join(name)} ${principal}`);
      return file(name);
    },
    async kinit(user, { cache = `cc-${user}`, args = [] } = {}) {
      const result = await runPeer('kinit', ['-c', file(cache), ...args, user], { env, input: `${PASSWORD}\n` });
      if (result.code !== 0) throw new Error(`kinit: ${result.stderr}`);
      return file(cache);
    },
    async klist(cache) {
      const { code, stdout } = await show(cache);
      return code === 0 ? stdout.toString() : null;
    },
    async expired(cache) {
      const until = Date.now() + 20_000;
      // `klist -s` says with its exit code whether there is a good ticket. The library lets one be good for all of its last second.
      for (let over = 0; over === 0 || Math.floor(Date.now() / 1_000) <= over; ) {
        if ((await show(cache, '-s')).code !== 0) over ||= Math.floor(Date.now() / 1_000);
        if (Date.now() > until) throw new Error('the ticket does not expire');
      }
    },
    configFor(port) {
      const name = `krb5-${port}.conf`;
      writeConfig(dir.join(name), port);
      return dir.join(name);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await dir.remove();
    },
  };
}

/** Everything that does not depend on the port. */
function files(directory: string): { env: Record<string, string>; admin: (query: string) => Promise<void> } {
  const env = {
    KRB5_CONFIG: join(directory, 'krb5.conf'),
    KRB5_KDC_PROFILE: join(directory, 'kdc.conf'),
    KRB5_KTNAME: `FILE:${join(directory, 'host.keytab')}`,
    KRB5_CLIENT_KTNAME: `FILE:${join(directory, 'no.keytab')}`,
    KRB5CCNAME: `FILE:${join(directory, 'cc-default')}`,
    // Replayed authenticators are not what is tested, and the cache of them would be left behind.
    KRB5RCACHENAME: 'none:',
  };
  configure(directory, 1);
  return { env, admin: (query) => must('/usr/sbin/kadmin.local', ['-r', REALM, '-q', query], env) };
}

function configure(directory: string, port: number): void {
  writeConfig(join(directory, 'krb5.conf'), port);
  writeFileSync(
    join(directory, 'kdc.conf'),
    `[kdcdefaults]
 kdc_listen = 127.0.0.1:${port}
 kdc_tcp_listen = 127.0.0.1:${port}
[realms]
 ${REALM} = {
  database_name = ${join(directory, 'principal')}
  key_stash_file = ${join(directory, 'stash')}
  acl_file = ${join(directory, 'kadm5.acl')}
  max_life = 1h
  supported_enctypes = aes256-cts-hmac-sha1-96:normal
 }
[logging]
 kdc = FILE:${join(directory, 'kdc.log')}
`,
  );
}

function writeConfig(path: string, port: number): void {
  writeFileSync(
    path,
    `[libdefaults]
 default_realm = ${REALM}
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 qualify_shortname = ""
 udp_preference_limit = 1
 forwardable = true
[realms]
 ${REALM} = {
  kdc = 127.0.0.1:${port}
 }
[domain_realm]
 localhost = ${REALM}
 elsewhere = ${REALM}
`,
  );
}

async function must(command: string, args: readonly string[], env: Record<string, string>): Promise<void> {
  const { code, stdout, stderr } = await run(command, args, { env });
  // kadmin.local says "while adding principal" and ends with 0.
  if (code !== 0 || /: .* while /.test(stderr)) throw new Error(`${command} ${args.join(' ')}: ${stderr}${stdout}`);
}
