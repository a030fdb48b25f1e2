// The line for people in a listing, in the format of OpenSSH's server: its `ls -l` prints it as it comes, and some clients take it
// apart to learn owner and group, which version 3 has as numbers only. Times are the server's local ones, as there.

import { concat, encodeUtf8 } from '../../bytes/bytes.ts';
import { modeText, type SFTPAttributes } from '../protocol/attributes.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Half a year: what is younger is shown with its time, all else with its year. Seconds. */
const RECENT_SECONDS = 182.5 * 86_400;

/** `-rw-r--r--    1 1000     1000         4096 Sep  3 12:00 name`; `now` in seconds since 1970. The name's bytes stay what they are. */
export function longname(entry: SFTPAttributes, name: Uint8Array, now: number): Uint8Array {
  const owner = `${String(entry.uid).padEnd(8)} ${String(entry.gid).padEnd(8)}`;
  // How many names a file has is not among what version 3 knows; parsers want a number.
  return concat(
    encodeUtf8(`${modeText(entry.stMode)}    1 ${owner} ${String(entry.size).padStart(8)} ${date(entry.mtime, now)} `),
    name,
  );
}

function date(time: Date, now: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const age = now - time.getTime() / 1000;
  const day = `${MONTHS[time.getMonth()]} ${String(time.getDate()).padStart(2)}`;
  if (age >= 0 && age < RECENT_SECONDS) return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`;
  return `${day}  ${time.getFullYear()}`;
}
