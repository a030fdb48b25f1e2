// What rows of agent messages are made of: keys, hosts, bindings, logins, certificates good and bad. The key `user` is the one with
// limits; the hosts are called a, b and c, and each session as its host.

import { certificateBody, FOREVER } from '../../src/keys/certificate.ts';
import type { SignatureAlgorithm } from '../../src/keys/signature.ts';
import { generateKey, type PrivateKey, type PublicKey, parseCertificate, signCertificate } from '../../src/keys.ts';
import { Writer } from '../../src/wire/writer.ts';
import * as raw from './agent-messages.ts';

export interface Step {
  readonly request: raw.Request;
  /** Which connection; default the first. */
  readonly on?: number;
  /** Whose signature the answer has to be, and over what. */
  readonly proof?: readonly [key: PublicKey, data: Uint8Array];
}

export interface Row {
  readonly name: string;
  readonly expected: string;
  /** Ours, where we say no and OpenSSH does not; `expected` is theirs then. */
  readonly stricter?: string;
  /** Those of OpenSSH up to 10.0, where newer ones answer otherwise. */
  readonly old?: string;
  /** Those of OpenSSH 9.2 alone. */
  readonly oldest?: string;
  readonly steps: readonly (Step | raw.Request)[];
}

const make = (comment: string, type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519') =>
  generateKey(type, { comment, ...(type === 'rsa' && { bits: 2048 }) });
export const [user, other, rsa] = [await make('user'), await make('other'), await make('rsa', 'rsa')];
export const [a, b, c, ca] = [await make('a'), await make('b', 'ecdsa'), await make('c', 'rsa'), await make('ca')];
export const id = (text: string) => Buffer.from(text.padEnd(32, '.'));

export const here: raw.Hop = {};
export const at = (key: PrivateKey, username = ''): raw.Hop => ({
  user: username,
  host: key.comment,
  keys: [{ blob: key.publicKey.blob }],
});
export const toA = raw.destination(here, at(a));
export const aToB = raw.destination(at(a), at(b));
export const bToC = raw.destination(at(b), at(c));
export const add = (...entries: Uint8Array[]) => raw.addKey(user, raw.restrict(...entries));
export const [fwdA, fwdB, authA, authB, authC] = [
  await raw.bind(a, id('a'), { forwarding: true }),
  await raw.bind(b, id('b'), { forwarding: true }),
  await raw.bind(a, id('a')),
  await raw.bind(b, id('b')),
  await raw.bind(c, id('c')),
];

interface LoginMore extends Partial<raw.LoginOptions> {
  readonly key?: PublicKey;
  readonly session?: string;
  readonly flags?: number;
}

/** A login at a host, to be signed by a key. */
export function logIn(
  host: PrivateKey,
  { key = user.publicKey, session = host.comment, flags = 0, ...rest }: LoginMore = {},
): Step {
  const data = raw.login(key, id(session), { hostKey: host.publicKey.blob, ...rest });
  return { request: raw.sign(key, data, flags), proof: [key, data] };
}

export const signs = (data: Uint8Array): Step => ({ request: raw.sign(user.publicKey, data), proof: [user.publicKey, data] });
export const on = (connection: number, step: Step | raw.Request): Step => ({
  ...('request' in step ? step : { request: step }),
  on: connection,
});
export const cut = ({ type, body }: raw.Request, bytes: number): raw.Request => ({
  type,
  body: body.subarray(0, body.length - bytes),
});

interface CertificateMore {
  readonly principals?: readonly string[];
  readonly kind?: 'user' | 'host';
  readonly until?: bigint;
  readonly option?: string;
  readonly authority?: PrivateKey;
}

/** A certificate of a's key, also one that our own function does not make. */
export async function hostCertificate({
  principals = ['h'],
  kind = 'host',
  until = FOREVER,
  option,
  authority = ca,
}: CertificateMore) {
  const criticalOptions = new Map(option === undefined ? [] : [[option, new Uint8Array(0)]]);
  const validity = { validAfter: 0n, validBefore: until };
  const contents = {
    publicKey: a.publicKey,
    serial: 0n,
    kind,
    keyId: 'id',
    principals,
    ...validity,
    criticalOptions,
    extensions: new Map(),
  };
  const body = certificateBody(contents, new Uint8Array(32), authority.publicKey);
  const signature = await authority.sign(body, authority.algorithms[0] as SignatureAlgorithm);
  return new Writer().raw(body).string(signature).finish();
}

export const viaCa = (host = 'h'): raw.Hop => ({ host, keys: [{ blob: ca.publicKey.blob, ca: true }] });

/** One hop to the host `h` of an authority, which shows this certificate. */
export async function certified(name: string, more: CertificateMore, expected: string, others: Partial<Row> = {}): Promise<Row> {
  const blob = await hostCertificate(more);
  const steps = [
    add(raw.destination(here, viaCa())),
    await raw.bind(a, id('a'), { blob }),
    raw.list,
    logIn(a, { hostKey: blob }),
  ];
  return { name: `a host certificate ${name}`, expected, steps, ...others };
}

export const text = (value: string) => new Writer().string(value).finish();
export const sshsig = Buffer.concat([Buffer.from('SSHSIG'), ...['file', '', 'sha512', 'x'.repeat(64)].map(text)]);
export const certificate = await hostCertificate({});
export const many = await Promise.all(
  Array.from({ length: 17 }, (_, index) => raw.bind(a, id(`${index}`), { forwarding: true })),
);
export const userCertificate = await signCertificate(ca, user.publicKey, { kind: 'user', keyId: 'u', principals: ['root'] });
export const certifiedUser = parseCertificate(`${userCertificate}`).publicKey;
