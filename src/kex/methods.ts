// The key exchange methods, in OpenSSH 10's order of preference.

import { agreementScheme } from './agreement.ts';
import { mlkem768x25519Scheme } from './hybrid-kem.ts';
import type { KexMethod } from './method.ts';

const x25519 = agreementScheme('x25519');
const classic = { values: 'string', postQuantum: false, status: 'default' } as const;
const group = { values: 'mpint', postQuantum: false, status: 'default' } as const;

export const kexMethods = [
  {
    name: 'mlkem768x25519-sha256',
    hash: 'sha256',
    values: 'string',
    postQuantum: true,
    status: 'default',
    scheme: mlkem768x25519Scheme('sha256'),
  },
  { name: 'curve25519-sha256', hash: 'sha256', ...classic, scheme: x25519 },
  { name: 'curve25519-sha256@libssh.org', hash: 'sha256', ...classic, scheme: x25519 },
  { name: 'ecdh-sha2-nistp256', hash: 'sha256', ...classic, scheme: agreementScheme('nistp256') },
  { name: 'ecdh-sha2-nistp384', hash: 'sha384', ...classic, scheme: agreementScheme('nistp384') },
  { name: 'ecdh-sha2-nistp521', hash: 'sha512', ...classic, scheme: agreementScheme('nistp521') },
  { name: 'diffie-hellman-group14-sha256', hash: 'sha256', ...group, scheme: agreementScheme('modp14') },
  { name: 'diffie-hellman-group16-sha512', hash: 'sha512', ...group, scheme: agreementScheme('modp16') },
  { name: 'diffie-hellman-group18-sha512', hash: 'sha512', ...group, scheme: agreementScheme('modp18') },
] as const satisfies readonly KexMethod[];

export type KexName = (typeof kexMethods)[number]['name'];
