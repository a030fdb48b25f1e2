// MAC algorithms as rows (RFC 4253 section 6.4, RFC 6668, OpenSSH PROTOCOL section 1.5), in order of preference.

import type { HashName } from '../crypto/provider.ts';

export interface MacRow {
  readonly name: string;
  readonly hash: HashName;
  readonly keyBytes: number;
  /** Encrypt-then-MAC. */
  readonly etm: boolean;
  readonly status: 'default' | 'legacy';
}

export const macs = [
  { name: 'hmac-sha2-256-etm@openssh.com', hash: 'sha256', keyBytes: 32, etm: true, status: 'default' },
  { name: 'hmac-sha2-512-etm@openssh.com', hash: 'sha512', keyBytes: 64, etm: true, status: 'default' },
  { name: 'hmac-sha2-256', hash: 'sha256', keyBytes: 32, etm: false, status: 'default' },
  { name: 'hmac-sha2-512', hash: 'sha512', keyBytes: 64, etm: false, status: 'default' },
] as const satisfies readonly MacRow[];

export type MacName = (typeof macs)[number]['name'];
