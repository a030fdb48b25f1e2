// The constraint restrict-destination-v00@openssh.com and its neighbours, well-formed or not: is the key taken, and is it there then?

import * as raw from './agent-messages.ts';
import { a, at, b, here, type Row, text, toA, user } from './agent-world.ts';

const decoding = (name: string, constraints: Uint8Array, expected = '-0', more: Partial<Row> = {}): Row => ({
  name: `constraint: ${name}`,
  expected,
  steps: [raw.addKey(user, constraints), raw.list],
  ...more,
});
const broken = (name: string, from: raw.Hop, to: raw.Hop, options?: Parameters<typeof raw.destination>[2]) =>
  decoding(name, raw.restrict(raw.destination(from, to, options)));
const whole = raw.restrict(toA);
const thousand = (count: number) => raw.restrict(...Array.from({ length: count }, () => toA));

export const constraints: readonly Row[] = [
  ...[1, 5, 40, 60, 70, 100].map((bytes) => decoding(`cut off by ${bytes}`, whole.subarray(0, whole.length - bytes))),
  broken('a user to come from', at(a, 'x'), at(b)),
  broken('half a host to come from', { host: 'a' }, at(b)),
  broken('the other half', { keys: [{ blob: a.publicKey.blob }] }, at(b)),
  broken('nowhere to go', here, here),
  broken('a user without a host', here, { user: 'root' }),
  broken('a host without keys', here, { host: 'a' }),
  broken('keys without a host', here, { keys: [{ blob: a.publicKey.blob }] }),
  broken('an extension', here, at(a), { reserved: 'x' }),
  broken('an extension of a hop', here, { ...at(a), reserved: 'x' }),
  broken('a key that is none', here, { host: 'a', keys: [{ blob: Buffer.from('nonsense') }] }),
  broken('a key that is empty', here, { host: 'a', keys: [{ blob: new Uint8Array(0) }] }),
  broken('a NUL in a name', here, { ...at(a), host: 'a\0b' }),
  decoding('bytes behind an entry', raw.restrict(raw.destination(here, at(a), { trailing: 'x' })), '+1', { stricter: '-0' }),
  decoding('an empty list', raw.restrict(), '+1', { stricter: '-0' }),
  decoding('twice', Buffer.concat([whole, whole])),
  decoding('a lifetime twice', Buffer.concat([raw.LIFETIME(60), raw.LIFETIME(60)])),
  decoding('confirmation twice', Buffer.concat([raw.CONFIRM, raw.CONFIRM])),
  decoding('1024 of them', thousand(1024), '+1'),
  decoding('1025 of them', thousand(1025)),
  decoding('one that nobody knows', Buffer.concat([Uint8Array.of(255), text('limit@example.com'), text('')])),
  decoding(
    'certificates of a smart card',
    Buffer.concat([Uint8Array.of(255), text('associated-certs-v00@openssh.com'), text('')]),
  ),
  decoding('a number that nobody knows', Uint8Array.of(9)),
  decoding('a name of 1025 bytes', raw.restrict(raw.destination(here, { ...at(a), host: 'x'.repeat(1025) })), '+1', {
    stricter: '-0',
  }),
  decoding('a user of 257 bytes', raw.restrict(raw.destination(here, at(a, 'x'.repeat(257)))), '-0', { old: '+1' }),
];
