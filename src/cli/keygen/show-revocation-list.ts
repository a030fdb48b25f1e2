// A revocation list in words, as `ssh-keygen -Q -l` has it: lines that `-k` reads again, and comments.

import { toBase64, toHex } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { printable } from '../../errors.ts';
import type { KeyBlob, KrlContents, SerialRange } from '../../keys/krl.ts';
import { Reader } from '../../wire/reader.ts';

export function describeKrl(contents: Required<KrlContents>): string {
  const { version, generated, comment, keys, sha1, sha256, certificates } = contents;
  const lines = [`# KRL version ${version}`, `# Generated at ${localTime(generated)}`];
  if (comment !== '') lines.push(`# Comment: ${printable(comment)}`);
  lines.push('');
  for (const key of keys) lines.push(`hash: ${fingerprint(key)} # ${typeOf(key)}`);
  for (const hash of sha256) lines.push(`hash: SHA256:${toHex(hash)}`);
  for (const hash of sha1) lines.push(`# hash SHA1:${toHex(hash)}`);
  for (const { authority, serials = [], keyIds = [] } of certificates) {
    lines.push('', authority === null ? '# Wildcard CA' : `# CA key ${typeOf(authority)} ${fingerprint(authority)}`);
    for (const serial of serials) lines.push(`serial: ${shown(serial)}`);
    for (const id of keyIds) lines.push(`id: ${printable(id)}`);
  }
  return `${lines.join('\n')}\n`;
}

function shown(serial: bigint | SerialRange): string {
  if (typeof serial === 'bigint') return String(serial);
  return serial.from === serial.to ? String(serial.from) : `${serial.from}-${serial.to}`;
}

/** The key need not be of a type that is supported. */
function typeOf({ blob }: KeyBlob): string {
  try {
    return printable(new Reader(blob).name());
  } catch {
    return 'unknown';
  }
}

function fingerprint({ blob }: KeyBlob): string {
  return `SHA256:${toBase64(nodeCrypto.hash('sha256', blob)).replace(/=+$/, '')}`;
}

/** `20261122T151825`, here and now's time of day. */
function localTime(time: Date): string {
  const part = (value: number) => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}${part(time.getMonth() + 1)}${part(time.getDate())}`;
  return `${day}T${part(time.getHours())}${part(time.getMinutes())}${part(time.getSeconds())}`;
}
