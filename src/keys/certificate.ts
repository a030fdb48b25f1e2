// An OpenSSH certificate (OpenSSH PROTOCOL.certkeys): a public key, what it may be used for and by whom, signed by an authority. It
// is immutable, and the authority's signature was checked before it exists; whether that authority is one to believe, and whether
// the certificate holds here and now, is for `refusal` and its callers.

import { decodeUtf8, equalBytes, toBase64 } from '../bytes/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { KeyFormatError, printable } from '../errors.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { type CertificateType, certificateTypeOf, certifiedKeyType } from './certificate-algorithms.ts';
import { decodeBody, encodePublicBlob } from './public-blob.ts';
import { PublicKey } from './public-key.ts';
import { signatureRow } from './signature.ts';

/** OpenSSH's SSHKEY_CERT_MAX_PRINCIPALS. */
const MAX_PRINCIPALS = 256;
const KINDS = { 1: 'user', 2: 'host' } as const;

const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** Everything in a certificate but the nonce and the authority's part. */
export interface CertificateContents {
  readonly publicKey: PublicKey;
  readonly serial: bigint;
  readonly kind: 'user' | 'host';
  /** What the authority calls it, for logs. */
  readonly keyId: string;
  /** User or host names. None of them: nobody. */
  readonly principals: readonly string[];
  /** Seconds since 1970, from this one on. */
  readonly validAfter: bigint;
  /** Seconds since 1970, up to but without this one. */
  readonly validBefore: bigint;
  /** What must be understood and obeyed, by name: an unknown one makes the certificate void. Values as on the wire. */
  readonly criticalOptions: ReadonlyMap<string, Uint8Array>;
  /** What is permitted, by name (`permit-pty`, ...). Unknown ones are ignored. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

/** "For ever", in `validBefore`. */
export const FOREVER = 0xffff_ffff_ffff_ffffn;

/**
 * An OpenSSH certificate.
 *
 * @example
 * ```ts
 * import { readCertificate } from 'amiko/keys';
 *
 * const certificate = await readCertificate('id_ed25519-cert.pub');
 * console.log(certificate.keyId, certificate.principals, certificate.signatureKey.fingerprint);
 * ```
 */
export class Certificate implements CertificateContents {
  /** The name of a certificate for such a key, as in `ssh-ed25519-cert-v01@openssh.com`. */
  readonly type: CertificateType;
  /** The SSH encoding. Not to be changed. */
  readonly blob: Uint8Array;
  /** The key that is certified; its `certificate` is this. */
  readonly publicKey: PublicKey;
  /** The authority's number for it, by which it can be revoked; 0 where it gives none. */
  readonly serial: bigint;
  /** Whether it is for a user or a host. Never good for the other. */
  readonly kind: 'user' | 'host';
  /** What the authority calls it. For logs and revocation, not for decisions. */
  readonly keyId: string;
  /** The users or hosts that it is for; for nobody where there is none. */
  readonly principals: readonly string[];
  /** Seconds since 1970, from this one on. */
  readonly validAfter: bigint;
  /** Seconds since 1970, up to but without this one. */
  readonly validBefore: bigint;
  /** What must be understood and obeyed, by name: an unknown one makes the certificate void. Values as on the wire. */
  readonly criticalOptions: ReadonlyMap<string, Uint8Array>;
  /** What is permitted, by name (`permit-pty`, ...). Unknown ones are ignored. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  /** The authority's key, whose signature over all of this is right. */
  readonly signatureKey: PublicKey;
  /** The algorithm of the authority's signature. */
  readonly signatureAlgorithm: string;
  /** Free text from whoever wrote the file; empty where there was none. */
  readonly comment: string;

  private constructor(blob: Uint8Array, crypto: CryptoProvider, comment: string) {
    this.blob = new Uint8Array(blob);
    this.comment = comment;
    const reader = new Reader(this.blob);
    const name = reader.name();
    const keyType = certifiedKeyType(name);
    if (keyType === undefined) throw new KeyFormatError(`'${printable(name)}' is not a certificate`);
    this.type = certificateTypeOf(keyType);
    reader.string();
    const { components, application } = decodeBody(keyType, reader);
    this.publicKey = PublicKey.parse(encodePublicBlob(components, application), crypto, comment, this);
    this.serial = reader.u64();
    const kind = reader.u32();
    if (kind !== 1 && kind !== 2) throw new KeyFormatError(`certificate: of kind ${kind}, which is neither user nor host`);
    this.kind = KINDS[kind];
    this.keyId = withoutNul(reader.text(), 'the key ID');
    this.principals = Object.freeze(principalsOf(reader.string()));
    this.validAfter = reader.u64();
    this.validBefore = reader.u64();
    this.criticalOptions = optionsOf(reader.string(), 'critical option');
    this.extensions = optionsOf(reader.string(), 'extension');
    reader.string();
    // By name, before anything of it is parsed: an authority that is a certificate itself could nest for ever (Go 90f76b8).
    this.signatureKey = PublicKey.parse(reader.string(), crypto);
    const signed = this.blob.subarray(0, this.blob.length - reader.remaining);
    const signature = reader.string();
    reader.end();
    this.signatureAlgorithm = new Reader(signature).name();
    const row = signatureRow(this.signatureAlgorithm);
    // SHA-1 can be made to collide for certificates of all things, whose contents others choose (OpenSSH CASignatureAlgorithms).
    if (row === undefined || row.status === 'legacy') {
      throw new KeyFormatError(`certificate: signed with '${printable(this.signatureAlgorithm)}', which proves nothing`);
    }
    // Nobody has to touch an authority's device anew for each login, so what it says about that does not matter.
    if (this.signatureKey.examine(signed, signature, this.signatureAlgorithm) === null) {
      throw new KeyFormatError('certificate: the signature is not by the authority that it names');
    }
  }

  /**
   * The certificate that `blob` encodes. The blob is copied.
   * @throws KeyFormatError where it is malformed in any way, of an unsupported type, or its signature is wrong
   */
  static parse(blob: Uint8Array, crypto: CryptoProvider, comment = ''): Certificate {
    try {
      return new Certificate(blob, crypto, comment);
    } catch (error) {
      if (error instanceof DecodeError) throw new KeyFormatError(`certificate: ${error.message}`, { cause: error });
      throw error;
    }
  }

  /**
   * Why the certificate does not let this principal in now, or null where it does. Nothing is said here about the authority, nor
   * about critical options. Each principal is compared as a whole, and a certificate for nobody in particular is for nobody.
   * @param now Seconds since 1970
   * @param principal A user or host name; null where others decide about principals
   */
  refusal(kind: 'user' | 'host', principal: string | null, now: number): string | null {
    if (this.kind !== kind) return `it is a ${this.kind} certificate`;
    const seconds = BigInt(Math.floor(now));
    if (seconds < this.validAfter) return 'it is not yet valid';
    if (seconds >= this.validBefore) return 'it has expired';
    if (this.principals.length === 0) return 'it names no principals';
    if (principal !== null && !this.principals.includes(principal))
      return `'${printable(principal)}' is not one of its principals`;
    return null;
  }

  /** `SHA256:...` of the certified key, as `ssh-keygen -l` shows. */
  get fingerprint(): string {
    return this.publicKey.fingerprint;
  }

  /** Whether both are the same certificate, byte for byte. */
  equals(other: Certificate): boolean {
    return equalBytes(this.blob, other.blob);
  }

  /** The one-line form, `type base64 comment`, as in a `-cert.pub` file. */
  toString(): string {
    const line = `${this.type} ${toBase64(this.blob)}`;
    return this.comment === '' ? line : `${line} ${printable(this.comment)}`;
  }

  /** The one-line form. */
  toJSON(): string {
    return this.toString();
  }

  [inspectSymbol](): string {
    return `Certificate { ${this.kind} '${printable(this.keyId)}' serial ${this.serial}, ${this.fingerprint} }`;
  }
}

/** What an authority signs: the whole certificate up to its signature. */
export function certificateBody(contents: CertificateContents, nonce: Uint8Array, authority: PublicKey): Uint8Array {
  const { publicKey, serial, kind, keyId, principals, validAfter, validBefore, criticalOptions, extensions } = contents;
  const fields = new Reader(publicKey.blob);
  fields.string();
  return new Writer(512)
    .string(certificateTypeOf(publicKey.type))
    .string(nonce)
    .raw(fields.rest())
    .u64(serial)
    .u32(kind === 'user' ? 1 : 2)
    .string(keyId)
    .string(packed(principals))
    .u64(validAfter)
    .u64(validBefore)
    .string(packedOptions(criticalOptions))
    .string(packedOptions(extensions))
    .string('')
    .string(authority.blob)
    .finish();
}

/** The text in an option's value, or null where it is not one. */
export function optionText(value: Uint8Array): string | null {
  try {
    const reader = new Reader(value);
    const text = withoutNul(reader.utf8(), 'an option');
    reader.end();
    return text;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

/** For a program in C the text would end there, and be another one. */
function withoutNul(text: string, what: string): string {
  if (text.includes('\0')) throw new DecodeError(`there is a NUL byte in ${what}`);
  return text;
}

function principalsOf(bytes: Uint8Array): string[] {
  const reader = new Reader(bytes);
  const principals: string[] = [];
  while (reader.remaining > 0) {
    if (principals.length === MAX_PRINCIPALS) throw new DecodeError(`more than ${MAX_PRINCIPALS} principals`);
    try {
      principals.push(withoutNul(decodeUtf8(reader.string()), 'a principal'));
    } catch (error) {
      if (error instanceof DecodeError) throw error;
      throw new DecodeError('a principal is not UTF-8');
    }
  }
  return principals;
}

function optionsOf(bytes: Uint8Array, what: string): ReadonlyMap<string, Uint8Array> {
  const reader = new Reader(bytes);
  const options = new Map<string, Uint8Array>();
  while (reader.remaining > 0) {
    const name = reader.text();
    // Twice the same: one reader would obey the first, another the last.
    if (options.has(name)) throw new DecodeError(`the ${what} '${printable(name)}' twice`);
    options.set(name, reader.string());
  }
  return options;
}

function packed(names: readonly string[]): Uint8Array {
  const writer = new Writer();
  for (const name of names) writer.string(name);
  return writer.finish();
}

/** "Options must be lexically ordered by name" (PROTOCOL.certkeys). */
function packedOptions(options: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const writer = new Writer();
  for (const [name, value] of [...options].sort(([a], [b]) => (a < b ? -1 : 1))) writer.string(name).string(value);
  return writer.finish();
}
