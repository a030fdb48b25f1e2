// Signing and verifying messages in Node: what `ssh-keygen -Y sign` and `-Y verify` do, with any signer.

import { nodeCrypto } from '../../crypto/node/index.ts';
import { UsageError } from '../../errors.ts';
import { AllowedSigners } from '../allowed-signers.ts';
import type { PublicKey } from '../public-key.ts';
import { signatureRow } from '../signature.ts';
import type { Signer } from '../signer.ts';
import { formatSshsig, parseSshsig, type SshsigHash, sshsigSigned, verifySshsig } from '../sshsig.ts';

/** How to sign a message. */
export interface SignMessageOptions {
  /** What the signature is for: `file`, `git`, or a name like `purpose@your.domain`. */
  readonly namespace: string;
  /** Default sha512. */
  readonly hash?: SshsigHash;
}

/** How a signature is judged. */
export interface VerifyMessageOptions {
  readonly namespace: string;
  /** Who should have signed. */
  readonly principal: string;
  /** Who may sign as whom: the text of an allowed signers file. */
  readonly allowedSigners: string;
  /** When it was signed, as far as is known; default now. */
  readonly at?: Date;
}

/**
 * Signs a message (OpenSSH PROTOCOL.sshsig) and returns the text of a `.sig` file.
 * @throws UsageError for a key without an algorithm that such signatures may use; what the signer throws
 */
export async function signMessage(signer: Signer, message: Uint8Array, options: SignMessageOptions): Promise<string> {
  const { namespace, hash = 'sha512' } = options;
  const algorithm = signer.algorithms.find((name) => signatureRow(name)?.status === 'default');
  if (algorithm === undefined) throw new UsageError('the key has no algorithm that such signatures may use');
  const signature = await signer.sign(sshsigSigned(message, namespace, hash, nodeCrypto), algorithm);
  return formatSshsig({ publicKey: signer.publicKey, namespace, hash, signature });
}

/**
 * Verifies a signature and that its key may sign as `principal`.
 * @returns The key that signed, or null where the signature is not good or the key may not; the reason is not told apart.
 * @throws KeyFormatError where the signature or the allowed signers can't be read
 */
export function verifyMessage(signature: string, message: Uint8Array, options: VerifyMessageOptions): PublicKey | null {
  const { namespace, principal, allowedSigners, at = new Date() } = options;
  const parsed = parseSshsig(signature, nodeCrypto);
  const signers = AllowedSigners.parse(allowedSigners, nodeCrypto);
  if (!verifySshsig(parsed, message, namespace, nodeCrypto)) return null;
  return signers.permits(principal, parsed.publicKey, namespace, at) === null ? parsed.publicKey : null;
}
