// MAC algorithms as rows (RFC 4253 section 6.4, RFC 6668, OpenSSH PROTOCOL section 1.5), in order of preference, those for old
// peers last. HMAC does not need a hash without collisions, so SHA-1 is 'compatible'; MD5 and tags of 96 bits are 'legacy'.

import type { HashName } from '../crypto/provider.ts';

export interface MacRow {
  readonly name: string;
  readonly hash: HashName;
  readonly keyBytes: number;
  /** What is sent of the MAC: 12 for the "-96" names, else all of it. */
  readonly tagBytes?: number;
  /** Encrypt-then-MAC. */
  readonly etm: boolean;
  readonly status: 'default' | 'compatible' | 'legacy';
}

export const macs = [
  { name: 'hmac-sha2-256-etm@openssh.com', hash: 'sha256', keyBytes: 32, etm: true, status: 'default' },
  { name: 'hmac-sha2-512-etm@openssh.com', hash: 'sha512', keyBytes: 64, etm: true, status: 'default' },
  { name: 'hmac-sha2-256', hash: 'sha256', keyBytes: 32, etm: false, status: 'default' },
  { name: 'hmac-sha2-512', hash: 'sha512', keyBytes: 64, etm: false, status: 'default' },
  { name: 'hmac-sha1-etm@openssh.com', hash: 'sha1', keyBytes: 20, etm: true, status: 'compatible' },
  { name: 'hmac-sha1', hash: 'sha1', keyBytes: 20, etm: false, status: 'compatible' },
  { name: 'hmac-sha1-96', hash: 'sha1', keyBytes: 20, tagBytes: 12, etm: false, status: 'legacy' },
  { name: 'hmac-md5', hash: 'md5', keyBytes: 16, etm: false, status: 'legacy' },
  { name: 'hmac-md5-96', hash: 'md5', keyBytes: 16, tagBytes: 12, etm: false, status: 'legacy' },
] as const satisfies readonly MacRow[];

export type MacName = (typeof macs)[number]['name'];
