// The public key file format of RFC 4716, which ssh.com's programs, PuTTY and network devices use: headers, of which only the
// comment matters here, and the blob in base64, between two marker lines. Lines have at most 72 bytes, so that long headers run
// over several, each but the last with a backslash at its end.

import { encodeUtf8, fromBase64, toBase64 } from '../../bytes/bytes.ts';
import { DecodeError } from '../../wire/reader.ts';
import { oneLine } from './comment.ts';

const BEGIN = '---- BEGIN SSH2 PUBLIC KEY ----';
const END = '---- END SSH2 PUBLIC KEY ----';
const LINE_BYTES = 72;
/** Of a header's value (section 3.3). */
const VALUE_BYTES = 1024;
const MAX_HEADERS = 64;
/** Characters of a whole header: a tag of 64 bytes, a colon, a value, and some white space. */
const MAX_HEADER = VALUE_BYTES + 128;

export interface Rfc4716 {
  readonly blob: Uint8Array;
  readonly comment: string;
}

/** Whether a line begins a key in this format. */
export function isRfc4716(line: string): boolean {
  return line.startsWith('---- BEGIN SSH2 PUBLIC KEY');
}

/**
 * @param lines The file's, without the empty ones and with nothing around the key.
 * @throws DecodeError
 */
export function readRfc4716(lines: readonly string[]): Rfc4716 {
  if (lines[0] !== BEGIN) throw new DecodeError(`the first line is not '${BEGIN}'`);
  const end = lines.indexOf(END);
  if (end < 0) throw new DecodeError(`it is cut off: it has no line '${END}'`);
  if (end !== lines.length - 1) throw new DecodeError('there is more after the key; keep one key per file');
  let at = 1;
  let comment = '';
  // Base64 has no colon.
  for (let count = 0; at < end && (lines[at] as string).includes(':'); count++) {
    if (count === MAX_HEADERS) throw new DecodeError(`more than ${MAX_HEADERS} headers`);
    let header = lines[at++] as string;
    while (header.endsWith('\\')) {
      // Looked at here too: joining a megabyte of tiny lines would take minutes.
      if (at === end || header.length > MAX_HEADER) throw new DecodeError('a header goes on and on');
      header = header.slice(0, -1) + lines[at++];
    }
    const colon = header.indexOf(':');
    const value = header.slice(colon + 1).trim();
    if (encodeUtf8(value).length > VALUE_BYTES) throw new DecodeError(`a header of more than ${VALUE_BYTES} bytes`);
    // Others (Subject, x-...) must be ignored (section 3.3).
    if (header.slice(0, colon).trim().toLowerCase() === 'comment') comment = unquoted(value);
  }
  const text = lines.slice(at, end).join('');
  const blob = fromBase64(text);
  if (blob === null || text === '') throw new DecodeError('what follows the headers is not base64');
  return { blob, comment };
}

/** The file's text, or null where the comment is too long for it. */
export function encodeRfc4716({ blob, comment }: Rfc4716): string | null {
  const value = `"${oneLine(comment)}"`;
  if (encodeUtf8(value).length > VALUE_BYTES) return null;
  const header = comment === '' ? [] : folded(`Comment: ${value}`);
  // As PuTTY and OpenSSH: 64 and 70 of the 72 that are allowed.
  const body = toBase64(blob).match(/.{1,70}/g) ?? [];
  return [BEGIN, ...header, ...body, END, ''].join('\n');
}

/** One pair of quotes around a value is not part of it (section 3.3.2). */
function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

/** A header in lines that are short enough, cut between characters. */
function folded(header: string): string[] {
  const lines: string[] = [];
  let line = '';
  let bytes = 0;
  for (const character of header) {
    const { length } = encodeUtf8(character);
    // One byte for the backslash.
    if (bytes + length > LINE_BYTES - 1) {
      lines.push(`${line}\\`);
      line = '';
      bytes = 0;
    }
    line += character;
    bytes += length;
  }
  return [...lines, line];
}
