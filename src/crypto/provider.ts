/**
 * What the core needs of cryptography: interfaces only. `crypto/node/` implements them over node:crypto; a browser build
 * would bring another one. The engine never imports an implementation, it is handed one.
 *
 * Split by temperature: everything a packet needs is synchronous; what a handshake needs is synchronous here too (the
 * slowest, DH group18, is a few milliseconds), except signing, which a {@link Signer} in `keys/` may do asynchronously
 * because the key may live in an agent or a KMS.
 */

export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';

export type CurveName = 'nistp256' | 'nistp384' | 'nistp521';

/** A MAC with its key set; one object serves one direction for as long as the key lives. */
export interface Mac {
  /** Length of the result in bytes. */
  readonly bytes: number;
  /** The MAC of a, b (and c) one after the other, in a fresh or reused buffer valid until the next call. */
  compute(a: Uint8Array, b: Uint8Array, c?: Uint8Array): Uint8Array;
}

/** A cipher whose state runs on from call to call (CTR, CBC). `update` takes whole blocks only. */
export interface RunningCipher {
  /** The result in a fresh buffer. */
  update(data: Uint8Array): Uint8Array;
  /** Puts the result into `target`, which is as long as `data`. */
  updateInto(data: Uint8Array, target: Uint8Array): void;
}

/** AES-GCM under one key. Nonces are 12 bytes and the caller's to count; tags are 16 bytes. */
export interface GcmCipher {
  /** Puts ciphertext || tag into `target`, which is 16 bytes longer than the plaintext. */
  seal(nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array, target: Uint8Array): void;
  /** The plaintext in a fresh buffer, or null where the tag does not fit. Nothing leaks before the tag was checked. */
  open(nonce: Uint8Array, associated: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | null;
}

/**
 * chacha20-poly1305@openssh.com under one 64-byte key (OpenSSH PROTOCOL.chacha20poly1305): the first 32 bytes key the
 * body and the MAC, the last 32 the length field. `sequence` is the packet sequence number.
 */
export interface ChachaPoly {
  /** Decrypts the 4-byte length field. */
  openLength(sequence: number, encrypted: Uint8Array): number;
  /** `packet` is length || body in clear. Puts length || body || tag in cipher into `target`, which is 16 bytes longer. */
  seal(sequence: number, packet: Uint8Array, target: Uint8Array): void;
  /** `packet` is length || body || tag as received; the body in a fresh buffer, or null where the tag does not fit. */
  open(sequence: number, packet: Uint8Array): Uint8Array | null;
}

/** An ephemeral key pair of one Diffie-Hellman-like agreement. Use once. */
export interface Agreement {
  /** Our public value: 32 bytes for x25519, an uncompressed point for a curve, big-endian unsigned for a DH group. */
  readonly publicKey: Uint8Array;
  /**
   * The shared secret, big-endian unsigned (raw 32 bytes for x25519).
   * @throws RangeError if the peer's value is invalid: wrong length, off the curve, outside 2..p-2, or an all-zero result.
   */
  derive(peerPublicKey: Uint8Array): Uint8Array;
}

export type AgreementName = 'x25519' | CurveName | DhGroupName;

/** The fixed groups: RFC 2409 group 2 (1024 bits), RFC 3526 groups 14, 16, 18 (2048, 4096, 8192 bits). */
export type DhGroupName = 'modp2' | 'modp14' | 'modp16' | 'modp18';

/** Which way a cipher runs, where that makes a difference. */
export type CipherDirection = 'encrypt' | 'decrypt';

/**
 * A key encapsulation mechanism: ML-KEM-768 (FIPS 203; public key 1184 bytes, ciphertext 1088) or Streamlined NTRU Prime 761
 * (1158 and 1039). Secrets are 32 bytes.
 */
export interface Kem {
  readonly publicKeyBytes: number;
  readonly ciphertextBytes: number;
  generate(): { publicKey: Uint8Array; decapsulate(ciphertext: Uint8Array): Uint8Array };
  /** @throws RangeError if the public key is malformed (length, for ML-KEM also the modulus check of FIPS 203 section 7.2). */
  encapsulate(publicKey: Uint8Array): { ciphertext: Uint8Array; secret: Uint8Array };
}

export type PublicComponents =
  | { readonly kind: 'ed25519'; readonly point: Uint8Array }
  | { readonly kind: 'ecdsa'; readonly curve: CurveName /** uncompressed, 04 || x || y */; readonly point: Uint8Array }
  | { readonly kind: 'rsa' /** big-endian, no leading zeros */; readonly n: Uint8Array; readonly e: Uint8Array };

export type PrivateComponents =
  | { readonly kind: 'ed25519'; readonly point: Uint8Array; readonly seed: Uint8Array }
  | { readonly kind: 'ecdsa'; readonly curve: CurveName; readonly point: Uint8Array; readonly scalar: Uint8Array }
  | {
      readonly kind: 'rsa';
      readonly n: Uint8Array;
      readonly e: Uint8Array;
      readonly d: Uint8Array;
      readonly p: Uint8Array;
      readonly q: Uint8Array;
      /** q^-1 mod p */
      readonly iqmp: Uint8Array;
    };

/** A private key inside the provider; the secret parts need not be readable from outside. */
export interface SigningKey {
  /**
   * The raw signature over `data`: 64 bytes for ed25519, r || s each padded to the curve's size for ecdsa, modulus-sized
   * PKCS#1 v1.5 for rsa. `hash` is ignored for ed25519, which brings its own.
   */
  sign(data: Uint8Array, hash: HashName): Uint8Array;
}

export interface CryptoProvider {
  /** Cryptographically secure random bytes. */
  randomFill(target: Uint8Array): void;
  /** The digest of the parts one after the other. */
  hash(name: HashName, ...parts: readonly Uint8Array[]): Uint8Array;
  hmac(name: HashName, key: Uint8Array): Mac;
  aesCtr(key: Uint8Array, iv: Uint8Array): RunningCipher;
  aesCbc(key: Uint8Array, iv: Uint8Array, direction: CipherDirection): RunningCipher;
  /** Three-key 3DES in CBC mode: 24 bytes of key, 8 of IV. */
  tripleDesCbc(key: Uint8Array, iv: Uint8Array, direction: CipherDirection): RunningCipher;
  aesGcm(key: Uint8Array): GcmCipher;
  chachaPoly(key: Uint8Array): ChachaPoly;
  agreement(name: AgreementName): Agreement;
  /**
   * Diffie-Hellman in a group that the server chose (RFC 4419). Both numbers are big-endian unsigned; how long the prime must be
   * is the caller's rule, and nobody tests here whether it is one.
   * @throws RangeError if the prime is even or the generator outside 2..p-2.
   */
  dhAgreement(prime: Uint8Array, generator: Uint8Array): Agreement;
  readonly mlkem768: Kem;
  readonly sntrup761: Kem;
  /** Whether `signature` (raw form, see {@link SigningKey}) over `data` is by this key. Never throws: bad input is false. */
  verify(key: PublicComponents, hash: HashName, data: Uint8Array, signature: Uint8Array): boolean;
  /** @throws RangeError if the components do not make a valid key. */
  importPrivateKey(components: PrivateComponents): SigningKey;
  /** Compares in time that depends on the length alone. */
  timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
}
