// Modes, times and sizes as callers give them.

import { UsageError } from '../../errors.ts';

/** Permissions: a number, or octal digits as `chmod` takes them. */
export type Mode = number | string;

/** Seconds since 1970, also as text; or a Date. */
export type Time = number | string | Date;

/** @throws UsageError for what is no mode */
export function modeOf(mode: Mode | undefined): number | undefined {
  if (mode === undefined) return undefined;
  const value = typeof mode === 'number' ? mode : /^[0-7]{1,5}$/.test(mode) ? Number.parseInt(mode, 8) : Number.NaN;
  if (!Number.isInteger(value) || value < 0 || value > 0o177777) throw new UsageError(`not a file mode: ${mode}`);
  // The kind of the file is not ours to change.
  return value & 0o7777;
}

/** Whole seconds; the protocol has 32 bits for them, up to the year 2106. @throws UsageError for what is no time */
export function secondsOf(time: Time): number {
  const seconds = time instanceof Date ? time.getTime() / 1000 : Number(time);
  if (!Number.isFinite(seconds) || time === '') throw new UsageError(`not a time: ${time}`);
  return Math.min(Math.max(0, Math.floor(seconds)), 0xffff_ffff);
}

/** @throws UsageError for what is no size or position */
export function sizeOf(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0) throw new UsageError(`not a number of bytes: ${size}`);
  return size;
}

/** @throws UsageError for what is no user's or group's number */
export function idOf(id: number): number {
  if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff) throw new UsageError(`not the number of a user or group: ${id}`);
  return id;
}
