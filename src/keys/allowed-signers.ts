// Who may sign as whom (ssh-keygen(1), "ALLOWED SIGNERS"): a line per key, with patterns of names, options, the key. A line that
// can't be understood is an error with its number, never skipped: whoever reads trust from a file must be able to rely on all of it.
// Only a key of a type that amiko does not have is passed over, as nothing could be signed with it.

import type { CryptoProvider } from '../crypto/provider.ts';
import { KeyFormatError, printable } from '../errors.ts';
import { parseKeyOptions, parseTimestamp } from './key-options.ts';
import { isKeyType, looksLikeKeyType } from './key-type.ts';
import { matchesPattern, matchesPatternList } from './pattern-list.ts';
import { PublicKey } from './public-key.ts';

const OPTIONS = { plain: ['cert-authority'], valued: ['namespaces', 'valid-after', 'valid-before'] };

interface Line {
  readonly number: number;
  readonly principals: string;
  readonly authority: boolean;
  readonly namespaces: string | null;
  /** Seconds since 1970. */
  readonly validAfter: number;
  readonly validBefore: number;
  readonly key: PublicKey;
}

/**
 * The keys that may sign, and as whom.
 *
 * @example
 * ```ts
 * const signers = AllowedSigners.parse(await readFile('.allowed_signers', 'utf8'), nodeCrypto);
 * signers.permits('me@example.com', key, 'git', new Date()); // null, or why not
 * ```
 */
export class AllowedSigners {
  readonly #lines: readonly Line[];

  private constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  /** @throws KeyFormatError with the line's number */
  static parse(text: string, crypto: CryptoProvider): AllowedSigners {
    const lines: Line[] = [];
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
      try {
        const parsed = parseLine(line.trim(), index + 1, crypto);
        if (parsed !== null) lines.push(parsed);
      } catch (error) {
        if (!(error instanceof KeyFormatError)) throw error;
        throw new KeyFormatError(`allowed signers, line ${index + 1}: ${error.message}`, { cause: error });
      }
    }
    return new AllowedSigners(lines);
  }

  /**
   * Why `principal` may not have signed with this key for this purpose, or null where it may.
   * @param at When it was signed, as far as is known; else now.
   */
  permits(principal: string, key: PublicKey, namespace: string, at: Date): string | null {
    let why = `no line allows '${printable(principal)}' to sign with ${key.fingerprint}`;
    for (const line of this.#lines) {
      const refused = refusal(line, principal, key, namespace, at.getTime() / 1000);
      if (refused === null) return null;
      if (refused !== '') why = `line ${line.number}: ${refused}`;
    }
    return why;
  }

  /**
   * Whom the first line that fits lets sign with this key, as `ssh-keygen -Y find-principals` lists them: the patterns of the line; for a
   * certificate of its authority the certificate's own names that fit them. Each is for `permits` to judge, this is no verdict.
   * @param namespace What the signature is for; null for anything, which is what ssh-keygen asks.
   */
  findPrincipals(key: PublicKey, namespace: string | null, at: Date): readonly string[] {
    const seconds = at.getTime() / 1000;
    for (const line of this.#lines) {
      if (unfit(line, namespace, seconds) !== null) continue;
      const names = line.authority ? certifiedNames(line, key, seconds) : plainNames(line, key);
      if (names.length > 0) return names;
    }
    return [];
  }
}

function plainNames({ principals, key: own }: Line, key: PublicKey): readonly string[] {
  return key.certificate === null && own.equals(key) ? principals.split(',').filter((name) => name !== '') : [];
}

/** As ssh-keygen: pattern after pattern. A name that the line rules out (`!name`) is not one of them, whatever else fits it. */
function certifiedNames({ principals, key: authority }: Line, { certificate }: PublicKey, seconds: number): readonly string[] {
  if (certificate === null || !certificate.signatureKey.equals(authority)) return [];
  if (certificate.refusal('user', null, seconds) !== null) return [];
  const allowed = certificate.principals.filter((name) => matchesPatternList(principals, name));
  return principals.split(',').flatMap((pattern) => allowed.filter((name) => matchesPattern(pattern, name)));
}

/** Null where the line lets it through, '' where it is about something else. */
function refusal(line: Line, principal: string, key: PublicKey, namespace: string, seconds: number): string | null {
  if (!matchesPatternList(line.principals, principal)) return '';
  const { certificate } = key;
  if (line.authority) {
    if (certificate === null || !certificate.signatureKey.equals(line.key)) return '';
    const refused = certificate.refusal('user', principal, seconds);
    if (refused !== null) return `the certificate is not good for that: ${refused}`;
  } else if (!line.key.equals(key) || certificate !== null) {
    return '';
  }
  return unfit(line, namespace, seconds);
}

function unfit({ namespaces, validAfter, validBefore }: Line, namespace: string | null, seconds: number): string | null {
  if (namespaces !== null && namespace !== null && !matchesPatternList(namespaces, namespace))
    return `not for the namespace '${printable(namespace)}'`;
  if (seconds < validAfter) return 'the key is not yet valid';
  if (seconds >= validBefore) return 'the key has expired';
  return null;
}

/** Null where the key is of a type that is not supported. */
function parseLine(text: string, number: number, crypto: CryptoProvider): Line | null {
  const quoted = /^"([^"]*)"[ \t]+(.*)$/.exec(text);
  const plain = /^([^\s"]\S*)[ \t]+(.*)$/.exec(text);
  const [, principals = '', rest = ''] = quoted ?? plain ?? [];
  if (principals === '' || rest === '') throw new KeyFormatError('not of the form "principals [options] type base64"');
  const { options, all, rest: keyText } = parseKeyOptions(rest, OPTIONS);
  for (const name of OPTIONS.valued) {
    // One of them would have to be ignored, and each is a restriction.
    if (all.filter(([other]) => other === name).length > 1) throw new KeyFormatError(`the option '${name}' twice`);
  }
  const time = (name: string) => {
    const value = options.get(name);
    return value === undefined ? null : parseTimestamp(value);
  };
  const validAfter = time('valid-after') ?? 0;
  const validBefore = time('valid-before') ?? Number.POSITIVE_INFINITY;
  if (validBefore <= validAfter) throw new KeyFormatError('valid-before is not behind valid-after');
  const namespaces = options.get('namespaces') ?? null;
  const authority = options.has('cert-authority');
  const type = /^\S*/.exec(keyText)?.[0] ?? '';
  if (looksLikeKeyType(type) && !isKeyType(type)) return null;
  return { number, principals, authority, namespaces, validAfter, validBefore, key: PublicKey.fromText(keyText, crypto) };
}
