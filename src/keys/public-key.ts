// A public key: what a host proves, what a user is known by. Immutable, and valid from the moment it exists: everything that
// decodePublicBlob refuses never becomes a PublicKey. It holds no secret and may be printed anywhere.

import { equalBytes, fromBase64, toBase64, toHex } from '../bytes/bytes.ts';
import type { CryptoProvider, PublicComponents } from '../crypto/provider.ts';
import { KeyFormatError, printable, UsageError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { describeUnsupportedType, isKeyType, type KeyType, looksLikeKeyType } from './key-type.ts';
import { decodePublicBlob } from './public-blob.ts';
import { decodeSecurityKeySignature, type SecurityKeyFacts } from './security-key.ts';
import { decodeSignature, type SignatureAlgorithm, signatureAlgorithms, signatureRow } from './signature.ts';

export type { KeyType } from './key-type.ts';

/** Characters in one line of text. The longest supported key needs 3 KiB; the rest is room for comments. */
const LINE_LIMIT = 65_536;

const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/**
 * An SSH public key.
 *
 * @example
 * ```ts
 * import { parsePublicKey } from 'amiko/keys';
 *
 * const key = parsePublicKey('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ me@home');
 * console.log(key.type, key.fingerprint);
 * ```
 */
export class PublicKey {
  /** The key's type, see {@link KeyType}. */
  readonly type: KeyType;
  /** The SSH encoding (RFC 4253 section 6.6). Not to be changed; {@link asBytes} gives a copy. */
  readonly blob: Uint8Array;
  /** Free text from whoever wrote the key; empty where there was none. */
  readonly comment: string;
  /**
   * The signature algorithms that prove something about this key, strongest first. `ssh-rsa` (SHA-1) is never among them: who
   * wants it names it to {@link verify}.
   */
  readonly algorithms: readonly SignatureAlgorithm[];
  /** What a FIDO key was made for, usually `ssh:`; null for keys that are not in a FIDO device. */
  readonly application: string | null;
  /** The key's size in bits: of the modulus for RSA, of the curve for the others. */
  readonly bits: number;

  /**
   * The certificate that the key came in, or null. It is signed by whoever it names; whether that is somebody to believe, and
   * whether it holds for what the key is used for, has to be asked ({@link Certificate.refusal}). Keys are compared without it.
   */
  readonly certificate: Certificate | null;

  readonly #components: PublicComponents;
  readonly #signatureBytes: number;
  readonly #crypto: CryptoProvider;

  private constructor(blob: Uint8Array, crypto: CryptoProvider, comment: string, certificate: Certificate | null) {
    // A copy: the blob often is a view into a packet that will be overwritten. Not slice(), which on a Buffer is a view too.
    this.blob = new Uint8Array(blob);
    const decoded = decodePublicBlob(this.blob);
    this.type = decoded.type;
    this.bits = decoded.bits;
    this.application = decoded.application;
    this.comment = comment;
    this.certificate = certificate;
    this.algorithms = defaultAlgorithms(decoded.type);
    this.#components = decoded.components;
    this.#signatureBytes = decoded.signatureBytes;
    this.#crypto = crypto;
  }

  /**
   * The key that `blob` encodes (RFC 4253 section 6.6). The blob is copied.
   * @throws KeyFormatError where it is malformed in any way, of an unsupported type, or a key that cannot be secure.
   */
  static parse(blob: Uint8Array, crypto: CryptoProvider, comment = '', certificate: Certificate | null = null): PublicKey {
    return new PublicKey(blob, crypto, comment, certificate);
  }

  /**
   * The key in OpenSSH's one-line form, `type base64 [comment]`, as in `id_ed25519.pub`.
   * @throws KeyFormatError where it is malformed, or where the type in front is not the type inside.
   */
  static fromText(line: string, crypto: CryptoProvider): PublicKey {
    if (line.length > LINE_LIMIT) throw new KeyFormatError(`OpenSSH public key: a line of ${line.length} characters`);
    const trimmed = line.trim();
    if (/[\r\n]/.test(trimmed)) throw new KeyFormatError('OpenSSH public key: more than one line');
    const typeEnd = fieldEnd(trimmed);
    const type = trimmed.slice(0, typeEnd);
    if (!looksLikeKeyType(type)) throw new KeyFormatError('OpenSSH public key: the line does not begin with a key type');
    if (!isKeyType(type)) throw new KeyFormatError(`OpenSSH public key: ${describeUnsupportedType(type)}`);
    const rest = trimmed.slice(typeEnd).trim();
    const textEnd = fieldEnd(rest);
    const blob = fromBase64(rest.slice(0, textEnd));
    if (textEnd === 0 || blob === null) {
      throw new KeyFormatError("OpenSSH public key: the line is not of the form 'type base64 [comment]'");
    }
    const key = new PublicKey(blob, crypto, rest.slice(textEnd).trim(), null);
    // Whoever filters by the type in front must not be handed another key (golang.org/x/crypto 7626c50).
    if (key.type !== type) throw new KeyFormatError(`OpenSSH public key: the line says ${type}, the key in it is ${key.type}`);
    return key;
  }

  /** `SHA256:` and the digest of the blob in base64 without padding, as `ssh-keygen -l` prints it. */
  get fingerprint(): string {
    return this.getFingerprint();
  }

  /** The fingerprint: `SHA256:...`, or for `md5` OpenSSH's older `MD5:aa:bb:...`. @throws UsageError for another hash */
  getFingerprint(hash: 'sha256' | 'md5' = 'sha256'): string {
    if (hash !== 'sha256' && hash !== 'md5')
      throw new UsageError(`no fingerprints by '${printable(String(hash))}': sha256 or md5`);
    const digest = this.#crypto.hash(hash, this.blob);
    if (hash === 'md5') return `MD5:${toHex(digest).replace(/..(?=.)/g, '$&:')}`;
    return `SHA256:${toBase64(digest).replace(/=+$/, '')}`;
  }

  /** The key's type; the same as {@link type}. */
  getName(): KeyType {
    return this.type;
  }

  /** The kind of key without the protocol's prefixes, as `ssh-keygen -l` prints it: `ED25519`, `ECDSA`, `RSA`, `ED25519-SK`, ... */
  get algorithmName(): string {
    const name = this.type
      .replace(/@.*$/, '')
      .replace(/^(sk-)?(ssh-)?/, '')
      .replace(/-.*$/, '')
      .toUpperCase();
    return this.application === null ? name : `${name}-SK`;
  }

  /** The key's size in bits; the same as {@link bits}. */
  getBits(): number {
    return this.bits;
  }

  /** The blob in base64, as in the second field of {@link toString}. */
  getBase64(): string {
    return toBase64(this.blob);
  }

  /** A copy of the blob. */
  asBytes(): Uint8Array {
    return new Uint8Array(this.blob);
  }

  /** Whether this object can sign: a public key cannot. */
  canSign(): boolean {
    return false;
  }

  /**
   * Whether `signature` over `data` was made with this key's private part; for a FIDO key also whether somebody touched the device.
   *
   * Never throws: bad input is false. The cost is bounded by the bounds on the key.
   * @param signature The SSH form: string algorithm, string blob.
   * @param algorithm The negotiated algorithm; a signature that names another is false, whatever it contains.
   */
  verify(data: Uint8Array, signature: Uint8Array, algorithm: string): boolean {
    return this.examine(data, signature, algorithm)?.userPresent === true;
  }

  /**
   * As {@link verify} with whichever of {@link algorithms} the signature says that it is, so never `ssh-rsa` with SHA-1. Where an
   * algorithm was agreed on, say so to {@link verify} instead.
   */
  verifySshSig(data: Uint8Array, signature: Uint8Array): boolean {
    return this.algorithms.some((algorithm) => this.verify(data, signature, algorithm));
  }

  /**
   * As {@link verify}, for those who decide themselves what a FIDO device has to do: what it says about touch and PIN, or null
   * where the signature is not one. For keys that are not in a device both are true.
   */
  examine(data: Uint8Array, signature: Uint8Array, algorithm: string): SecurityKeyFacts | null {
    // Anything unexpected means "not proved". A verifier whose failure is an exception invites callers that catch too much.
    try {
      const row = signatureRow(algorithm);
      if (row === undefined || row.keyType !== this.type) return null;
      if (this.application !== null) {
        const taken = decodeSecurityKeySignature(signature, algorithm, this.application, data, this.#crypto);
        if (taken === null || this.#crypto.verify(this.#components, row.hash, taken.signed, taken.raw) !== true) return null;
        return taken.facts;
      }
      const raw = decodeSignature(signature, algorithm, this.#signatureBytes);
      if (raw === null || this.#crypto.verify(this.#components, row.hash, data, raw) !== true) return null;
      return { userPresent: true, userVerified: true, counter: 0 };
    } catch {
      return null;
    }
  }

  /** Whether both are the same key. Comments do not count. */
  equals(other: PublicKey): boolean {
    return equalBytes(this.blob, other.blob);
  }

  /** The one-line form, `type base64 comment`; control characters in the comment are escaped, so it stays one line. */
  toString(): string {
    const line = `${this.type} ${this.getBase64()}`;
    return this.comment === '' ? line : `${line} ${printable(this.comment)}`;
  }

  /** The one-line form. */
  toJSON(): string {
    return this.toString();
  }

  [inspectSymbol](): string {
    return `PublicKey { ${this.type}, ${this.fingerprint}${this.comment === '' ? '' : `, ${printable(this.comment)}`} }`;
  }
}

function defaultAlgorithms(type: KeyType): readonly SignatureAlgorithm[] {
  const rows = signatureAlgorithms.filter((row) => row.keyType === type && row.status === 'default');
  return Object.freeze(rows.map((row) => row.name));
}

/** Where the first field of `line` ends: at white space, or with the line. */
function fieldEnd(line: string): number {
  const end = line.search(/[ \t]/);
  return end < 0 ? line.length : end;
}
