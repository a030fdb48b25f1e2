// Signatures of files and messages by SSH keys (OpenSSH PROTOCOL.sshsig), as `ssh-keygen -Y sign` and git make them. The namespace
// keeps a signature that was given for one purpose from being shown for another.

import { encodeUtf8, equalBytes, fromBase64, toBase64 } from '../bytes/bytes.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { KeyFormatError, printable, UsageError } from '../errors.ts';
import { DecodeError, Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { Certificate } from './certificate.ts';
import { certifiedKeyType } from './certificate-algorithms.ts';
import { PublicKey } from './public-key.ts';
import { type SignatureAlgorithm, signatureRow } from './signature.ts';

const MAGIC = encodeUtf8('SSHSIG');
const VERSION = 1;
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
/** A signature of the largest RSA key in a certificate is a few kilobytes long. Characters. */
const MOST_TEXT = 65_536;

export type SshsigHash = 'sha256' | 'sha512';

/** A signature taken apart. Nothing is verified yet. */
export interface Sshsig {
  /** The key that it says to be by, with its certificate where it came in one. */
  readonly publicKey: PublicKey;
  readonly namespace: string;
  readonly hash: SshsigHash;
  /** The SSH form: string algorithm, string blob. */
  readonly signature: Uint8Array;
}

/** What a key signs for a message: not the message, so that no signature of a login can be one of a file. */
export function sshsigSigned(message: Uint8Array, namespace: string, hash: SshsigHash, crypto: CryptoProvider): Uint8Array {
  if (namespace === '') throw new UsageError('a signature needs a namespace, such as "file" or "git"');
  const digest = crypto.hash(hash, message);
  return new Writer().raw(MAGIC).string(namespace).string('').string(hash).string(digest).finish();
}

/** The text of a `.sig` file. */
export function formatSshsig({ publicKey, namespace, hash, signature }: Sshsig): string {
  const writer = new Writer(512).raw(MAGIC).u32(VERSION);
  writer
    .string(publicKey.certificate?.blob ?? publicKey.blob)
    .string(namespace)
    .string('')
    .string(hash)
    .string(signature);
  const lines = toBase64(writer.finish()).replace(/.{70}(?=.)/g, '$&\n');
  return `${BEGIN}\n${lines}\n${END}\n`;
}

/** @throws KeyFormatError where the text is no such signature, or one of a kind that proves nothing */
export function parseSshsig(text: string, crypto: CryptoProvider): Sshsig {
  const body = text.trim();
  if (text.length > MOST_TEXT || !body.startsWith(BEGIN) || !body.endsWith(END)) {
    throw new KeyFormatError(`SSH signature: not a text between '${BEGIN}' and '${END}'`);
  }
  const bytes = fromBase64(body.slice(BEGIN.length, -END.length));
  if (bytes === null) throw new KeyFormatError('SSH signature: not base64');
  try {
    const reader = new Reader(bytes);
    if (!equalBytes(reader.raw(MAGIC.length), MAGIC)) throw new DecodeError("it does not begin with 'SSHSIG'");
    const version = reader.u32();
    if (version !== VERSION) throw new DecodeError(`of version ${version}, and only ${VERSION} is known`);
    const blob = reader.string();
    const namespace = reader.utf8();
    reader.string();
    const hash = reader.name();
    const signature = new Uint8Array(reader.string());
    reader.end();
    if (namespace === '') throw new DecodeError('it has no namespace');
    if (hash !== 'sha256' && hash !== 'sha512') throw new DecodeError(`over a '${printable(hash)}' hash, which proves nothing`);
    const certified = certifiedKeyType(new Reader(blob).name()) !== undefined;
    const publicKey = certified ? Certificate.parse(blob, crypto).publicKey : PublicKey.parse(blob, crypto);
    return { publicKey, namespace, hash, signature };
  } catch (error) {
    if (error instanceof DecodeError) throw new KeyFormatError(`SSH signature: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * Whether the signature is by its key, over this message, for this purpose. Who that key belongs to is for
 * {@link AllowedSigners} to say.
 */
export function verifySshsig(signed: Sshsig, message: Uint8Array, namespace: string, crypto: CryptoProvider): boolean {
  if (signed.namespace !== namespace || namespace === '') return false;
  const algorithm = signatureAlgorithm(signed.signature);
  // "RSA signatures must use rsa-sha2-256 or rsa-sha2-512" (PROTOCOL.sshsig section 2).
  if (algorithm === null || signatureRow(algorithm)?.status === 'legacy') return false;
  return signed.publicKey.verify(sshsigSigned(message, namespace, signed.hash, crypto), signed.signature, algorithm);
}

function signatureAlgorithm(signature: Uint8Array): SignatureAlgorithm | null {
  try {
    return signatureRow(new Reader(signature).name())?.name ?? null;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
