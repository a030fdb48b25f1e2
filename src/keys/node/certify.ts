// Certificates made, read and put to use in Node: what `ssh-keygen -s` does, with any signer as the authority.

import { randomFillSync } from 'node:crypto';
import { fromBase64 } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError, UsageError } from '../../errors.ts';
import { Writer } from '../../wire/writer.ts';
import { Certificate, certificateBody, FOREVER } from '../certificate.ts';
import type { PublicKey } from '../public-key.ts';
import { signatureRow } from '../signature.ts';
import type { Signer } from '../signer.ts';

/** What a certificate says. */
export interface SignCertificateOptions {
  /** Whom it is for. */
  readonly kind: 'user' | 'host';
  /** What the authority calls it: it appears in the logs of servers. */
  readonly keyId: string;
  /** The users or hosts that it is for. At least one: a certificate for nobody in particular is for nobody. */
  readonly principals: readonly string[];
  /** Default: a minute ago, since the clocks of servers may be slow. */
  readonly validAfter?: Date;
  /** Default: for ever. */
  readonly validBefore?: Date;
  /** The authority's number for it, by which it can be revoked: 0n to 2n ** 64n - 1n. Default 0n, which is for none. */
  readonly serial?: bigint;
  /** Texts by name: `force-command`, `source-address`; '' for those without a value (`verify-required`). Only for users. */
  readonly criticalOptions?: Readonly<Record<string, string>>;
  /** Default for users all that ssh-keygen permits (X11, agent and port forwarding, pty, user rc), for hosts nothing. */
  readonly extensions?: Readonly<Record<string, string>>;
  /** Free text that goes behind it in a file. Default none. */
  readonly comment?: string;
}

/** Milliseconds. */
const BACKDATED_MS = 60_000;

const PERMITTED = {
  'permit-X11-forwarding': '',
  'permit-agent-forwarding': '',
  'permit-port-forwarding': '',
  'permit-pty': '',
  'permit-user-rc': '',
};

/**
 * Has an authority certify a key (OpenSSH PROTOCOL.certkeys).
 * @throws UsageError for contents that no server would take; what the authority's `sign` throws
 */
export async function signCertificate(
  authority: Signer,
  subject: PublicKey,
  options: SignCertificateOptions,
): Promise<Certificate> {
  const {
    kind,
    keyId,
    principals,
    validAfter = new Date(Date.now() - BACKDATED_MS),
    validBefore,
    serial = 0n,
    comment = '',
  } = options;
  const { criticalOptions = {}, extensions = kind === 'user' ? PERMITTED : {} } = options;
  // Whoever writes without types must not get a host certificate for a typing error, nor a serial that no list revokes.
  if (kind !== 'user' && kind !== 'host') throw new UsageError("a certificate is for a 'user' or a 'host'");
  if (typeof serial !== 'bigint' || serial < 0n || serial >= 2n ** 64n) {
    throw new UsageError('a serial number is a bigint from 0n to 2n ** 64n - 1n');
  }
  if (principals.length === 0) throw new UsageError('a certificate needs a principal: whom or what it is for');
  // OpenSSH takes lists apart at commas in more than one place.
  if (principals.some((name) => name === '' || name.includes(','))) throw new UsageError('a principal is empty or holds a comma');
  if (kind === 'host' && Object.keys(criticalOptions).length > 0)
    throw new UsageError('host certificates have no critical options');
  const algorithm = authority.algorithms.find((name) => signatureRow(name)?.status === 'default');
  if (algorithm === undefined) throw new UsageError('the authority has no algorithm that certificates may be signed with');
  const after = seconds(validAfter);
  const before = validBefore === undefined ? FOREVER : seconds(validBefore);
  if (before <= after) throw new UsageError('the certificate would end before it begins');
  const contents = {
    publicKey: subject,
    serial,
    kind,
    keyId,
    principals,
    validAfter: after,
    validBefore: before,
    criticalOptions: encoded(criticalOptions),
    extensions: encoded(extensions),
  };
  const body = certificateBody(contents, randomFillSync(new Uint8Array(32)), authority.publicKey);
  const signature = await authority.sign(body, algorithm);
  const blob = new Writer(body.length + signature.length + 4).raw(body).string(signature).finish();
  return Certificate.parse(blob, nodeCrypto, comment);
}

/**
 * A signer that offers its key together with a certificate for it, to servers or as a host key. The plain key is still offered
 * where certificates are not taken.
 * @throws UsageError where the certificate is for another key
 */
export function withCertificate(signer: Signer, certificate: Certificate): Signer {
  if (!certificate.publicKey.equals(signer.publicKey)) {
    throw new UsageError(`the certificate is for ${certificate.fingerprint}, the key is ${signer.publicKey.fingerprint}`);
  }
  return {
    publicKey: certificate.publicKey,
    algorithms: signer.algorithms,
    ...(signer.costly !== undefined && { costly: signer.costly }),
    sign: (data, algorithm) => signer.sign(data, algorithm),
  };
}

/**
 * The certificate in a text (the one line of a `-cert.pub` file) or in a blob.
 * @throws KeyFormatError where it is no certificate, or its signature is wrong
 */
export function parseCertificate(data: string | Uint8Array): Certificate {
  if (typeof data !== 'string') return Certificate.parse(data, nodeCrypto);
  const [type = '', base64 = '', ...comment] = data.trim().split(/[ \t]+/);
  const blob = fromBase64(base64);
  if (blob === null || base64 === '' || /[\r\n]/.test(data.trim())) {
    throw new KeyFormatError("certificate: not one line of the form 'type base64 [comment]'");
  }
  const certificate = Certificate.parse(blob, nodeCrypto, comment.join(' '));
  if (certificate.type !== type) throw new KeyFormatError(`certificate: the line says another type than ${certificate.type}`);
  return certificate;
}

function seconds(date: Date): bigint {
  const value = Math.floor(date.getTime() / 1000);
  if (!Number.isSafeInteger(value) || value < 0) throw new UsageError('a certificate cannot begin or end at that date');
  return BigInt(value);
}

/** Values are strings inside of the value; none where there is nothing to say. */
function encoded(options: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> {
  return new Map(
    Object.entries(options).map(([name, value]) => [
      name,
      value === '' ? new Uint8Array(0) : new Writer().string(value).finish(),
    ]),
  );
}
