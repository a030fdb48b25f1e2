// What the options of a Transport may be, for callers without types, and where the names lead that ssh2 and paramiko have for them.
// The tables have a row for each option of the types: the compiler sees to it.

import type { AlgorithmOptions } from '../algorithms/policy.ts';
import { categories } from '../algorithms/registry.ts';
import type { Address } from '../io/dial.ts';
import {
  bytes,
  CALL,
  callback,
  count,
  either,
  endpoint,
  flag,
  having,
  isObject,
  iterable,
  type Kind,
  kind,
  listOf,
  milliseconds,
  needed,
  oneOf,
  options,
  port,
  positive,
  secret,
  signer,
  type TableOf,
  text,
} from '../io/kinds.ts';
import type { ChannelTimeout } from './channel-timeouts.ts';
import type { ConnectOptions, OpenChannelOptions, TransportOptions } from './options.ts';

/** ssh2's categories, and habit's. */
const OTHER_CATEGORIES = {
  serverHostKey: "it is 'keys'",
  hostKey: "it is 'keys'",
  hmac: "it is 'macs'",
  mac: "it is 'macs'",
  digests: "it is 'macs'",
  compress: "it is 'compression'",
};

function byCategory(each: Kind): Kind {
  return options(Object.fromEntries(categories.map((name) => [name, each])) as TableOf<AlgorithmOptions>, OTHER_CATEGORIES);
}

const choice = kind(
  "an array of names, or a string: 'a,b' for these alone, '+a' to add, '-a' to take away, '^a' to put first",
  (value) => typeof value === 'string' || (Array.isArray(value) && value.every((name) => typeof name === 'string')),
);

const gssKex = either(flag, listOf(text, 'an array of names'));

const channelTimeout = kind('{ type, milliseconds }', (value) => {
  const { type, milliseconds: limit } = (value ?? {}) as Partial<ChannelTimeout>;
  return typeof type === 'string' && milliseconds.fits(limit);
});

export const TRANSPORT: TableOf<TransportOptions> = {
  defaultWindowSize: count,
  maxWindowSize: count,
  defaultMaxPacketSize: count,
  policy: oneOf('modern', 'compatible', 'legacy'),
  algorithms: byCategory(choice),
  disabledAlgorithms: byCategory(iterable),
  moduli: kind('an array of groups (parseModuli and readModuli make one)', Array.isArray),
  serverSigAlgs: flag,
  strictKex: flag,
  rekey: options({ bytes: positive, packets: positive, milliseconds } satisfies TableOf<TransportOptions['rekey']>),
  timeouts: options({
    handshake: milliseconds,
    auth: milliseconds,
    channelOpen: milliseconds,
    login: milliseconds,
  } satisfies TableOf<NonNullable<TransportOptions['timeouts']>>),
  maxAuthTries: count,
  authFailureDelay: milliseconds,
  maxSessions: count,
  onHostKeys: callback,
  channelTimeouts: listOf(channelTimeout, 'an array of { type: string, milliseconds: number }'),
  keylog: callback,
  packetizerClass: callback,
  gssKex,
  gssDelegCreds: flag,
  gssProvider: kind('an object (gssapi of amiko/gssapi makes one)', isObject),
  log: callback,
  onLogin: callback,
  crypto: kind('an object', isObject),
};

/** Names that others have for what a transport can be told. */
export const OTHER_TRANSPORT = {
  debug: "it is 'log': (level, message) => { ... }",
  logger: "it is 'log': (level, message) => { ... }",
  compress: "it is part of 'algorithms': { compression: ['zlib@openssh.com', 'none'] }",
  ciphers: "it is part of 'algorithms'",
  kex: "it is part of 'algorithms'",
  windowSize: "it is 'defaultWindowSize'",
  ident: 'the identification cannot be changed',
};

const transportTable: Readonly<Record<string, Kind>> = TRANSPORT;

/** Those of the options that are a transport's own: others know more, and their secrets are none of its business. */
export function transportOptionsOf(given: TransportOptions): TransportOptions {
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== undefined && Object.hasOwn(transportTable, name)),
  );
}

export const publicKey = having('a PublicKey (readPublicKey and parsePublicKey make one)', 'equals', 'verify');

/** Deny by default: an empty list of keys is a mistake, and so is anything else that says neither yes nor no. */
export const hostKey = either(
  publicKey,
  listOf(publicKey, 'an array of those', 1),
  kind('a function (key) => true or false', (value) => typeof value === 'function'),
  oneOf('ignore'),
);

/** What a server asks for its decisions. */
export const serverInterface = having('a ServerInterface', 'getAllowedAuths', 'checkChannelRequest');

export const username = needed(text);
export const password = secret(needed(text));

export const CONNECT: TableOf<ConnectOptions> = {
  ...CALL,
  hostKey: needed(hostKey),
  username: text,
  password: secret(text),
  privateKey: secret(signer),
  gssHost: text,
  gssAuth: flag,
  gssKex,
  gssDelegCreds: flag,
  gssTrustDns: flag,
};

/** How others call what says which host key is right: passed over, none would be checked. */
export const OTHER_HOST_KEY = {
  hostVerifier: "it is 'hostKey': (key) => key.fingerprint === 'SHA256:...'",
  hostHash: "'hostKey' gets a PublicKey: compare its fingerprint",
};

export const OTHER_CONNECT = {
  ...OTHER_HOST_KEY,
  pkey: "it is 'privateKey'",
  verifyHostKey: "it is 'hostKey' here",
};

export const ADDRESS: TableOf<Address> = {
  host: needed(text),
  port,
  family: kind('4 or 6', (value) => value === 0 || value === 4 || value === 6),
  localAddress: text,
  localInterface: text,
  keepAlive: flag,
};

export const OPEN_CHANNEL: TableOf<OpenChannelOptions> = {
  ...CALL,
  windowSize: count,
  maxPacketSize: count,
  destAddr: endpoint,
  srcAddr: endpoint,
  path: text,
  data: bytes,
};
