// What is weak, and why: a judgement per name, the same as the policy that decides what amiko offers itself. `weak` is what an
// attacker can use, or what nobody needs and many break; `dated` is what should go when it can, without a known way to use it.

import { categories, insecureAlgorithms, supportedAlgorithms } from '../../algorithms/registry.ts';
import { gssKexMethod } from '../../kex/gss-methods.ts';
import { kexMethods } from '../../kex/methods.ts';
import { kexMarkers } from '../../kex/negotiate.ts';

export type AuditCategory = 'kex' | 'keys' | 'ciphers' | 'macs' | 'compression';

/** What is to be said about an algorithm. */
export interface Verdict {
  readonly grade: 'good' | 'dated' | 'weak' | 'unknown';
  /** Why it is not good; '' where it is. */
  readonly reason: string;
}

type Row = readonly [pattern: RegExp, grade: 'dated' | 'weak', reason: string];

/** The first row that fits counts. */
const rows: Readonly<Record<AuditCategory, readonly Row[]>> = {
  kex: [
    [/group1-sha1/, 'weak', 'a group of 1024 bits that states can precompute (Logjam)'],
    [/^rsa1024-/, 'weak', 'an RSA key of 1024 bits can be factored'],
    [/group-exchange-sha1|gss-gex-sha1/, 'dated', 'SHA-1, and groups that may be small'],
    [/-sha1(?:-|$)/, 'dated', 'SHA-1'],
    // Kyber before it became ML-KEM: its code points were never more than a trial.
    [/kyber/, 'dated', 'a draft of ML-KEM'],
  ],
  keys: [
    [/^(?:x509v3-(?:sign|ssh)-dss|ssh-dss|pgp-sign-dss)/, 'weak', 'DSA keys have 1024 bits, and signatures by SHA-1'],
    [/^(?:ssh-rsa|x509v3-(?:sign|ssh)-rsa|pgp-sign-rsa)/, 'weak', 'signatures by SHA-1, whose collisions can be bought'],
  ],
  ciphers: [
    [/^none$/, 'weak', 'no encryption at all'],
    [/^arcfour/, 'weak', 'RC4 leaks plaintext'],
    [/^(?:3?des|blowfish|cast128|idea)-/, 'weak', 'blocks of 64 bits repeat in long connections (Sweet32)'],
    [/-cbc(?:@|$)/, 'weak', 'CBC mode: padding oracles (CVE-2008-5161)'],
  ],
  macs: [
    [/^none$/, 'weak', 'no integrity at all'],
    [/md5/, 'weak', 'MD5'],
    [/-96(?:-|@|$)/, 'weak', 'tags cut to 96 bits'],
    [/^umac-64/, 'dated', 'tags of 64 bits'],
    [/sha1/, 'dated', 'SHA-1'],
    [/ripemd160/, 'dated', 'RIPEMD-160, which nobody looks after any more'],
  ],
  compression: [[/^zlib$/, 'dated', 'lets anybody reach the decompressor before they have logged in']],
};

const markers: ReadonlySet<string> = new Set([...Object.values(kexMarkers.client), ...Object.values(kexMarkers.server)]);

/** Whether a name in the list of key exchanges stands for one, and not for something that its sender can do. */
export function isKex(name: string): boolean {
  return !markers.has(name) && name !== 'kexguess2@matt.ucc.asn.au';
}

/** What is to be said about a name. */
export function judge(category: AuditCategory, name: string): Verdict {
  const row = rows[category].find(([pattern]) => pattern.test(name));
  if (row !== undefined) return { grade: row[1], reason: row[2] };
  if (insecureAlgorithms()[category].includes(name)) return { grade: 'weak', reason: 'only for peers that have nothing else' };
  const known = supportedAlgorithms()[category].includes(name) || (category === 'kex' && gssKexMethod(name) !== undefined);
  return known || fine[category]?.test(name) ? { grade: 'good', reason: '' } : { grade: 'unknown', reason: 'not known here' };
}

/** What amiko does not have, and is as good as what it has. */
const fine: Partial<Record<AuditCategory, RegExp>> = {
  kex: /^(?:curve448-sha512|diffie-hellman-group1[5-8]-sha512|mlkem(?:768nistp256-sha256|1024nistp384-sha384)|ecdh-sha2-1\.3\.132\.0\.\d+)$/,
  keys: /^(?:ssh-ed448|(?:sk-)?(?:ssh-ed25519|ecdsa-sha2-nistp256)(?:-cert-v01)?@openssh\.com)$/,
  ciphers: /^(?:AEAD_AES_(?:128|256)_GCM|aes(?:128|256)-gcm|(?:camellia|twofish)(?:128|192|256)-ctr)$/,
  macs: /^(?:umac-128(?:-etm)?@openssh\.com|hmac-sha2-(?:224|384)|hmac-sha3-\d+|AEAD_AES_(?:128|256)_GCM)$/,
  compression: /^delayed-zlib|^zlib@openssh\.com$/,
};

/** Whether a recording of today stays secret once there are quantum computers. */
export function isPostQuantum(kex: string): boolean {
  return kexMethods.some(({ name, postQuantum }) => name === kex && postQuantum) || /^(?:sntrup\d|mlkem\d|.*kyber)/.test(kex);
}

/** What is to be said about the size of a host key. */
export function judgeHostKey(type: string, bits: number): Verdict {
  if (type !== 'ssh-rsa') return { grade: 'good', reason: '' };
  if (bits < 2_048) return { grade: 'weak', reason: `RSA with ${bits} bits can be factored` };
  return bits < 3_072
    ? { grade: 'dated', reason: `RSA with ${bits} bits is short of 128 bits of security` }
    : { grade: 'good', reason: '' };
}

/** Terrapin (CVE-2023-48795): messages cut out at the start, where these are used without strict key exchange. */
export function isOpenToTerrapin(ciphers: readonly string[], macs: readonly string[]): boolean {
  const cbcWithEtm = ciphers.some((name) => /-cbc(?:@|$)/.test(name)) && macs.some((name) => /-etm@/.test(name));
  return ciphers.includes('chacha20-poly1305@openssh.com') || cbcWithEtm;
}

export const auditCategories: readonly AuditCategory[] = categories.filter((name): name is AuditCategory => name !== 'pubkeys');
