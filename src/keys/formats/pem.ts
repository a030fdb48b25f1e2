// PEM armour (RFC 7468, and RFC 1421 headers as OpenSSL writes them): finds the blocks in a text and takes off the base64.
// Lenient about what is around a block (OpenSSL prints attributes there, editors leave CRLF), strict about what is inside.

import { fromBase64, toBase64 } from '../../bytes/bytes.ts';
import { KeyFormatError } from '../../errors.ts';

export interface PemBlock {
  /** What stands after BEGIN, for example `OPENSSH PRIVATE KEY`. */
  readonly label: string;
  /** `Proc-Type` and `DEK-Info`, where OpenSSL encrypted the old way; names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** The lines of base64 between the headers and END. */
  readonly text: string;
}

/** A key file holds one block or two; a bundle with more than this is something else. */
const MAX_BLOCKS = 64;

/** @throws KeyFormatError where a block has no end. */
export function findPemBlocks(text: string): PemBlock[] {
  const lines = text.split(/\r\n|\n|\r/);
  const line = (i: number): string => lines[i] ?? '';
  const blocks: PemBlock[] = [];
  for (let i = 0; i < lines.length; i++) {
    const label = boundary(line(i), 'BEGIN');
    if (label === null) continue;
    if (blocks.length === MAX_BLOCKS) throw new KeyFormatError(`PEM: more than ${MAX_BLOCKS} blocks`);
    const headers = new Map<string, string>();
    i++;
    // Base64 has no colon. A block with headers has an empty line after them.
    for (; i < lines.length && line(i).includes(':'); i++) {
      const colon = line(i).indexOf(':');
      headers.set(
        line(i).slice(0, colon).trim().toLowerCase(),
        line(i)
          .slice(colon + 1)
          .trim(),
      );
    }
    const start = i;
    while (i < lines.length && !line(i).startsWith('-----')) i++;
    if (i === lines.length || boundary(line(i), 'END') !== label) {
      throw new KeyFormatError(`PEM: the block '${label}' is cut off: it has no line '-----END ${label}-----'`);
    }
    blocks.push({ label, headers, text: lines.slice(start, i).join('\n') });
  }
  return blocks;
}

/**
 * The bytes of a block.
 * @throws KeyFormatError where they are not base64.
 */
export function pemBytes(block: PemBlock): Uint8Array {
  const bytes = fromBase64(block.text);
  if (bytes === null) throw new KeyFormatError(`PEM: the block '${block.label}' is not base64`);
  return bytes;
}

/** One block, in lines of `width` characters: RFC 7468 wants 64, OpenSSH writes 70. */
export function encodePem(label: string, bytes: Uint8Array, width: 64 | 70): string {
  const text = toBase64(bytes);
  let lines = '';
  for (let i = 0; i < text.length; i += width) lines += `${text.slice(i, i + width)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

/** The label of a BEGIN or END line, or null where it is none. */
function boundary(line: string, kind: 'BEGIN' | 'END'): string | null {
  if (!line.startsWith(`-----${kind} `) || line.length > 128) return null;
  return /^-----(?:BEGIN|END) ([A-Z0-9][A-Z0-9 ]*)-----[ \t]*$/.exec(line)?.[1] ?? null;
}
