// The key exchange methods of GSS-API with Kerberos, by preference: RFC 8732, then those of RFC 4462, which the seed has. They are no rows of `kexMethods`, because they are never offered by name but where a transport has GSS-API.
// The end of each name is the base64 of the MD5 of the mechanism's DER-encoded OID (RFC 4462 section 2.3).

import type { AgreementName, HashName } from '../crypto/provider.ts';
import { agreementScheme } from './agreement.ts';
import type { KexScheme } from './method.ts';

export interface GssKexMethod {
  readonly name: string;
  readonly hash: HashName;
  /** How public values travel and enter the exchange hash. */
  readonly values: 'string' | 'mpint';
  readonly status: 'default' | 'legacy';
  /** Null where the group is agreed on first (RFC 4462 section 2.2). */
  readonly scheme: KexScheme | null;
}

const over = (name: AgreementName): KexScheme => agreementScheme((crypto) => crypto.agreement(name));
const curve = { values: 'string', status: 'default' } as const;
const group = { values: 'mpint', status: 'default' } as const;

export const gssKexMethods = [
  { name: 'gss-curve25519-sha256-toWM5Slw5Ew8Mqkay+al2g==', hash: 'sha256', ...curve, scheme: over('x25519') },
  { name: 'gss-nistp256-sha256-toWM5Slw5Ew8Mqkay+al2g==', hash: 'sha256', ...curve, scheme: over('nistp256') },
  { name: 'gss-group16-sha512-toWM5Slw5Ew8Mqkay+al2g==', hash: 'sha512', ...group, scheme: over('modp16') },
  { name: 'gss-group14-sha256-toWM5Slw5Ew8Mqkay+al2g==', hash: 'sha256', ...group, scheme: over('modp14') },
  // The seed's, for old servers: SHA-1 as a hash of an exchange that is over before it could be attacked, but no default.
  { name: 'gss-group14-sha1-toWM5Slw5Ew8Mqkay+al2g==', hash: 'sha1', ...group, status: 'legacy', scheme: over('modp14') },
  { name: 'gss-group1-sha1-toWM5Slw5Ew8Mqkay+al2g==', hash: 'sha1', ...group, status: 'legacy', scheme: over('modp2') },
  { name: 'gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g==', hash: 'sha1', ...group, status: 'legacy', scheme: null },
] as const satisfies readonly GssKexMethod[];

export type GssKexName = (typeof gssKexMethods)[number]['name'];

/** The row of a name, or undefined for other methods. */
export function gssKexMethod(name: string): GssKexMethod | undefined {
  return gssKexMethods.find((method) => method.name === name);
}

/** RFC 4462 section 5: the host key algorithm of a server that proves itself by GSS-API alone. It sends no key. */
export const NULL_HOST_KEY = 'null';
