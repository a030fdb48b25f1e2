// Who may log in: one name, with one password, one of some keys or certificates, or as one of some Kerberos principals. A check
// takes the same path and the same time whether the name is wrong, the password or both (CVE-2016-6210 and its kind), and
// compares digests, so lengths do not show either.

import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import type { Applicant, Authorization } from '../../server.ts';
import type { TrustedKeys } from './trusted-keys.ts';

export class Credentials {
  readonly #user: Uint8Array;
  readonly #password: Uint8Array | null;
  readonly #keys: TrustedKeys;
  readonly #principals: readonly string[];

  /** `password` null: none will do. Principals are whole: `alice@EXAMPLE.COM`. */
  constructor(user: string, password: string | null, keys: TrustedKeys, principals: readonly string[] = []) {
    this.#user = digest(user);
    this.#password = password === null ? null : digest(password);
    this.#keys = keys;
    this.#principals = principals;
  }

  /** What is offered, to everybody the same. */
  get methods(): readonly string[] {
    return [
      ...(this.takesKerberos ? ['gssapi-with-mic'] : []),
      ...(this.#keys.some ? ['publickey'] : []),
      ...(this.#password === null ? [] : ['password', 'keyboard-interactive']),
    ];
  }

  get takesPassword(): boolean {
    return this.#password !== null;
  }

  get takesKerberos(): boolean {
    return this.#principals.length > 0;
  }

  /** Principals are no secrets: they need no comparison in constant time. */
  isPrincipal(user: string, principal: string): boolean {
    return timingSafeEqual(digest(user), this.#user) && this.#principals.includes(principal);
  }

  isPassword(user: string, password: string): boolean {
    const rightUser = timingSafeEqual(digest(user), this.#user);
    const given = digest(password);
    const rightPassword = timingSafeEqual(given, this.#password ?? given) && this.#password !== null;
    return rightUser && rightPassword;
  }

  /** What is granted to whoever has proven to hold the key. */
  authorize(applicant: Applicant): Authorization {
    const rightUser = timingSafeEqual(digest(applicant.user), this.#user);
    const decided = this.#keys.authorize(applicant);
    return rightUser ? decided : { granted: null, why: 'another user', near: false };
  }
}

function digest(data: string | Uint8Array): Uint8Array {
  return createHash('sha256').update(data).digest();
}

/** Without characters that are mistaken for each other when read from a screen. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A password that nobody guesses: 20 characters out of 31, 99 bits. */
export function makePassword(): string {
  const group = () => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return [group(), group(), group(), group()].join('-');
}
