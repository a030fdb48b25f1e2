// Which lines to add to an authorized_keys file, given what it holds. A key that it has in any line is not added, unless that is asked
// for: a line with options limits what the key may do, and a second one without would undo that.

import type { KeyLine } from './public-keys.ts';

export type Planned =
  | { readonly key: KeyLine; readonly status: 'added' }
  /** `options`: what the key's line in the file begins with; empty where that is the key. */
  | { readonly key: KeyLine; readonly status: 'present'; readonly options: string };

export function plan(content: string, keys: readonly KeyLine[], force: boolean): readonly Planned[] {
  const lines = content
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const planned: Planned[] = [];
  for (const key of keys) {
    const options = force || key.hasOptions ? sameLine(lines, key) : sameKey(lines, key);
    planned.push(options === null ? { key, status: 'added' } : { key, status: 'present', options });
    if (options === null) lines.push(key.line);
  }
  return planned;
}

function sameLine(lines: readonly string[], { line }: KeyLine): string | null {
  return lines.includes(line) ? '' : null;
}

function sameKey(lines: readonly string[], { key }: KeyLine): string | null {
  const [type, base64] = [key.type, key.getBase64()];
  for (const line of lines) {
    const fields = line.split(/[ \t]+/);
    const at = fields.indexOf(base64);
    if (at > 0 && fields[at - 1] === type) return fields.slice(0, at - 1).join(' ');
  }
  return null;
}
