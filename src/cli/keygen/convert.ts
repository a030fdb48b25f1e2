// One key, written otherwise: its public half (-y), another passphrase (-p), another format (-e, -i). A private key that is printed
// keeps the passphrase of its file: it is never put in clear because somebody wants it in another format.

import { printable, UsageError } from '../../errors.ts';
import { formatPrivateKey, formatPublicKey, type PublicKeyFormat } from '../../keys/node/format.ts';
import { readPublicKey } from '../../keys/node/read.ts';
import { writePrivateKey } from '../../keys/node/write.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { wholeNumber } from '../getopt.ts';
import { Failure } from '../verb.ts';
import { privateFormat } from './generate.ts';
import { identityOf } from './identity.ts';
import { type KeygenOptions, withoutPassphrase } from './options.ts';
import { newPassphrase, openKey } from './passphrase.ts';
import { readSome } from './read-some.ts';

/** `-y`: the public key of a private one. */
export async function printPublicKey(options: KeygenOptions): Promise<number> {
  const { key } = await openKey(await identityOf(options));
  process.stdout.write(formatPublicKey(key.publicKey));
  return 0;
}

/** `-p`: the same key under another passphrase, in its file. */
export async function changePassphrase(options: KeygenOptions): Promise<number> {
  const file = await identityOf(options);
  const { key } = await openKey(file);
  if (key.comment !== '') process.stderr.write(`Key has comment '${printable(key.comment)}'\n`);
  const passphrase = withoutPassphrase(options) ? undefined : await newPassphrase('new passphrase');
  const rounds = options.value('a');
  const hashing = passphrase !== undefined && rounds !== null ? { rounds: wholeNumber('-a', rounds, 1, 2048) } : {};
  await writePrivateKey(file, key, { passphrase, format: privateFormat(options), overwrite: true, ...hashing });
  if (!options.has('q')) process.stdout.write('Your identification has been saved with the new passphrase.\n');
  return 0;
}

const EXPORTS: Readonly<Record<string, PublicKeyFormat>> = { RFC4716: 'rfc4716', PKCS8: 'pkcs8', PEM: 'pem', JWK: 'jwk' };

/** `-e`: a key of ours in a format of others. Of a private key's file the public half, but PPK is one of private keys. */
export async function exportKey(options: KeygenOptions): Promise<number> {
  const file = await identityOf(options);
  const name = (options.value('m') ?? 'RFC4716').toUpperCase();
  if (name === 'PPK') {
    if (!(await looksPrivate(file))) throw new Failure(`PPK is a format of private keys, and ${file} is a public one`);
    const { key, passphrase } = await openKey(file);
    process.stdout.write(await formatPrivateKey(key, { format: 'ppk', passphrase }));
    return 0;
  }
  const format = Object.hasOwn(EXPORTS, name) ? EXPORTS[name] : undefined;
  if (format === undefined) throw unknownFormat(name);
  process.stdout.write(formatPublicKey(await publicHalf(file), { format }));
  return 0;
}

/** `-i`: a key of any format, private or public, in OpenSSH's. The format is recognised; `-m` may say what it is. */
export async function importKey(options: KeygenOptions): Promise<number> {
  const file = await identityOf(options);
  const name = options.value('m')?.toUpperCase();
  if (name !== undefined && name !== 'PPK' && !Object.hasOwn(EXPORTS, name)) throw unknownFormat(name);
  if (await looksPrivate(file)) {
    const { key, passphrase } = await openKey(file);
    process.stdout.write(await formatPrivateKey(key, { passphrase }));
  } else {
    process.stdout.write(formatPublicKey(await readPublicKey(file)));
  }
  return 0;
}

/** The public key in a file, or of the private key in it. */
async function publicHalf(file: string): Promise<PublicKey> {
  return (await looksPrivate(file)) ? (await openKey(file)).key.publicKey : readPublicKey(file);
}

/** Bytes at the start of a file that tell what is in it. */
const HEAD = 65_536;

/** Whether a file is one of a private key, as far as its armour says. */
export async function looksPrivate(file: string): Promise<boolean> {
  const head = (await readSome(file, HEAD)).toString('latin1');
  return (
    /^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|^PuTTY-User-Key-File-\d/m.test(head) || (/^\s*\{/.test(head) && /"d"\s*:/.test(head))
  );
}

function unknownFormat(name: string): UsageError {
  return new UsageError(`no format '${printable(name)}'; there are RFC4716, PKCS8, PEM, PPK and JWK`);
}
