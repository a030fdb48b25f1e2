// The messages of the agent protocol (RFC 9987, OpenSSH PROTOCOL.agent): numbers, flags, and the encodings that
// both sides need. A message is uint32 length, a byte for the type, the fields.

import { equalBytes, writeU32 } from '../bytes/bytes.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import type { PrivateComponents } from '../crypto/provider.ts';
import { Certificate } from '../keys/certificate.ts';
import { certifiedKeyType } from '../keys/certificate-algorithms.ts';
import { curveByName } from '../keys/curves.ts';
import { type KeyNumbers, padScalar } from '../keys/formats/key-file.ts';
import { readPrivateNumbers, writePrivateNumbers } from '../keys/formats/private-numbers.ts';
import { decodePublicBlob } from '../keys/public-blob.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import {
  type DestinationConstraint,
  RESTRICT_DESTINATION,
  readDestinations,
  writeDestinations,
} from './destination-constraints.ts';

export const AGENT_FAILURE = 5;
export const AGENT_SUCCESS = 6;
export const REQUEST_IDENTITIES = 11;
export const IDENTITIES_ANSWER = 12;
export const SIGN_REQUEST = 13;
export const SIGN_RESPONSE = 14;
export const ADD_IDENTITY = 17;
export const REMOVE_IDENTITY = 18;
export const REMOVE_ALL_IDENTITIES = 19;
export const LOCK = 22;
export const UNLOCK = 23;
export const ADD_ID_CONSTRAINED = 25;
export const EXTENSION = 27;
export const EXTENSION_FAILURE = 28;
export const EXTENSION_RESPONSE = 29;

/** Flags of SIGN_REQUEST: which hash an RSA key signs with. */
export const RSA_SHA2_256 = 2;
export const RSA_SHA2_512 = 4;

const CONSTRAIN_LIFETIME = 1;
const CONSTRAIN_CONFIRM = 2;
const CONSTRAIN_EXTENSION = 255;

/** OpenSSH's AGENT_MAX_LEN, bytes. */
export const MOST_MESSAGE_BYTES = 262_144;

/** Ties an agent connection to the SSH connection that it is used for (OpenSSH PROTOCOL.agent section 1). */
export const SESSION_BIND = 'session-bind@openssh.com';

/** What an added key may be used for. */
export interface KeyConstraints {
  /** Seconds until the agent forgets it. */
  readonly lifetime?: number;
  /** The agent asks its user before each use. */
  readonly confirm?: boolean;
  /** The hosts that it may be used for, and over which others. Default all. */
  readonly destinations?: readonly DestinationConstraint[];
}

/** What ties an agent's connection to a session: the host key, and its signature over the session identifier. */
export interface SessionBinding {
  readonly hostKey: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly signature: Uint8Array;
  /** The connection will be passed on to the server, and is not used for the login itself. */
  readonly forwarding: boolean;
}

/** The body of the EXTENSION message that binds (OpenSSH PROTOCOL.agent section 1). */
export function encodeSessionBind({ hostKey, sessionId, signature, forwarding }: SessionBinding): Uint8Array {
  const writer = new Writer(2048).string(SESSION_BIND).string(hostKey).string(sessionId).string(signature);
  return writer.bool(forwarding).finish();
}

/** A message with its length. */
export function agentFrame(type: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const framed = new Uint8Array(5 + body.length);
  writeU32(framed, 0, 1 + body.length);
  framed[4] = type;
  framed.set(body, 5);
  return framed;
}

/**
 * The body of ADD_IDENTITY, or of ADD_ID_CONSTRAINED where there are constraints. It is secret: erase it after use.
 * @throws UsageError for destinations that no agent would take
 */
export function encodeAddedKey(
  components: PrivateComponents,
  certificate: Certificate | null,
  comment: string,
  { lifetime, confirm, destinations }: KeyConstraints,
): Uint8Array {
  const limits = new Writer();
  if (lifetime !== undefined) limits.u8(CONSTRAIN_LIFETIME).u32(lifetime);
  if (confirm === true) limits.u8(CONSTRAIN_CONFIRM);
  if (destinations !== undefined) writeDestinations(limits.u8(CONSTRAIN_EXTENSION).string(RESTRICT_DESTINATION), destinations);
  // Large enough for RSA with 16384 bits, so that growing leaves no copies of the secret behind.
  const writer = new Writer(16_384 + 4 * comment.length + (certificate?.blob.length ?? 0) + limits.length);
  if (certificate === null) writePrivateNumbers(writer, components);
  else {
    writer.string(certificate.type).string(certificate.blob);
    if (components.kind === 'ed25519') writer.string(components.point).u32(64).raw(components.seed).raw(components.point);
    else if (components.kind === 'ecdsa') writer.mpint(components.scalar);
    else writer.mpint(components.d).mpint(components.iqmp).mpint(components.p).mpint(components.q);
  }
  return writer.string(comment).raw(limits.finish()).finish();
}

/** A key that somebody adds to an agent of ours. */
export interface AddedKey {
  readonly numbers: KeyNumbers;
  /** Null for a plain key. */
  readonly certificate: Certificate | null;
  readonly comment: string;
  readonly constraints: KeyConstraints;
}

/**
 * The key of ADD_IDENTITY or ADD_ID_CONSTRAINED, plain or with a certificate.
 * @throws KeyFormatError for a certificate that is none, DecodeError also for a constraint that is not known: a key that is stored
 *   without it can do more than it should (Go CVE-2026-39832)
 */
export function decodeAddedKey(body: Uint8Array, constrained: boolean): AddedKey {
  const reader = new Reader(body);
  const type = reader.name();
  const certificate = certifiedKeyType(type) === undefined ? null : Certificate.parse(reader.string(), nodeCrypto);
  if (certificate !== null && certificate.type !== type) throw new DecodeError('the certificate is of another type');
  const numbers = certificate === null ? readPrivateNumbers(type, reader) : readCertifiedNumbers(certificate, reader);
  const comment = reader.text();
  const constraints = constrained ? readConstraints(reader) : {};
  reader.end();
  return { numbers, certificate, comment, constraints };
}

/** Each of them once: of two that differ either could be the one that was meant. */
function readConstraints(reader: Reader): KeyConstraints {
  let [lifetime, confirm, destinations]: [number?, boolean?, (readonly DestinationConstraint[])?] = [];
  while (reader.remaining > 0) {
    const type = reader.u8();
    const name = type === CONSTRAIN_EXTENSION ? reader.name() : type;
    if (name === CONSTRAIN_LIFETIME && lifetime === undefined) lifetime = reader.u32();
    else if (name === CONSTRAIN_CONFIRM && confirm === undefined) confirm = true;
    else if (name === RESTRICT_DESTINATION && destinations === undefined) destinations = readDestinations(reader);
    else throw new DecodeError(`the constraint ${name} is not known, or there twice`);
  }
  return {
    ...(lifetime !== undefined && { lifetime }),
    ...(confirm !== undefined && { confirm }),
    ...(destinations !== undefined && { destinations }),
  };
}

/** Behind a certificate only the secret numbers follow, and for Ed25519 the public one once more. @throws DecodeError */
function readCertifiedNumbers(certificate: Certificate, reader: Reader): KeyNumbers {
  const { components, application } = decodePublicBlob(certificate.publicKey.blob);
  if (application !== null) throw new DecodeError('a key in a FIDO device');
  if (components.kind === 'ed25519') {
    const point = reader.string();
    const secret = reader.string();
    if (secret.length !== 64 || ![point, secret.subarray(32)].every((one) => equalBytes(one, components.point))) {
      throw new DecodeError('the certificate is for another key');
    }
    return { ...components, seed: new Uint8Array(secret.subarray(0, 32)) };
  }
  if (components.kind === 'ecdsa') {
    return { ...components, scalar: padScalar(new Uint8Array(reader.mpint()), curveByName(components.curve).fieldBytes) };
  }
  const [d, iqmp, p, q] = [0, 0, 0, 0].map(() => new Uint8Array(reader.mpint())) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  return { ...components, d, iqmp, p, q };
}
