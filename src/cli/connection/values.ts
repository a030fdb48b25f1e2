// Numbers on the command line. One is checked when it is read: a wrong one must not turn into something else than was asked for.

import { printable, UsageError } from '../../errors.ts';

/** @throws UsageError */
export function wholeNumber(name: string, value: string, least: number, most = 2_147_483_647): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${name} needs a whole number from ${least} to ${most}, not '${printable(value)}'`);
}
