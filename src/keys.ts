/**
 * The entry `amiko/keys`: reading, writing and making SSH keys in Node. Importing it starts nothing; the worker thread for
 * bcrypt or Argon2 comes with the first encrypted key and goes with it.
 */

export { Certificate } from './keys/certificate.ts';
export type { CertificateAlgorithm, CertificateType } from './keys/certificate-algorithms.ts';
export { encodeKrl, type KeyBlob, Krl, type KrlContents, type RevokedCertificates, type SerialRange } from './keys/krl.ts';
export { parseCertificate, type SignCertificateOptions, signCertificate, withCertificate } from './keys/node/certify.ts';
export {
  type FormatPrivateKeyOptions,
  formatPrivateKey,
  formatPublicKey,
  type PrivateKeyFormat,
  type PublicKeyFormat,
} from './keys/node/format.ts';
export { type GenerateKeyOptions, generateKey } from './keys/node/generate.ts';
export { PKey } from './keys/node/pkey.ts';
export {
  type ParsePrivateKeyOptions,
  parsePrivateKey,
  parsePublicKey,
  type ReadPrivateKeyOptions,
  readCertificate,
  readPrivateKey,
  readPublicKey,
} from './keys/node/read.ts';
export { parseKrl, readKrl } from './keys/node/revocation.ts';
export { RevokedKeys } from './keys/node/revoked-keys.ts';
export { type SignMessageOptions, signMessage, type VerifyMessageOptions, verifyMessage } from './keys/node/sign-file.ts';
export { type WritePrivateKeyOptions, writePrivateKey } from './keys/node/write.ts';
export { PrivateKey } from './keys/private-key.ts';
export { type KeyType, PublicKey } from './keys/public-key.ts';
export { type SignatureAlgorithm, type SignatureRow, signatureAlgorithms, signatureRow } from './keys/signature.ts';
export type { Signer } from './keys/signer.ts';
