// Lines of a file, out of what has been read ahead. They end with '\n', as the seed has them.

import { SFTPError } from '../../errors.ts';
import type { CallOptions } from '../../io/waiting.ts';
import type { ReadAhead } from './read-ahead.ts';

/** Above it a file has no lines, bytes: what the server sends must not fill the memory. */
const MOST_LINE = 67_108_864;
export const NEWLINE = 10;

/** The bytes up to and with the next newline, at most `most` of them; none at the end. @throws SFTPError EFBIG */
export async function nextLine(ahead: ReadAhead, path: string, most: number, call?: CallOptions): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < most) {
    const there = await ahead.peek(call);
    if (there === null) break;
    const newline = there.indexOf(NEWLINE);
    const count = Math.min(newline < 0 ? there.length : newline + 1, most - bytes);
    bytes += count;
    if (bytes > MOST_LINE) throw new SFTPError('EFBIG', `a line of more than ${MOST_LINE} bytes`, { operation: 'read', path });
    // A copy: the buffer is used again once it has been taken.
    parts.push(Buffer.from(there.subarray(0, count)));
    ahead.take(count);
    if (newline >= 0 && newline < count) break;
  }
  return Buffer.concat(parts, bytes);
}
