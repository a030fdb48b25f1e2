// The constraint restrict-destination-v00@openssh.com (OpenSSH PROTOCOL.agent section 2): from which host to which host, and as whom,
// a key may be used. Hosts are known by their keys; names are for people, and for the certificates of hosts. Whatever is not
// understood as a whole is refused: a constraint that is read more widely than it was meant lets a key go where it must not.

import { encodeUtf8 } from '../bytes/bytes.ts';
import { KeyFormatError, printable, UsageError } from '../errors.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { keyOfBlob } from './key-blob.ts';

export const RESTRICT_DESTINATION = 'restrict-destination-v00@openssh.com';

/** OpenSSH's AGENT_MAX_DEST_CONSTRAINTS. */
const MOST_CONSTRAINTS = 1_024;
/** OpenSSH's AGENT_USER_CONSTRAINT_MAX_LEN, bytes. */
const MOST_USER_BYTES = 256;
/** More than any host's name has (RFC 1035 section 2.3.4), with brackets and a port. Bytes. */
const MOST_NAME_BYTES = 1_024;

/** A host in a {@link DestinationConstraint}. */
export interface DestinationHost {
  /** As known_hosts has it: `host`, or `[host]:port`. A host certificate of one of the authorities has to name it. */
  readonly hostname: string;
  /** The keys that prove that it is the host. */
  readonly hostKeys: readonly PublicKey[];
  /** Whose host certificates prove it as well. Default nobody's. */
  readonly authorities?: readonly PublicKey[];
}

/** One way that a key may go. */
export interface DestinationConstraint {
  /** The host whose programs may use the key, over a forwarded agent; absent for the machine of the agent itself. */
  readonly from?: DestinationHost;
  /** The host that may be logged in to. */
  readonly to: DestinationHost;
  /** As whom: a pattern with `*` and `?`. Default anybody. */
  readonly username?: string;
}

/** Appends what follows the constraint's name. @throws UsageError for a constraint that no agent would take */
export function writeDestinations(writer: Writer, constraints: readonly DestinationConstraint[]): void {
  // An empty list would be no limit at all to ssh-agent.
  if (constraints.length === 0) throw new UsageError('a key that is limited to hosts needs at least one');
  if (constraints.length > MOST_CONSTRAINTS) throw new UsageError(`${constraints.length} destinations of a key are too many`);
  const all = new Writer(4096);
  for (const { from, to, username = '' } of constraints) {
    const one = new Writer(2048)
      .string(encodeHop('', from ?? null))
      .string(encodeHop(username, to))
      .string('');
    all.string(one.finish());
  }
  writer.string(all.finish());
}

function encodeHop(username: string, host: DestinationHost | null): Uint8Array {
  const { hostname = '', hostKeys = [], authorities = [] } = host ?? {};
  if (host !== null && (hostname === '' || hostKeys.length + authorities.length === 0)) {
    throw new UsageError(`no key of the host '${printable(hostname)}' is known, so a key cannot be limited to it`);
  }
  for (const [text, most] of [
    [username, MOST_USER_BYTES],
    [hostname, MOST_NAME_BYTES],
  ] as const) {
    if (encodeUtf8(text).length > most || text.includes('\0')) throw new UsageError(`not a name: '${printable(text)}'`);
  }
  const writer = new Writer(1024).string(username).string(hostname).string('');
  for (const key of hostKeys) writer.string(key.blob).bool(false);
  for (const key of authorities) writer.string(key.blob).bool(true);
  return writer.finish();
}

/** Reads what follows the constraint's name. @throws DecodeError for anything that is not as a whole a list of at least one */
export function readDestinations(reader: Reader): readonly DestinationConstraint[] {
  const all = new Reader(reader.string());
  const constraints: DestinationConstraint[] = [];
  while (all.remaining > 0) {
    if (constraints.length === MOST_CONSTRAINTS) throw new DecodeError(`more than ${MOST_CONSTRAINTS} destinations`);
    constraints.push(readConstraint(new Reader(all.string())));
  }
  // ssh-agent takes an empty list, and then the key for one without limits.
  if (constraints.length === 0) throw new DecodeError('an empty list of destinations');
  return constraints;
}

function readConstraint(reader: Reader): DestinationConstraint {
  const from = readHop(new Reader(reader.string()));
  const to = readHop(new Reader(reader.string()));
  if (reader.string().length > 0) throw new DecodeError('an extension of a destination');
  reader.end();
  // Over a forwarded connection nobody can say as whom somebody is logged in on the way.
  if (from.username !== '') throw new DecodeError('a destination limits the user that it comes from');
  const fromHere = from.host.hostname === '';
  if (fromHere !== (countKeys(from.host) === 0)) throw new DecodeError('a destination comes from half a host');
  if (to.host.hostname === '' || countKeys(to.host) === 0) throw new DecodeError('a destination is half a host');
  return { ...(!fromHere && { from: from.host }), to: to.host, ...(to.username !== '' && { username: to.username }) };
}

/** How many keys of hosts there are in all. */
export function countHostKeys(constraints: readonly DestinationConstraint[]): number {
  return constraints.reduce((sum, { from, to }) => sum + countKeys(to) + (from === undefined ? 0 : countKeys(from)), 0);
}

function countKeys({ hostKeys, authorities = [] }: DestinationHost): number {
  return hostKeys.length + authorities.length;
}

function readHop(reader: Reader): { readonly username: string; readonly host: DestinationHost } {
  const username = name(reader, MOST_USER_BYTES);
  const hostname = name(reader, MOST_NAME_BYTES);
  if (reader.string().length > 0) throw new DecodeError('an extension of a host');
  const hostKeys: PublicKey[] = [];
  const authorities: PublicKey[] = [];
  while (reader.remaining > 0) {
    const blob = reader.string();
    const list = reader.bool() ? authorities : hostKeys;
    list.push(readKey(blob));
  }
  return { username, host: { hostname, hostKeys, authorities } };
}

function readKey(blob: Uint8Array): PublicKey {
  try {
    return keyOfBlob(blob);
  } catch (error) {
    if (error instanceof KeyFormatError) throw new DecodeError(`a host's key: ${error.message}`);
    throw error;
  }
}

function name(reader: Reader, most: number): string {
  const text = reader.utf8();
  if (encodeUtf8(text).length > most) throw new DecodeError('the name of a user or a host is too long');
  // C would take it for another name than we do.
  if (text.includes('\0')) throw new DecodeError('a NUL in the name of a user or a host');
  return text;
}
