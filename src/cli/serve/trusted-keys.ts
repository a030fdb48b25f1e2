// The keys and certificates that `amiko serve` lets in, from the files that it was given: authorized_keys, authorities of users, and
// what is revoked. A revocation counts for more than anything else.

import { readFile } from 'node:fs/promises';
import { KeyFormatError, printable } from '../../errors.ts';
import { RevokedKeys } from '../../keys/node/revoked-keys.ts';
import { type PublicKey, parsePublicKey } from '../../keys.ts';
import { type Applicant, type Authorization, AuthorizedKeys, grantOfCertificate } from '../../server/authorized-keys.ts';

export interface TrustedKeyFiles {
  readonly authorizedKeys: readonly string[];
  /** Public keys of authorities whose certificates let users in. */
  readonly userCas: readonly string[];
  /** Lists of `ssh-keygen -k`, or public keys line by line. */
  readonly revoked: readonly string[];
  /** Principals that certificates of `userCas` may name; null: the user's name. */
  readonly principals: readonly string[] | null;
}

export class TrustedKeys {
  readonly #lines: readonly AuthorizedKeys[];
  readonly #authorities: readonly PublicKey[];
  readonly #revoked: RevokedKeys;
  readonly #principals: readonly string[] | null;

  private constructor(
    lines: readonly AuthorizedKeys[],
    authorities: readonly PublicKey[],
    revoked: RevokedKeys,
    principals: readonly string[] | null,
  ) {
    this.#lines = lines;
    this.#authorities = authorities;
    this.#revoked = revoked;
    this.#principals = principals;
  }

  /**
   * @param log Hears of lines that are passed over, see {@link AuthorizedKeys.parse}
   * @throws KeyFormatError naming file and line; a file that can't be read lets nobody in, and nothing starts
   */
  static async read(files: TrustedKeyFiles, log?: (message: string) => void): Promise<TrustedKeys> {
    const lines = await Promise.all(
      files.authorizedKeys.map(async (file) => AuthorizedKeys.parse((await bytesOf(file)).toString('utf8'), file, log)),
    );
    const authorities = await Promise.all(files.userCas.map(async (file) => keysIn(await bytesOf(file), file)));
    const revoked = await RevokedKeys.read(files.revoked);
    return new TrustedKeys(lines, authorities.flat(), revoked, files.principals);
  }

  /** Whether there is anything that could let somebody in. */
  get some(): boolean {
    return this.#authorities.length > 0 || this.#lines.some(({ size }) => size > 0);
  }

  authorize(applicant: Applicant): Authorization {
    const revoked = this.#revoked.whyRevoked(applicant.key);
    const decided = this.#lines.map((lines) => lines.authorize(applicant));
    const certified = this.#byAuthority(applicant);
    if (revoked !== null) return { granted: null, why: `${applicant.key.fingerprint} is revoked: ${revoked}`, near: true };
    const all = [...decided, ...(certified === null ? [] : [certified])];
    const nothing: Authorization = { granted: null, why: 'no line has the key', near: false };
    return all.find(({ granted }) => granted !== null) ?? all.find((one) => one.granted === null && one.near) ?? nothing;
  }

  /** What TrustedUserCAKeys is for sshd. Null where the key is none of theirs. */
  #byAuthority({ user, key, address, now }: Applicant): Authorization | null {
    const { certificate } = key;
    if (certificate === null || !this.#authorities.some((one) => one.equals(certificate.signatureKey))) return null;
    const name = `the certificate '${printable(certificate.keyId)}' serial ${certificate.serial}`;
    const refused = (why: string): Authorization => ({ granted: null, why: `${name}: ${why}`, near: true });
    const why = certificate.refusal('user', null, now);
    if (why !== null) return refused(why);
    const names = this.#principals ?? [user];
    if (!certificate.principals.some((principal) => names.includes(principal))) return refused('none of its principals may');
    const granted = grantOfCertificate(certificate, address);
    return typeof granted === 'string' ? refused(granted) : { granted, by: name };
  }
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new KeyFormatError(`cannot be read: ${(error as Error).message}`, { file, cause: error });
  }
}

function keysIn(bytes: Buffer, file: string): PublicKey[] {
  const keys: PublicKey[] = [];
  const text = bytes.toString('utf8');
  // One key over several lines, or a private one by mistake: it is the file that is said to be wrong then.
  if (/^\s*(?:-{4,5} ?BEGIN |\{)/.test(text)) return [inFile(file, () => parsePublicKey(text))];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line !== '' && !line.startsWith('#')) keys.push(inFile(`${file}:${index + 1}`, () => parsePublicKey(line)));
  }
  return keys;
}

function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new KeyFormatError(error instanceof Error ? error.message : String(error), { file, cause: error });
  }
}
