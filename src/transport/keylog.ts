// Lines that let Wireshark's SSH dissector decrypt a recording (its preference ssh.keylog_file): the cookie of our KEXINIT, the
// word SHARED_SECRET, and K, all in hexadecimal. Whoever has them reads the connection, so they exist only where asked for.
// Wireshark 4.0 and older know no SHARED_SECRET, and which key exchanges a version can follow is its own affair.

import { toHex } from '../bytes/bytes.ts';

/** Length that stands before K in key derivation, bytes. */
const PREFIX = 4;

/** @param encodedSecret K as it enters key derivation: length, then bytes. */
export function keylogLine(cookie: Uint8Array, encodedSecret: Uint8Array): string {
  return `${toHex(cookie)} SHARED_SECRET ${toHex(encodedSecret.subarray(PREFIX))}`;
}
