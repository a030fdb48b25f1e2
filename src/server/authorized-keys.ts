// Who may log in by which key, and what they may do then (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"). A line that is not understood
// as a whole lets nobody in, and is said: to ignore an option would allow what it forbids.

import { nodeCrypto } from '../crypto/node/index.ts';
import { KeyFormatError, printable } from '../errors.ts';
import { type Certificate, optionText } from '../keys/certificate.ts';
import { type KeyOptions, parseKeyOptions, parseTimestamp } from '../keys/key-options.ts';
import { describeUnsupportedType, isKeyType, looksLikeKeyType } from '../keys/key-type.ts';
import { PublicKey } from '../keys/public-key.ts';
import { matchesFrom, matchesSourceAddress } from './addresses.ts';
import { both, everything, type Grant, type PermittedPlace, restricted } from './grant.ts';

/** Every option of sshd(8), and the opposites that it understands without saying so. */
const OPTIONS = {
  plain: [
    'agent-forwarding',
    'cert-authority',
    'no-agent-forwarding',
    'no-port-forwarding',
    'no-pty',
    'no-touch-required',
    'no-user-rc',
    'no-verify-required',
    'no-x11-forwarding',
    'port-forwarding',
    'pty',
    'restrict',
    'touch-required',
    'user-rc',
    'verify-required',
    'x11-forwarding',
  ],
  valued: ['command', 'environment', 'expiry-time', 'from', 'permitlisten', 'permitopen', 'principals', 'tunnel'],
};
/** A second one would have to win over the first, or be ignored: as for sshd it is neither. */
const ONCE = ['command', 'from', 'principals'];

/** OpenSSH's SSH_TUNID_MAX. */
const MOST_TUNNEL = 0x7fff_fffd;

/** Who asks. */
export interface Applicant {
  readonly user: string;
  /** With its certificate, where it came in one. */
  readonly key: PublicKey;
  /** The address that the client comes from. */
  readonly address: string;
  /** Seconds since 1970. */
  readonly now: number;
}

/** What was decided, and by what: a text for logs. */
export type Authorization =
  | { readonly granted: Grant; readonly by: string }
  /** `near` where something was found that did not fit in the end; else nothing is known of the key. */
  | { readonly granted: null; readonly why: string; readonly near: boolean };

interface Entry {
  readonly place: string;
  readonly key: PublicKey;
  readonly authority: boolean;
  readonly from: string | null;
  /** Seconds since 1970. */
  readonly expires: number;
  /** Of certificates; null: the user's name. */
  readonly principals: readonly string[] | null;
  readonly grant: Grant;
}

/**
 * The keys of an authorized_keys file. Every option of sshd(8) is understood. `user-rc`, `no-user-rc` and `tunnel` are checked and have
 * no effect: no `~/.ssh/rc` is run here and no tunnel is made, whatever a line says.
 *
 * @example
 * const keys = AuthorizedKeys.parse(await readFile('authorized_keys', 'utf8'), 'authorized_keys');
 * const { granted } = keys.authorize({ user: 'me', key, address: '192.0.2.1', now: Date.now() / 1000 });
 */
export class AuthorizedKeys {
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /**
   * @param log Hears of lines that are passed over, because their key is of a type that amiko does not have: nobody can log in by it.
   * @throws KeyFormatError naming file and line
   */
  static parse(text: string, file: string, log: (message: string) => void = () => {}): AuthorizedKeys {
    const entries: Entry[] = [];
    for (const [index, raw] of text.split('\n').entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) continue;
      const place = `${file}:${index + 1}`;
      try {
        const entry = parseLine(line, place);
        if (typeof entry === 'string') log(`${place}: skipped: ${entry}`);
        else entries.push(entry);
      } catch (error) {
        throw new KeyFormatError(error instanceof Error ? error.message : String(error), { file: place, cause: error });
      }
    }
    return new AuthorizedKeys(entries);
  }

  /** Lines in it. */
  get size(): number {
    return this.#entries.length;
  }

  /** Every line is looked at, found or not, so that the time tells nothing of where a key is. */
  authorize(applicant: Applicant): Authorization {
    let decided: Authorization = { granted: null, why: 'no line has the key', near: false };
    for (const entry of this.#entries) {
      const own = consider(entry, applicant);
      if (own !== null && decided.granted === null) decided = own;
    }
    return decided;
  }
}

/** The extensions that OpenSSH knows, none of which has a value. */
const EXTENSIONS = [
  'no-touch-required',
  'permit-X11-forwarding',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
];

/** What a certificate's own options grant; a text where one of them is not to be had. */
export function grantOfCertificate(certificate: Certificate, address: string): Grant | string {
  let command: string | null = null;
  let verifyRequired = false;
  for (const [name, value] of certificate.criticalOptions) {
    const text = optionText(value);
    if (name === 'force-command' && text !== null) command = text;
    else if (name === 'source-address' && text !== null) {
      if (!matchesSourceAddress(text, address)) return `the certificate is not good for clients at ${printable(address)}`;
    } else if (name === 'verify-required' && value.length === 0) verifyRequired = true;
    else return `the critical option '${printable(name)}' of the certificate is not known`;
  }
  for (const name of EXTENSIONS) {
    // It may mean something that we don't know; sshd refuses it as well.
    if ((certificate.extensions.get(name)?.length ?? 0) > 0) return `the extension '${name}' of the certificate has a value`;
  }
  const permits = (name: string) => certificate.extensions.has(name);
  return {
    ...restricted,
    command,
    pty: permits('permit-pty'),
    portForwarding: permits('permit-port-forwarding'),
    agentForwarding: permits('permit-agent-forwarding'),
    x11Forwarding: permits('permit-X11-forwarding'),
    touchRequired: !permits('no-touch-required'),
    verifyRequired,
  };
}

/** Null where the line is about another key. */
function consider(entry: Entry, { user, key, address, now }: Applicant): Authorization | null {
  const { certificate } = key;
  const refused = (why: string): Authorization => ({ granted: null, why: `${entry.place}: ${why}`, near: true });
  let grant = entry.grant;
  if (entry.authority) {
    if (certificate === null || !entry.key.equals(certificate.signatureKey)) return null;
    const names = entry.principals ?? [user];
    const why = certificate.refusal('user', null, now);
    if (why !== null) return refused(`the certificate does not help: ${why}`);
    if (!certificate.principals.some((name) => names.includes(name))) return refused('none of its principals may');
    const own = grantOfCertificate(certificate, address);
    if (typeof own === 'string') return refused(own);
    const joined = both(grant, own);
    if (typeof joined === 'string') return refused(joined);
    grant = joined;
  } else if (certificate !== null || !entry.key.equals(key)) {
    // As sshd: a key in a certificate is not the plain key, which its holder can show just as well.
    return null;
  }
  if (entry.from !== null && !matchesFrom(entry.from, address)) return refused(`not from ${printable(address)}`);
  if (now >= entry.expires) return refused('the line has expired');
  const by =
    certificate === null
      ? entry.place
      : `${entry.place}, certificate '${printable(certificate.keyId)}' serial ${certificate.serial}`;
  return { granted: grant, by };
}

/** A text where the key is of a type that is not supported: old files have such lines, and new ones will. */
function parseLine(line: string, place: string): Entry | string {
  const parsed = parseKeyOptions(line, OPTIONS);
  for (const [index, [name]] of parsed.all.entries()) {
    if (ONCE.includes(name) && parsed.all.findIndex(([other]) => other === name) < index)
      throw new KeyFormatError(`the option '${name}' twice`);
  }
  const { options } = parsed;
  const principals = options.get('principals');
  const authority = options.has('cert-authority');
  if (principals !== undefined && !authority) throw new KeyFormatError("'principals' is only for 'cert-authority'");
  const type = /^\S*/.exec(parsed.rest)?.[0] ?? '';
  if (looksLikeKeyType(type) && !isKeyType(type)) return describeUnsupportedType(type);
  return {
    place,
    key: PublicKey.fromText(parsed.rest, nodeCrypto),
    authority,
    from: options.get('from') ?? null,
    expires: expiry(parsed),
    principals: principals?.split(',').filter((name) => name !== '') ?? null,
    grant: grantOf(parsed),
  };
}

/** The earliest of several. */
function expiry({ all }: KeyOptions): number {
  const times = all.filter(([name]) => name === 'expiry-time').map(([, value]) => parseTimestamp(value));
  return Math.min(Number.POSITIVE_INFINITY, ...times);
}

/** One after the other, as sshd: what comes behind `restrict` is permitted again. */
function grantOf({ all, options }: KeyOptions): Grant {
  let grant: Grant = everything;
  const environment: Record<string, string> = {};
  for (const [name, value] of all) {
    const [, no, what] = /^(no-)?(.*)$/.exec(name) ?? [];
    const field = FIELDS.get(what ?? '');
    if (name === 'restrict') grant = { ...restricted, touchRequired: grant.touchRequired, verifyRequired: grant.verifyRequired };
    else if (field !== undefined) grant = { ...grant, [field]: no === undefined };
    else if (name === 'environment') addVariable(environment, value);
    else if (name === 'tunnel' && !isTunnel(value)) throw new KeyFormatError(`not a tunnel: '${printable(value)}'`);
  }
  const places = (option: string, bare: boolean) => {
    const values = all.filter(([name]) => name === option).map(([, value]) => value);
    return values.length === 0 ? null : values.map((value) => parsePlace(value, bare));
  };
  return {
    ...grant,
    command: options.get('command') ?? null,
    environment,
    permitOpen: places('permitopen', false),
    permitListen: places('permitlisten', true),
  };
}

/** `any`, or the number of a device. */
function isTunnel(value: string): boolean {
  return /^any$/i.test(value) || (/^\d{1,10}$/.test(value) && Number(value) <= MOST_TUNNEL);
}

const FIELDS: ReadonlyMap<string, keyof Grant> = new Map([
  ['pty', 'pty'],
  ['port-forwarding', 'portForwarding'],
  ['agent-forwarding', 'agentForwarding'],
  ['x11-forwarding', 'x11Forwarding'],
  ['touch-required', 'touchRequired'],
  ['verify-required', 'verifyRequired'],
]);

/** The first of several with one name counts, as in sshd. */
function addVariable(environment: Record<string, string>, text: string): void {
  const match = /^([A-Za-z0-9_]+)=(.*)$/.exec(text);
  if (match === null || text.includes('\0')) throw new KeyFormatError(`not a variable: '${printable(text)}'`);
  const [, name = '', value = ''] = match;
  if (!Object.hasOwn(environment, name)) Object.defineProperty(environment, name, { value, enumerable: true });
}

/** One place, `host:port`, `[host]:port`, and, where a host can be left out, `port`; `*` for any port. */
function parsePlace(text: string, bare: boolean): PermittedPlace {
  const match = /^(?:\[([^\]]+)\]|([^:,/[\]]*)):(\d{1,5}|\*)$/.exec(bare && !text.includes(':') ? `*:${text}` : text);
  const port = match?.[3] === '*' ? null : Number(match?.[3]);
  const host = match?.[1] ?? match?.[2] ?? '';
  if (match === null || host === '' || (port !== null && (port > 65_535 || port === 0))) {
    throw new KeyFormatError(`not a host and port: '${printable(text)}'`);
  }
  return { host, port };
}
