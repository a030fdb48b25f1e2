// The names of OpenSSH certificates (OpenSSH PROTOCOL.certkeys): of the blob, which is one per key type, and of the algorithm, which
// for RSA is one per hash. A certificate algorithm is negotiated like a signature algorithm; what it signs with is `signs`.

import type { KeyType } from './key-type.ts';
import { type SignatureAlgorithm, type SignatureRow, signatureAlgorithms, WEBAUTHN } from './signature.ts';

/** What the blob of a certificate calls itself. */
export type CertificateType =
  | 'ssh-ed25519-cert-v01@openssh.com'
  | 'ecdsa-sha2-nistp256-cert-v01@openssh.com'
  | 'ecdsa-sha2-nistp384-cert-v01@openssh.com'
  | 'ecdsa-sha2-nistp521-cert-v01@openssh.com'
  | 'ssh-rsa-cert-v01@openssh.com'
  | 'sk-ssh-ed25519-cert-v01@openssh.com'
  | 'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com';

/** What is negotiated where the key is a certificate. */
export type CertificateAlgorithm = CertificateType | 'rsa-sha2-512-cert-v01@openssh.com' | 'rsa-sha2-256-cert-v01@openssh.com';

export interface CertificateRow {
  readonly name: CertificateAlgorithm;
  /** The name inside of the signatures. */
  readonly signs: SignatureAlgorithm;
  /** The type of the key that is certified. */
  readonly keyType: KeyType;
  readonly status: SignatureRow['status'];
}

const SUFFIX = '-cert-v01@openssh.com';

/** The certificate's name for that of a key type or a signature algorithm. */
function certified(name: string): string {
  return name.replace(/@openssh\.com$/, '') + SUFFIX;
}

/** Every certificate algorithm, in the order of the signature algorithms that they stand for. */
export const certificateAlgorithms: readonly CertificateRow[] = signatureAlgorithms
  .filter(({ name }) => name !== WEBAUTHN)
  .map(({ name, keyType, status }) => ({ name: certified(name) as CertificateAlgorithm, signs: name, keyType, status }));

/** The type of certificates for keys of a type. */
export function certificateTypeOf(type: KeyType): CertificateType {
  return certified(type) as CertificateType;
}

/** The type of the key in certificates that call themselves `name`, or undefined where that is no certificate. */
export function certifiedKeyType(name: string): KeyType | undefined {
  return certificateAlgorithms.find(({ keyType }) => certificateTypeOf(keyType) === name)?.keyType;
}

/** What a negotiated name stands for. */
export interface KeyAlgorithm {
  /** The name inside of the signatures. */
  readonly signs: SignatureAlgorithm;
  readonly keyType: KeyType;
  /** Whether the key comes as a certificate. */
  readonly certified: boolean;
}

/** The signature or certificate algorithm called `name`, or undefined where there is none. */
export function keyAlgorithm(name: string): KeyAlgorithm | undefined {
  const certified = certificateAlgorithms.find((row) => row.name === name);
  if (certified !== undefined) return { signs: certified.signs, keyType: certified.keyType, certified: true };
  const plain = signatureAlgorithms.find((row) => row.name === name);
  return plain && { signs: plain.name, keyType: plain.keyType, certified: false };
}

/** The certificate algorithm whose signatures are made with `algorithm`. */
export function certificateAlgorithmOf(algorithm: SignatureAlgorithm): CertificateAlgorithm {
  return certified(algorithm) as CertificateAlgorithm;
}
