// Options that say how fast and with how much at once, in the forms of scp(1) and sftp(1).

import { printable, UsageError } from '../../errors.ts';
import { wholeNumber } from '../connection/values.ts';

export interface Tuning {
  /** Bytes a second; undefined for no limit. */
  limit?: number;
  /** Requests under way at once; undefined for as many as the connection can take. */
  requests?: number;
  /** Bytes of one request; undefined for what the server takes. */
  requestBytes?: number;
}

/** `-l`: Kbit/s as scp(1) counts them, as bytes a second. @throws UsageError */
export function limitOf(value: string): number {
  return (wholeNumber('-l', value, 1, 100_000_000) * 1_024) / 8;
}

export function requestCount(value: string): number {
  return wholeNumber('the number of requests', value, 1, 65_536);
}

/** No packet of SFTP holds more than that. */
export function bufferBytes(value: string): number {
  return wholeNumber('the buffer size', value, 512, 261_120);
}

/** `-X nrequests=N`, `-X buffer=BYTES`. @throws UsageError */
export function tune(tuning: Tuning, value: string): void {
  const [, name, number = ''] = /^(\w+)=(.*)$/.exec(value) ?? [];
  if (name === 'nrequests') tuning.requests ??= requestCount(number);
  else if (name === 'buffer') tuning.requestBytes ??= bufferBytes(number);
  else throw new UsageError(`-X takes nrequests=N and buffer=BYTES, not '${printable(value)}'`);
}
