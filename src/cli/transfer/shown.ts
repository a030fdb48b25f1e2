// File names as people may see them. A name can hold anything, and the server chooses it: what could drive the terminal, forge a
// line or reorder it becomes octal, as OpenSSH's sftp shows it (`\033`), and so do bytes that are not UTF-8. Line feeds and tabs
// too, unlike there: a name never is more than one line.

import { encodeUtf8 } from '../../bytes/bytes.ts';

/** Control characters, separators of lines, bidirectional controls, and bytes that are not UTF-8 (U+DC80 to U+DCFF). */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu;

/** The name with everything unsafe as `\nnn`. */
export function shown(name: string): string {
  return name.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    const bytes = code >= 0xdc80 && code <= 0xdcff ? [code - 0xdc00] : [...encodeUtf8(character)];
    return bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  });
}

/** Two columns wide: what Unicode calls wide, and emoji. Pairs of first and last. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{M}|\p{Cf}/u.test(character)) continue;
    const code = character.codePointAt(0) as number;
    width += WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
  }
  return width;
}

/** The text, cut to so many columns: of a long path the end tells more. */
export function fitted(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  const characters = [...text];
  let kept = '';
  for (let width = 1; characters.length > 0; ) {
    const last = characters.pop() as string;
    width += widthOf(last);
    if (width > columns) break;
    kept = last + kept;
  }
  return columns > 0 ? `…${kept}` : '';
}

/** Filled up with blanks to so many columns. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)));
}
