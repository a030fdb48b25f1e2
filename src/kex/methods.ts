// The key exchange methods: those of OpenSSH 10 in its order of preference, then what only older peers need. SHA-1 as a hash over
// an exchange is not known to help an attacker of a live connection, so those in large groups are 'compatible'; 1024 bits
// (Logjam) are 'legacy'.

import type { AgreementName } from '../crypto/provider.ts';
import { agreementScheme } from './agreement.ts';
import { hybridScheme } from './hybrid-kem.ts';
import type { KexMethod } from './method.ts';

const named = (name: AgreementName) => agreementScheme((crypto) => crypto.agreement(name));
const mlkem768x25519 = hybridScheme('sha256', (crypto) => crypto.mlkem768);
const sntrup761x25519 = hybridScheme('sha512', (crypto) => crypto.sntrup761);
const x25519 = named('x25519');
const modp14 = named('modp14');

const hybrid = { kind: 'scheme', values: 'string', postQuantum: true, status: 'default' } as const;
const classic = { kind: 'scheme', values: 'string', postQuantum: false, status: 'default' } as const;
const group = { kind: 'scheme', values: 'mpint', postQuantum: false } as const;
const groupExchange = { kind: 'group-exchange', postQuantum: false } as const;

export const kexMethods = [
  { name: 'mlkem768x25519-sha256', hash: 'sha256', ...hybrid, scheme: mlkem768x25519 },
  { name: 'sntrup761x25519-sha512', hash: 'sha512', ...hybrid, scheme: sntrup761x25519 },
  { name: 'sntrup761x25519-sha512@openssh.com', hash: 'sha512', ...hybrid, scheme: sntrup761x25519 },
  { name: 'curve25519-sha256', hash: 'sha256', ...classic, scheme: x25519 },
  { name: 'curve25519-sha256@libssh.org', hash: 'sha256', ...classic, scheme: x25519 },
  { name: 'ecdh-sha2-nistp256', hash: 'sha256', ...classic, scheme: named('nistp256') },
  { name: 'ecdh-sha2-nistp384', hash: 'sha384', ...classic, scheme: named('nistp384') },
  { name: 'ecdh-sha2-nistp521', hash: 'sha512', ...classic, scheme: named('nistp521') },
  { name: 'diffie-hellman-group-exchange-sha256', hash: 'sha256', ...groupExchange, status: 'default' },
  { name: 'diffie-hellman-group16-sha512', hash: 'sha512', ...group, status: 'default', scheme: named('modp16') },
  { name: 'diffie-hellman-group18-sha512', hash: 'sha512', ...group, status: 'default', scheme: named('modp18') },
  { name: 'diffie-hellman-group14-sha256', hash: 'sha256', ...group, status: 'default', scheme: modp14 },
  { name: 'diffie-hellman-group-exchange-sha1', hash: 'sha1', ...groupExchange, status: 'compatible' },
  { name: 'diffie-hellman-group14-sha1', hash: 'sha1', ...group, status: 'compatible', scheme: modp14 },
  { name: 'diffie-hellman-group1-sha1', hash: 'sha1', ...group, status: 'legacy', scheme: named('modp2') },
] as const satisfies readonly KexMethod[];

export type KexName = (typeof kexMethods)[number]['name'];
