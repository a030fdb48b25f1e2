// paramiko's PKey under its own names: one object for a key with or without its private part, which a certificate can be loaded into.
// It is a Signer, so it serves wherever a private key does, and adds nothing that the functions beside it cannot do: it is for code that
// comes from there. The private part is #private, as PrivateKey's own: no print of a PKey shows more than the public key.

import { encodeUtf8, fromBase64 } from '../../bytes/bytes.ts';
import { KeyFormatError, printable, UsageError } from '../../errors.ts';
import { Certificate } from '../certificate.ts';
import { certifiedKeyType } from '../certificate-algorithms.ts';
import { MAX_KEY_FILE_BYTES } from '../formats/private-key-file.ts';
import type { KeyType } from '../key-type.ts';
import { PrivateKey } from '../private-key.ts';
import { PublicKey } from '../public-key.ts';
import { type SignatureAlgorithm, signatureAlgorithms } from '../signature.ts';
import type { Signer } from '../signer.ts';
import { parseCertificate, withCertificate } from './certify.ts';
import { formatPrivateKey } from './format.ts';
import { type GenerateKeyOptions, generateKey } from './generate.ts';
import { parsePrivateKey, parsePublicKey, type ReadPrivateKeyOptions, readCertificate, readPrivateKey } from './read.ts';
import { type WritePrivateKeyOptions, writePrivateKey } from './write.ts';

const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** A passphrase, or who is asked for it. */
type Passphrase = ReadPrivateKeyOptions['passphrase'] | null;

/**
 * A key as paramiko's `PKey`: private, or public only ({@link PKey.canSign}). Also for any other {@link Signer}, as of an agent.
 *
 * @example
 * ```ts
 * import { PKey } from 'amiko/keys';
 *
 * const key = await PKey.generate('ed25519', { comment: 'me@home' });
 * const signature = await key.signSshData(new Uint8Array([1, 2, 3]));
 * console.log(key.getName(), key.fingerprint, key.verifySshSig(new Uint8Array([1, 2, 3]), signature)); // ... true
 * ```
 */
export class PKey implements Signer {
  /** With its certificate, once that was loaded. */
  #key: PublicKey;
  readonly #signer: Signer | null;

  /** @param key A signer, such as a {@link PrivateKey}, or a public key alone */
  constructor(key: Signer | PublicKey) {
    this.#key = key instanceof PublicKey ? key : key.publicKey;
    this.#signer = key instanceof PublicKey ? null : key;
  }

  /**
   * The private key in a file, with the certificate of `PATH-cert.pub` where there is one. See {@link readPrivateKey}.
   * @throws KeyFormatError, PassphraseError; UsageError where the certificate is for another key
   */
  static async fromPath(path: string, passphrase?: Passphrase): Promise<PKey> {
    const key = await PKey.fromPrivateKeyFile(path, passphrase);
    try {
      await key.loadCertificate(`${path}-cert.pub`);
    } catch (error) {
      const { code } = (error instanceof KeyFormatError ? (error.cause ?? {}) : {}) as NodeJS.ErrnoException;
      if (code !== 'ENOENT') throw error;
    }
    return key;
  }

  /**
   * The public key, or the key of the certificate, in a blob.
   * @param keyType What it must be: the bytes say so themselves
   * @throws KeyFormatError where it is no such key
   */
  static fromTypeString(keyType: string, keyBytes: Uint8Array): PKey {
    const key = certifiedKeyType(keyType) === undefined ? parsePublicKey(keyBytes) : parseCertificate(keyBytes).publicKey;
    const type = key.certificate?.type ?? key.type;
    if (type !== keyType) throw new KeyFormatError(`the key is ${type}, not ${printable(keyType)}`);
    return new PKey(key);
  }

  /** The names of all signature algorithms that keys have. */
  static identifiers(): readonly SignatureAlgorithm[] {
    return signatureAlgorithms.map(({ name }) => name);
  }

  /** The private key in a file, see {@link readPrivateKey}. @throws KeyFormatError, PassphraseError */
  static async fromPrivateKeyFile(filename: string, password?: Passphrase): Promise<PKey> {
    return new PKey(await readPrivateKey(filename, { passphrase: password ?? undefined }));
  }

  /**
   * The private key in a text, or in what a stream brings; see {@link parsePrivateKey}.
   * @throws KeyFormatError, PassphraseError
   */
  static async fromPrivateKey(
    source: string | Uint8Array | AsyncIterable<string | Uint8Array>,
    password?: Passphrase,
  ): Promise<PKey> {
    const data = typeof source === 'string' || source instanceof Uint8Array ? source : await collect(source);
    return new PKey(await parsePrivateKey(data, { passphrase: password ?? undefined }));
  }

  /** A new private key, see {@link generateKey}. @throws UsageError */
  static async generate(type: 'ed25519' | 'ecdsa' | 'rsa', options?: GenerateKeyOptions): Promise<PKey> {
    return new PKey(await generateKey(type, options));
  }

  /** The public key; with its certificate, once that was loaded. */
  get publicKey(): PublicKey {
    return this.#key;
  }

  /** What it can sign with, strongest first; nothing for a public key. */
  get algorithms(): readonly SignatureAlgorithm[] {
    return this.#signer?.algorithms ?? [];
  }

  /** As {@link Signer.costly}. */
  get costly(): boolean {
    return this.#signer?.costly ?? false;
  }

  /** The private key, where it is in this process: for an agent to take, for one. */
  get privateKey(): PrivateKey | null {
    return this.#signer instanceof PrivateKey ? this.#signer : null;
  }

  /** The certificate that was loaded or came with the key, or null. */
  get publicBlob(): Certificate | null {
    return this.#key.certificate;
  }

  /** The SSH form of the signature. @throws UsageError for a public key, and where the algorithm is none of this key's */
  sign(data: Uint8Array, algorithm: SignatureAlgorithm): Uint8Array | PromiseLike<Uint8Array> {
    return this.#private('to sign with').sign(data, algorithm);
  }

  /** {@link sign} with the strongest algorithm unless told otherwise: RSA keys sign with SHA-512. @throws UsageError as {@link sign} */
  async signSshData(data: Uint8Array, algorithm?: SignatureAlgorithm): Promise<Uint8Array> {
    const signer = this.#private('to sign with');
    return await signer.sign(data, algorithm ?? (signer.algorithms[0] as SignatureAlgorithm));
  }

  /** Whether this key made the signature, see {@link PublicKey.verifySshSig}. */
  verifySshSig(data: Uint8Array, signature: Uint8Array): boolean {
    return this.#key.verifySshSig(data, signature);
  }

  /** Whether it has a private part, here or elsewhere. */
  canSign(): boolean {
    return this.#signer !== null;
  }

  /** The key's type. */
  getName(): KeyType {
    return this.#key.type;
  }

  /** The kind of key, see {@link PublicKey.algorithmName}. */
  get algorithmName(): string {
    return this.#key.algorithmName;
  }

  /** The key's size in bits. */
  getBits(): number {
    return this.#key.bits;
  }

  /** `SHA256:...`, as `ssh-keygen -l` prints it. */
  get fingerprint(): string {
    return this.#key.fingerprint;
  }

  /** The fingerprint, see {@link PublicKey.getFingerprint}. */
  getFingerprint(hash: 'sha256' | 'md5' = 'sha256'): string {
    return this.#key.getFingerprint(hash);
  }

  /** The public blob in base64. */
  getBase64(): string {
    return this.#key.getBase64();
  }

  /** A copy of the public blob. */
  asBytes(): Uint8Array {
    return this.#key.asBytes();
  }

  /** Whether both are the same key, private or not, with or without certificate. */
  equals(other: PKey | PublicKey): boolean {
    return this.#key.equals(other instanceof PKey ? other.#key : other);
  }

  /**
   * Writes the private key into a file of mode 0600, see {@link writePrivateKey}.
   * @throws UsageError where there is such a file and `overwrite` was not given, and where the private part is not here
   */
  async writePrivateKeyFile(
    filename: string,
    password?: string | null,
    options: Omit<WritePrivateKeyOptions, 'passphrase'> = {},
  ): Promise<void> {
    await writePrivateKey(filename, this.#inMemory(), { ...options, passphrase: password ?? undefined });
  }

  /** Writes the text of the private key, see {@link formatPrivateKey}. @throws UsageError where the private part is not here */
  async writePrivateKey(file: { write(text: string): unknown }, password?: string | null): Promise<void> {
    await file.write(await formatPrivateKey(this.#inMemory(), { passphrase: password ?? undefined }));
  }

  /**
   * Has servers be shown a certificate together with the key.
   * @param value A file's name, the line that is in such a file, a blob, or a certificate
   * @throws KeyFormatError where it is none; UsageError where it is for another key
   */
  async loadCertificate(value: string | Uint8Array | Certificate): Promise<void> {
    const certificate = value instanceof Certificate ? value : await certificateOf(value);
    this.#key = withCertificate(this, certificate).publicKey;
  }

  /** The public key's one-line form: never the secret. */
  toString(): string {
    return this.#key.toString();
  }

  /** The public key's one-line form: never the secret. */
  toJSON(): string {
    return this.toString();
  }

  [inspectSymbol](): string {
    return `PKey { ${this.getName()}, ${this.fingerprint}${this.canSign() ? '' : ', public only'} }`;
  }

  #private(why: string): Signer {
    if (this.#signer === null) throw new UsageError(`the key ${this.fingerprint} has no private part here ${why}`);
    return this.#signer;
  }

  #inMemory(): PrivateKey {
    this.#private('to write');
    if (this.privateKey === null) throw new UsageError(`the private part of ${this.fingerprint} is not in this process`);
    return this.privateKey;
  }
}

function certificateOf(value: string | Uint8Array): Certificate | Promise<Certificate> {
  if (typeof value !== 'string') return parseCertificate(value);
  // No file is called like a line: type, blank, base64.
  const [type = '', base64 = ''] = value.trim().split(/[ \t]+/, 2);
  const isLine = certifiedKeyType(type) !== undefined && base64 !== '' && fromBase64(base64) !== null;
  return isLine ? parseCertificate(value) : readCertificate(value);
}

async function collect(source: AsyncIterable<string | Uint8Array>): Promise<Uint8Array> {
  let data = new Uint8Array(0);
  for await (const piece of source) {
    const bytes = typeof piece === 'string' ? encodeUtf8(piece) : piece;
    if (data.length + bytes.length > MAX_KEY_FILE_BYTES) {
      throw new KeyFormatError(`more than the ${MAX_KEY_FILE_BYTES} bytes that a key file may have`);
    }
    const grown = new Uint8Array(data.length + bytes.length);
    grown.set(data);
    grown.set(bytes, data.length);
    data.fill(0);
    data = grown;
  }
  return data;
}
