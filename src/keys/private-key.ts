// A private key in memory. Its secret parts are #private: neither util.inspect nor JSON.stringify nor structuredClone nor a
// template string can show them, and what is printed is the public key. The one way out is `secretComponents`, which the
// writers of key files use and no public entry point exports.

import type { CryptoProvider, PrivateComponents, PublicComponents, SigningKey } from '../crypto/provider.ts';
import { KeyFormatError, printable, UsageError } from '../errors.ts';
import { curveByName } from './curves.ts';
import type { KeyType } from './key-type.ts';
import { encodePublicBlob } from './public-blob.ts';
import { PublicKey } from './public-key.ts';
import { encodeSignature, type SignatureAlgorithm, signatureAlgorithmsOf, signatureRow } from './signature.ts';
import type { Signer } from './signer.ts';

const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** The secret parts of a key, for those who write key files. The arrays are the key's own: do not change them. @throws UsageError for what is none */
export let secretComponents: (key: PrivateKey) => PrivateComponents;

/**
 * Hands the key to the cryptography now rather than at the first signature, for those who read keys from outside.
 * @throws KeyFormatError where the parts do not make a valid key, or do not belong together.
 */
export let importNow: (key: PrivateKey) => void;

/**
 * An SSH private key that signs in this process.
 *
 * @example
 * ```ts
 * import { generateKey } from 'amiko/keys';
 *
 * const key = await generateKey('ed25519', { comment: 'me@home' });
 * const signature = key.sign(new Uint8Array([1, 2, 3]), 'ssh-ed25519');
 * console.log(key.publicKey.verify(new Uint8Array([1, 2, 3]), signature, 'ssh-ed25519')); // true
 * ```
 */
export class PrivateKey implements Signer {
  /** The public half. */
  readonly publicKey: PublicKey;
  /**
   * The signature algorithms that it can sign with, strongest first. For an RSA key `ssh-rsa` (SHA-1) is the last of them, and
   * used only where a connection's own lists have it.
   */
  readonly algorithms: readonly SignatureAlgorithm[];
  /** Free text from the key file; empty where there was none. */
  readonly comment: string;

  readonly #components: PrivateComponents;
  readonly #crypto: CryptoProvider;
  #signingKey: SigningKey | undefined;

  static {
    secretComponents = (key) => {
      // A public key, an agent's key, or nothing at all, where somebody writes without types.
      if (typeof key !== 'object' || key === null || !(#components in key)) throw new UsageError('not a PrivateKey in memory');
      return key.#components;
    };
    importNow = (key) => {
      key.#signingKey ??= key.#import();
    };
  }

  /**
   * @param components The numbers of the key. They are copied: the caller may erase its own.
   * @throws KeyFormatError where a length or a public number is wrong. That the secret numbers are valid and belong to the
   *   public ones is checked at the first signature.
   */
  constructor(components: PrivateComponents, crypto: CryptoProvider, comment = '') {
    const fault = componentsFault(components);
    if (fault !== null) throw new KeyFormatError(fault);
    this.publicKey = PublicKey.parse(encodePublicBlob(components as PublicComponents), crypto, comment);
    this.algorithms = signatureAlgorithmsOf(this.publicKey.type);
    this.comment = comment;
    this.#components = copyComponents(components);
    this.#crypto = crypto;
  }

  /**
   * The SSH form of the signature over `data`: string algorithm, string blob (RFC 4253 section 6.6).
   * @param algorithm One of {@link algorithms}.
   * @throws UsageError where the algorithm is not one for this type of key.
   * @throws KeyFormatError where the cryptography refuses the key, which shows at the first signature.
   */
  sign(data: Uint8Array, algorithm: SignatureAlgorithm): Uint8Array {
    const row = signatureRow(algorithm);
    if (row === undefined || row.keyType !== this.publicKey.type) {
      throw new UsageError(`a key of type ${this.publicKey.type} cannot sign with '${printable(String(algorithm))}'`);
    }
    this.#signingKey ??= this.#import();
    return encodeSignature(row.name, this.#signingKey.sign(data, row.hash));
  }

  /** {@link sign} with the strongest algorithm unless told otherwise: RSA keys sign with SHA-512. */
  signSshData(data: Uint8Array, algorithm = this.algorithms[0] as SignatureAlgorithm): Uint8Array {
    return this.sign(data, algorithm);
  }

  /** Whether this key made a signature, see {@link PublicKey.verifySshSig}. */
  verifySshSig(data: Uint8Array, signature: Uint8Array): boolean {
    return this.publicKey.verifySshSig(data, signature);
  }

  /** The key's type. */
  getName(): KeyType {
    return this.publicKey.type;
  }

  /** The kind of key, see {@link PublicKey.algorithmName}. */
  get algorithmName(): string {
    return this.publicKey.algorithmName;
  }

  /** The key's size in bits. */
  getBits(): number {
    return this.publicKey.bits;
  }

  /** The public blob in base64. */
  getBase64(): string {
    return this.publicKey.getBase64();
  }

  /** A copy of the public blob. */
  asBytes(): Uint8Array {
    return this.publicKey.asBytes();
  }

  /** Whether this object can sign: a private key can. */
  canSign(): boolean {
    return true;
  }

  /** `SHA256:...` of the public key. */
  get fingerprint(): string {
    return this.publicKey.fingerprint;
  }

  /** The public key's fingerprint, see {@link PublicKey.getFingerprint}. */
  getFingerprint(hash: 'sha256' | 'md5' = 'sha256'): string {
    return this.publicKey.getFingerprint(hash);
  }

  /** The public key's one-line form: never the secret. */
  toString(): string {
    return this.publicKey.toString();
  }

  /** The public key's one-line form: never the secret. */
  toJSON(): string {
    return this.publicKey.toString();
  }

  [inspectSymbol](): string {
    const comment = this.comment === '' ? '' : `, ${printable(this.comment)}`;
    return `PrivateKey { ${this.publicKey.type}, ${this.fingerprint}${comment} }`;
  }

  #import(): SigningKey {
    try {
      return this.#crypto.importPrivateKey(this.#components);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      // No cause: an error of the cryptography may carry its input.
      throw new KeyFormatError(`the parts do not make a valid ${this.publicKey.type} private key`);
    }
  }
}

function componentsFault(components: PrivateComponents): string | null {
  switch (components.kind) {
    case 'ed25519':
      return components.seed.length === 32 ? null : `an Ed25519 seed of ${components.seed.length} bytes, not 32`;
    case 'ecdsa': {
      const { fieldBytes } = curveByName(components.curve);
      return components.scalar.length === fieldBytes ? null : `an ECDSA scalar of ${components.scalar.length} bytes`;
    }
    case 'rsa': {
      const { n, d, p, q, iqmp } = components;
      return [d, p, q, iqmp].every((number) => number.length <= n.length) ? null : 'an RSA number is longer than the modulus';
    }
  }
}

function copyComponents(components: PrivateComponents): PrivateComponents {
  // Not slice(): on a Buffer that is a view, which the caller may erase.
  const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
  switch (components.kind) {
    case 'ed25519':
      return { kind: 'ed25519', point: copy(components.point), seed: copy(components.seed) };
    case 'ecdsa':
      return { kind: 'ecdsa', curve: components.curve, point: copy(components.point), scalar: copy(components.scalar) };
    case 'rsa': {
      const { n, e, d, p, q, iqmp } = components;
      return { kind: 'rsa', n: copy(n), e: copy(e), d: copy(d), p: copy(p), q: copy(q), iqmp: copy(iqmp) };
    }
  }
}
