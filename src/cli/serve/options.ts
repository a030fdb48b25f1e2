// The options of `amiko serve`, checked: what comes out of here is complete and in range. Nothing is guessed; a word that is not
// known is refused with the nearest one that is.

import { parseArgs } from 'node:util';
import { nearest } from '../../algorithms/nearest.ts';
import type { AlgorithmOptions } from '../../algorithms/policy.ts';
import { printable, UsageError } from '../../errors.ts';

export interface ServeOptions {
  readonly help: boolean;
  /** The folder that SFTP shows; null for the current one. */
  readonly folder: string | null;
  readonly sftp: boolean;
  /** Whether SFTP may change the folder. */
  readonly write: boolean;
  readonly host: string;
  readonly port: number;
  readonly hostKeys: readonly string[];
  /** Null for the invoking user's. */
  readonly user: string | null;
  readonly authorizedKeys: readonly string[];
  /** Files with authorities of users' certificates. */
  readonly userCas: readonly string[];
  readonly revokedKeys: readonly string[];
  /** What certificates of these may name; null for the user's name. */
  readonly principals: readonly string[] | null;
  readonly hostCertificates: readonly string[];
  readonly exec: boolean;
  readonly shell: boolean;
  readonly acceptEnv: readonly string[];
  readonly allowForward: boolean;
  readonly allowAgentForward: boolean;
  readonly allowX11: boolean;
  /** Kerberos principals that may log in. */
  readonly gssapi: readonly string[];
  /** A file of groups for the key exchange, or null for those that are built in. */
  readonly moduli: string | null;
  /** Seconds. */
  readonly loginGrace: number;
  readonly maxAuthTries: number;
  readonly maxStartups: number;
  readonly maxPerSource: number;
  readonly maxSessions: number;
  readonly banner: string | null;
  /** Bytes, or null for the default. */
  readonly rekey: number | null;
  readonly algorithms: AlgorithmOptions;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbosity: 0 | 1 | 2 | 3;
}

const TABLE = {
  host: { type: 'string' },
  port: { type: 'string' },
  'host-key': { type: 'string', multiple: true },
  user: { type: 'string' },
  'authorized-keys': { type: 'string', multiple: true },
  'trusted-user-ca': { type: 'string', multiple: true },
  'revoked-keys': { type: 'string', multiple: true },
  principals: { type: 'string', multiple: true },
  'host-certificate': { type: 'string', multiple: true },
  write: { type: 'boolean' },
  'no-sftp': { type: 'boolean' },
  exec: { type: 'boolean' },
  shell: { type: 'boolean' },
  'accept-env': { type: 'string', multiple: true },
  'allow-forward': { type: 'boolean' },
  'allow-agent-forward': { type: 'boolean' },
  'allow-x11': { type: 'boolean' },
  gssapi: { type: 'string', multiple: true },
  moduli: { type: 'string' },
  'login-grace': { type: 'string' },
  'max-auth-tries': { type: 'string' },
  'max-startups': { type: 'string' },
  'max-per-source': { type: 'string' },
  'max-sessions': { type: 'string' },
  banner: { type: 'string' },
  rekey: { type: 'string' },
  ciphers: { type: 'string' },
  macs: { type: 'string' },
  kex: { type: 'string' },
  'host-key-algorithms': { type: 'string' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  verbose: { type: 'boolean', short: 'v', multiple: true },
  help: { type: 'boolean', short: 'h' },
} as const;

type Name = keyof typeof TABLE;

/** A day: more than that is no login any more. */
const MAX_GRACE_SECONDS = 86_400;
/** Below that a connection would do little else than exchanging keys. */
const MIN_REKEY_BYTES = 256;

/** @throws UsageError saying which word is wrong, and which was probably meant */
export function parseServeOptions(args: readonly string[]): ServeOptions {
  const texts = new Map<Name, string[]>();
  const flags = new Map<Name, number>();
  let folder: string | null = null;
  const { tokens } = parseArgs({ args: [...args], options: TABLE, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      if (folder !== null) throw new UsageError(`unexpected argument '${printable(token.value)}': only one folder can be served`);
      if (token.value === '') throw new UsageError('the folder needs a name');
      folder = token.value;
      continue;
    }
    const name = known(token.name, token.rawName);
    if (TABLE[name].type === 'boolean') {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
      flags.set(name, (flags.get(name) ?? 0) + 1);
      continue;
    }
    // `--port --json` is a forgotten value, not a value that looks like an option; `--port=--json` says otherwise.
    const { value } = token;
    if (value === undefined || (!token.inlineValue && looksLikeOption(name, value))) {
      throw new UsageError(`${token.rawName} needs a value`);
    }
    texts.set(name, [...(texts.get(name) ?? []), value]);
  }
  const text = (name: Name): string | null => texts.get(name)?.at(-1) ?? null;
  const whole = (name: Name, fallback: number, from: number, to: number): number => {
    const value = text(name);
    if (value === null) return fallback;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= from && number <= to) return number;
    throw new UsageError(`--${name} is a whole number from ${from} to ${to}, not '${printable(value)}'`);
  };
  const algorithms = algorithmOptions(text);
  const user = text('user');
  if (user === '') throw new UsageError('--user needs a name');
  const sftp = !flags.has('no-sftp');
  if (!sftp && (folder !== null || flags.has('write'))) {
    throw new UsageError(`--no-sftp and ${folder === null ? '--write' : 'a folder'} do not go together`);
  }
  return {
    help: flags.has('help'),
    folder,
    sftp,
    write: flags.has('write'),
    host: text('host') ?? '127.0.0.1',
    port: whole('port', 2222, 0, 65_535),
    hostKeys: texts.get('host-key') ?? [],
    user,
    authorizedKeys: texts.get('authorized-keys') ?? [],
    userCas: texts.get('trusted-user-ca') ?? [],
    revokedKeys: texts.get('revoked-keys') ?? [],
    principals: texts.get('principals')?.flatMap(principalNames) ?? null,
    hostCertificates: texts.get('host-certificate') ?? [],
    exec: flags.has('exec'),
    shell: flags.has('shell'),
    acceptEnv: texts.get('accept-env') ?? [],
    allowForward: flags.has('allow-forward'),
    allowAgentForward: flags.has('allow-agent-forward'),
    allowX11: flags.has('allow-x11'),
    gssapi: (texts.get('gssapi') ?? []).map(principal),
    moduli: text('moduli'),
    loginGrace: whole('login-grace', 120, 0, MAX_GRACE_SECONDS),
    maxAuthTries: whole('max-auth-tries', 6, 1, 128),
    maxStartups: whole('max-startups', 100, 0, 1_000_000),
    maxPerSource: whole('max-per-source', 10, 0, 1_000_000),
    maxSessions: whole('max-sessions', 10, 0, 1_024),
    banner: text('banner'),
    rekey: rekeyBytes(text('rekey')),
    algorithms,
    json: flags.has('json'),
    quiet: flags.has('quiet'),
    verbosity: Math.min(flags.get('verbose') ?? 0, 3) as 0 | 1 | 2 | 3,
  };
}

function known(name: string, rawName: string): Name {
  if (Object.hasOwn(TABLE, name)) return name as Name;
  const close = rawName.startsWith('--') ? nearest(name, Object.keys(TABLE)) : null;
  throw new UsageError(`unknown option '${printable(rawName)}'${close === null ? '' : `; did you mean '--${close}'?`}`);
}

/** `--ciphers -aes128-ctr` is OpenSSH's way to take one away, and no option. */
function looksLikeOption(name: Name, value: string): boolean {
  const isList = ['ciphers', 'macs', 'kex', 'host-key-algorithms'].includes(name);
  return value.startsWith('--') || (!isList && /^-./.test(value));
}

function algorithmOptions(text: (name: Name) => string | null): AlgorithmOptions {
  const lists = { ciphers: text('ciphers'), macs: text('macs'), kex: text('kex'), keys: text('host-key-algorithms') };
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== null)) as AlgorithmOptions;
}

/** Whole: without its realm, a name would mean somebody in every realm that ours trusts. */
function principal(value: string): string {
  if (/^[^@\s]+@[^@\s]+$/.test(value)) return value;
  throw new UsageError(`--gssapi needs a principal such as alice@EXAMPLE.COM, not '${printable(value)}'`);
}

/** Names of users, separated by commas. */
function principalNames(value: string): string[] {
  const names = value.split(',');
  if (names.includes('')) throw new UsageError(`--principals needs names, not '${printable(value)}'`);
  return names;
}

function rekeyBytes(value: string | null): number | null {
  if (value === null) return null;
  const [, digits, unit = ''] = /^(\d{1,12})([KMG]?)$/i.exec(value) ?? [];
  const bytes = Number(digits) * { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[unit.toUpperCase() as '' | 'K' | 'M' | 'G'];
  if (bytes >= MIN_REKEY_BYTES && bytes <= 2 ** 40) return bytes;
  throw new UsageError(`--rekey is a number of bytes from ${MIN_REKEY_BYTES} on, such as 64K or 1G, not '${printable(value)}'`);
}
