// Key revocation lists (OpenSSH PROTOCOL.krl): keys and certificates that count no more. What can't be understood and says that it
// matters makes the whole list void, and a list that can't be read revokes everything for its caller, who gets an error.

import { encodeUtf8, equalBytes, fromHex, toHex } from '../bytes/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { KeyFormatError, printable, UsageError } from '../errors.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import type { Certificate } from './certificate.ts';
import { PublicKey } from './public-key.ts';
import { mergedRanges, type SerialRange } from './serial-ranges.ts';

export type { SerialRange } from './serial-ranges.ts';

const MAGIC = encodeUtf8('SSHKRL\n\0');
const FORMAT_VERSION = 1;

const CERTIFICATES = 1;
const EXPLICIT_KEY = 2;
const FINGERPRINT_SHA1 = 3;
const SIGNATURE = 4;
const FINGERPRINT_SHA256 = 5;
const EXTENSION = 255;

const SERIAL_LIST = 0x20;
const SERIAL_RANGE = 0x21;
const SERIAL_BITMAP = 0x22;
const KEY_ID = 0x23;
const CERTIFICATE_EXTENSION = 0x39;

/** The most numbers that a run of bits may stand for. A longer one only wastes memory. */
const MAX_BITMAP_BITS = 1 << 20;

/** A key of any type, also one that is not supported: a list names keys, it does not use them. */
export interface KeyBlob {
  /** The SSH encoding (RFC 4253 section 6.6). */
  readonly blob: Uint8Array;
}

/** Certificates of one authority. */
export interface RevokedCertificates {
  /** The authority, usually a PublicKey; null for certificates of any. */
  readonly authority: KeyBlob | null;
  /** Serial numbers; 0, which stands for none given, revokes nothing. */
  readonly serials?: readonly (bigint | SerialRange)[];
  /** What the authority calls them (`keyId` of a Certificate). */
  readonly keyIds?: readonly string[];
}

/** What a list is made of. */
export interface KrlContents {
  /** Counts up with each edition. */
  readonly version?: bigint;
  /** When it was made, to the second. */
  readonly generated: Date;
  /** Free text. Default none. */
  readonly comment?: string;
  /** Keys as such, plain and in any certificate, as an authority as well. */
  readonly keys?: readonly KeyBlob[];
  /** By the SHA-1 hash of the blob: 20 bytes each, as old lists have them. Can be made to fit for keys that nobody meant. */
  readonly sha1?: readonly Uint8Array[];
  /** The same by the hash of the key's blob: says which keys without giving them away. 32 bytes each. */
  readonly sha256?: readonly Uint8Array[];
  readonly certificates?: readonly RevokedCertificates[];
}

interface Section {
  readonly authority: Uint8Array;
  readonly ranges: SerialRange[];
  readonly keyIds: Set<string>;
}

/**
 * A key revocation list.
 *
 * @example
 * ```ts
 * import { readKrl } from 'amiko/keys';
 *
 * const revoked = await readKrl('/etc/ssh/revoked_keys');
 * const why = revoked.whyRevoked(key); // null, or what revokes it
 * ```
 */
export class Krl {
  /** Counts up with each edition; 0 where nobody counts. */
  readonly version: bigint;
  /** When it was made. */
  readonly generated: Date;
  /** Free text; empty where there was none. */
  readonly comment: string;
  readonly #crypto: CryptoProvider;
  readonly #blobs = new Set<string>();
  readonly #sha1 = new Set<string>();
  readonly #sha256 = new Set<string>();
  readonly #sections: Section[] = [];

  private constructor(bytes: Uint8Array, crypto: CryptoProvider) {
    this.#crypto = crypto;
    const reader = new Reader(bytes);
    if (!equalBytes(reader.raw(MAGIC.length), MAGIC)) throw new DecodeError("it does not begin with 'SSHKRL'");
    const format = reader.u32();
    if (format !== FORMAT_VERSION) throw new DecodeError(`of format ${format}, and only ${FORMAT_VERSION} is known`);
    this.version = reader.u64();
    this.generated = new Date(Number(reader.u64()) * 1000);
    reader.u64();
    reader.string();
    this.comment = reader.text();
    while (reader.remaining > 0) this.#section(reader.u8(), reader);
  }

  /** @throws KeyFormatError for anything that is not a list that can be understood as a whole */
  static parse(bytes: Uint8Array, crypto: CryptoProvider): Krl {
    try {
      return new Krl(bytes, crypto);
    } catch (error) {
      if (error instanceof DecodeError) throw new KeyFormatError(`key revocation list: ${error.message}`, { cause: error });
      throw error;
    }
  }

  /** Whether the bytes are meant to be a list: the files that servers read may also be plain public keys, line by line. */
  static looksLikeOne(bytes: Uint8Array): boolean {
    return equalBytes(bytes.subarray(0, 6), MAGIC.subarray(0, 6));
  }

  /** All that the list revokes, for `encodeKrl` or to be shown; hashes and keys in order. Extensions and signatures are left out. */
  get contents(): Required<KrlContents> {
    const { version, generated, comment } = this;
    const bytes = (set: ReadonlySet<string>) => [...set].sort().map((hex) => fromHex(hex) as Uint8Array);
    const byAuthority = new Map<string, { authority: Uint8Array; ranges: SerialRange[]; keyIds: string[] }>();
    for (const { authority, ranges, keyIds } of this.#sections) {
      const name = toHex(authority);
      const known = byAuthority.get(name) ?? { authority, ranges: [], keyIds: [] };
      byAuthority.set(name, known);
      known.ranges = mergedRanges([...known.ranges, ...ranges]);
      known.keyIds = [...new Set([...known.keyIds, ...keyIds])].sort();
    }
    return {
      version,
      generated,
      comment,
      keys: bytes(this.#blobs).map((blob) => ({ blob })),
      sha1: bytes(this.#sha1),
      sha256: bytes(this.#sha256),
      certificates: [...byAuthority.values()].map(({ authority, ranges, keyIds }) => ({
        authority: authority.length === 0 ? null : { blob: authority },
        serials: ranges,
        keyIds,
      })),
    };
  }

  /** What revokes the key, the certificate it is in, or that one's authority; null where nothing does. */
  whyRevoked(key: PublicKey | Certificate): string | null {
    const plain = key instanceof PublicKey ? key : key.publicKey;
    const certificate = key instanceof PublicKey ? key.certificate : key;
    const itself = this.#whyPlain(plain);
    if (itself !== null) return itself;
    if (certificate === null) return null;
    const authority = this.#whyPlain(certificate.signatureKey);
    return authority === null ? this.#whyCertificate(certificate) : `its authority: ${authority}`;
  }

  #whyPlain(key: PublicKey): string | null {
    if (this.#blobs.has(toHex(key.blob))) return 'the key is listed';
    if (this.#sha256.has(toHex(this.#crypto.hash('sha256', key.blob)))) return 'its SHA-256 fingerprint is listed';
    if (this.#sha1.has(toHex(this.#crypto.hash('sha1', key.blob)))) return 'its SHA-1 fingerprint is listed';
    return null;
  }

  #whyCertificate({ keyId, serial, signatureKey }: Certificate): string | null {
    for (const { authority, ranges, keyIds } of this.#sections) {
      if (authority.length > 0 && !equalBytes(authority, signatureKey.blob)) continue;
      if (keyIds.has(keyId)) return `the key ID '${printable(keyId)}' is listed`;
      // An authority that numbers nothing gives every certificate the same 0.
      if (serial !== 0n && ranges.some(({ from, to }) => from <= serial && serial <= to))
        return `the serial number ${serial} is listed`;
    }
    return null;
  }

  #section(type: number, reader: Reader): void {
    // "Signatures must be the last sections", and whose they are is nothing that a list itself can say.
    const body = new Reader(reader.string());
    switch (type) {
      case CERTIFICATES:
        this.#sections.push(certificates(body));
        break;
      case EXPLICIT_KEY:
        while (body.remaining > 0) this.#blobs.add(toHex(body.string()));
        break;
      case FINGERPRINT_SHA1:
        while (body.remaining > 0) this.#sha1.add(toHex(digest(body, 20)));
        break;
      case FINGERPRINT_SHA256:
        while (body.remaining > 0) this.#sha256.add(toHex(digest(body, 32)));
        break;
      case SIGNATURE:
        reader.string();
        break;
      case EXTENSION:
        extension(body);
        break;
      default:
        throw new DecodeError(`a section of unknown type ${type}`);
    }
  }
}

/** The bytes of a list, as `ssh-keygen -k` writes them. @throws UsageError for numbers that make no list */
export function encodeKrl(contents: KrlContents): Uint8Array {
  const { version = 0n, generated, comment = '', keys = [], sha1 = [], sha256 = [], certificates: revoked = [] } = contents;
  const seconds = BigInt(Math.floor(generated.getTime() / 1000));
  const writer = new Writer(1024).raw(MAGIC).u32(FORMAT_VERSION).u64(version).u64(seconds).u64(0n).string('').string(comment);
  for (const section of revoked) writer.u8(CERTIFICATES).string(encodeCertificates(section));
  if (keys.length > 0) writer.u8(EXPLICIT_KEY).string(strings(sorted(keys.map(({ blob }) => blob))));
  if (sha1.some((hash) => hash.length !== 20)) throw new UsageError('a SHA-1 digest is 20 bytes long');
  if (sha1.length > 0) writer.u8(FINGERPRINT_SHA1).string(strings(sorted(sha1)));
  if (sha256.some((hash) => hash.length !== 32)) throw new UsageError('a SHA-256 digest is 32 bytes long');
  if (sha256.length > 0) writer.u8(FINGERPRINT_SHA256).string(strings(sorted(sha256)));
  return writer.finish();
}

function encodeCertificates({ authority, serials = [], keyIds = [] }: RevokedCertificates): Uint8Array {
  const writer = new Writer().string(authority?.blob ?? '').string('');
  const list = new Writer();
  for (const { from, to } of mergedRanges(serials.map(checkedRange))) {
    if (from === to) list.u64(from);
    else writer.u8(SERIAL_RANGE).string(new Writer().u64(from).u64(to).finish());
  }
  if (list.length > 0) writer.u8(SERIAL_LIST).string(list.finish());
  if (keyIds.length > 0) writer.u8(KEY_ID).string(strings(keyIds.map(encodeUtf8)));
  return writer.finish();
}

function checkedRange(serial: bigint | SerialRange): SerialRange {
  const { from, to } = typeof serial === 'bigint' ? { from: serial, to: serial } : serial;
  if (from > to || from < 0n) throw new UsageError(`no range of serial numbers: ${from} to ${to}`);
  return { from, to };
}

function certificates(reader: Reader): Section {
  const section: Section = { authority: reader.string(), ranges: [], keyIds: new Set() };
  reader.string();
  while (reader.remaining > 0) {
    const type = reader.u8();
    const body = new Reader(reader.string());
    switch (type) {
      case SERIAL_LIST:
        while (body.remaining > 0) {
          const serial = body.u64();
          section.ranges.push({ from: serial, to: serial });
        }
        break;
      case SERIAL_RANGE: {
        const [from, to] = [body.u64(), body.u64()];
        if (from > to) throw new DecodeError('a range of serial numbers that ends before it begins');
        section.ranges.push({ from, to });
        body.end();
        break;
      }
      case SERIAL_BITMAP:
        section.ranges.push(...bitmap(body.u64(), body.mpint()));
        body.end();
        break;
      case KEY_ID:
        while (body.remaining > 0) section.keyIds.add(body.text());
        break;
      case CERTIFICATE_EXTENSION:
        extension(body);
        break;
      default:
        throw new DecodeError(`a part of unknown type ${type} about certificates`);
    }
  }
  return section;
}

/** Bit n of a positive number stands for the serial number `offset + n`. */
function bitmap(offset: bigint, bits: Uint8Array): SerialRange[] {
  if (bits.length * 8 > MAX_BITMAP_BITS) throw new DecodeError(`a bitmap of ${bits.length} bytes`);
  const ranges: SerialRange[] = [];
  let start = -1;
  for (let n = 0; n <= bits.length * 8; n++) {
    const set = ((bits[bits.length - 1 - (n >> 3)] ?? 0) >> (n & 7)) & 1;
    if (set === 1 && start < 0) start = n;
    if (set === 1 || start < 0) continue;
    ranges.push({ from: offset + BigInt(start), to: offset + BigInt(n - 1) });
    start = -1;
  }
  return ranges;
}

/** "If the extension is critical and unknown, the KRL must be refused". None is known. */
function extension(body: Reader): void {
  const name = body.text();
  const critical = body.bool();
  body.string();
  body.end();
  if (critical) throw new DecodeError(`the unknown extension '${printable(name)}' is critical`);
}

function digest(body: Reader, bytes: number): Uint8Array {
  const hash = body.string();
  if (hash.length !== bytes) throw new DecodeError(`a fingerprint of ${hash.length} bytes`);
  return hash;
}

function strings(list: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  for (const one of list) writer.string(one);
  return writer.finish();
}

/** "In order", by their bytes. */
function sorted(list: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...list].sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1));
}
