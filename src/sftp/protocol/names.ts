// File names as strings without loss. On the wire, and on most file systems, a name is bytes; nearly always they are UTF-8. The
// bytes that are not become the lone surrogates U+DC80 to U+DCFF, one for each byte, and turn back into the same bytes: a name
// that was listed can be opened, whatever it holds. No UTF-8 text decodes to a lone surrogate, so no two names become one string.

import { decodeUtf8, encodeUtf8 } from '../../bytes/bytes.ts';
import { UsageError } from '../../errors.ts';
import type { Field } from '../../wire/fields.ts';

/** A path: text, or the bytes of a name that is not UTF-8. */
export type Path = string | Uint8Array;

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

export function decodeName(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    let name = '';
    let good = 0;
    for (let at = 0; at < bytes.length; ) {
      const length = sequenceLength(bytes, at);
      if (length > 0) {
        at += length;
        continue;
      }
      name += decodeUtf8(bytes.subarray(good, at)) + String.fromCharCode(0xdc00 + (bytes[at] as number));
      good = ++at;
    }
    return name + decodeUtf8(bytes.subarray(good));
  }
}

/**
 * A path as callers give it. What is neither text nor bytes is refused: taken for an empty name, it would stand for a folder.
 * @throws UsageError
 */
export function textOf(path: Path): string {
  if (typeof path === 'string') return path;
  if (path instanceof Uint8Array) return decodeName(path);
  throw new UsageError(`not a path: ${path === null ? 'null' : typeof path}`);
}

/** @throws UsageError for a surrogate that {@link decodeName} does not make: no bytes stand for it. */
export function encodeName(name: Path): Uint8Array {
  if (typeof name !== 'string') return name;
  if (!LONE_SURROGATE.test(name)) return encodeUtf8(name);
  const bytes: number[] = [];
  for (const character of name) {
    const code = character.codePointAt(0) as number;
    if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00);
    else if (code >= 0xd800 && code <= 0xdfff) throw new UsageError('a file name holds half of a character');
    else bytes.push(...encodeUtf8(character));
  }
  return Uint8Array.from(bytes);
}

/** Whether the name is text; if not, what is shown to people and to other programs should be escaped. */
export function isText(name: string): boolean {
  return !LONE_SURROGATE.test(name);
}

/** A `string` of the protocol that names a file. */
export const path: Field<string> = {
  read: (reader) => decodeName(reader.string()),
  write: (writer, value) => void writer.string(encodeName(value)),
};

/** Bytes of the UTF-8 sequence (RFC 3629 section 4) that begins here, 0 where none does. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  const length = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) === 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  for (let i = 1; i < length; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1] as number;
  // Overlong forms, surrogates and what lies beyond U+10FFFF.
  if (lead === 0xe0 && second < 0xa0) return 0;
  if (lead === 0xed && second > 0x9f) return 0;
  if (lead === 0xf0 && second < 0x90) return 0;
  if (lead === 0xf4 && second > 0x8f) return 0;
  return length;
}
