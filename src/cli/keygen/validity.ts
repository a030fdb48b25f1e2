// How long a certificate is good for, in the words of ssh-keygen(1) for -V: `+52w`, `-5m:+1h`, `20260101:20270101`,
// `always:forever`; and the same back, as `-L` shows it.

import { KeyFormatError, printable, UsageError } from '../../errors.ts';
import { FOREVER } from '../../keys/certificate.ts';
import { parseTimestamp } from '../../keys/key-options.ts';

/** Seconds since 1970; 0 is the beginning, null never ends. */
export interface Validity {
  readonly from: number;
  readonly to: number | null;
}

/** A certificate that begins at once would not be good where clocks are slow, seconds. */
const BACKDATED = 60;

/** @param now Seconds since 1970. @throws UsageError */
export function parseValidity(text: string, now: number): Validity {
  const seconds = Math.floor(now);
  if (text.startsWith('+') && !text.includes(':')) return checked(text, { from: seconds - BACKDATED, to: moment(text, seconds) });
  const [from = '', to = '', ...more] = text.split(':');
  if (from === '' || to === '' || more.length > 0) {
    throw new UsageError(`'${printable(text)}' is no validity; there are +52w, -5m:+1h, 20260101:20270101, always:forever`);
  }
  return checked(text, {
    from: from === 'always' ? 0 : moment(from, seconds),
    to: to === 'forever' ? null : moment(to, seconds),
  });
}

const UNITS = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 } as const;

/** The seconds of `1h30m`, `52w` or `90`, as OpenSSH writes lengths of time: only the last number may do without a unit. @throws UsageError */
export function parseDuration(text: string): number {
  const parts = /^(?:\d+[smhdw])*(?:\d+[smhdw]?)$/i.test(text) ? [...text.matchAll(/(\d+)([smhdw]?)/gi)] : [];
  if (parts.length === 0) throw new UsageError(`'${printable(text)}' is no length of time such as 90, 1h30m or 52w`);
  let total = 0;
  for (const [, digits, unit = ''] of parts) total += Number(digits) * UNITS[unit.toLowerCase() as keyof typeof UNITS];
  if (!Number.isSafeInteger(total)) throw new UsageError(`'${printable(text)}' is too long for a length of time`);
  return total;
}

/** What `-L` says about the times of a certificate, in local time. */
export function describeValidity(after: bigint, before: bigint): string {
  if (after === 0n && before === FOREVER) return 'forever';
  if (after === 0n) return `before ${localTime(before)}`;
  return before === FOREVER ? `after ${localTime(after)}` : `from ${localTime(after)} to ${localTime(before)}`;
}

function moment(text: string, now: number): number {
  if (text.startsWith('+')) return now + parseDuration(text.slice(1));
  if (text.startsWith('-')) return Math.max(0, now - parseDuration(text.slice(1)));
  if (/^0x[0-9a-f]{1,13}$/i.test(text)) return Number(text);
  try {
    return parseTimestamp(text);
  } catch (error) {
    if (error instanceof KeyFormatError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function checked(text: string, validity: Validity): Validity {
  const { from, to } = validity;
  if (from < 0 || (to !== null && to <= from)) throw new UsageError(`'${printable(text)}' ends before it begins`);
  return validity;
}

/** Dates beyond what a clock can show are its last one. */
const LAST_SECOND = 253_402_300_799n;

function localTime(seconds: bigint): string {
  const date = new Date(Number(seconds > LAST_SECOND ? LAST_SECOND : seconds) * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
