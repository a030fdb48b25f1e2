// A new key: made, asked a passphrase for, written with rights for nobody else, and never over a file that is there unless somebody
// says so.

import { mkdir } from 'node:fs/promises';
import { homedir, hostname, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { nearest } from '../../algorithms/nearest.ts';
import { printable, UsageError } from '../../errors.ts';
import { formatPublicKey, type PrivateKeyFormat } from '../../keys/node/format.ts';
import { generateKey } from '../../keys/node/generate.ts';
import { writePrivateKey } from '../../keys/node/write.ts';
import { wholeNumber } from '../getopt.ts';
import { Failure } from '../verb.ts';
import { type KeygenOptions, withoutPassphrase } from './options.ts';
import { askPerson, exists, newPassphrase } from './passphrase.ts';
import { replaceFile } from './replace-file.ts';

type Kind = 'ed25519' | 'ecdsa' | 'rsa';

const TYPES: Readonly<Record<string, { readonly kind: Kind; readonly bits?: number }>> = {
  ed25519: { kind: 'ed25519' },
  'ssh-ed25519': { kind: 'ed25519' },
  ecdsa: { kind: 'ecdsa' },
  'ecdsa-sha2-nistp256': { kind: 'ecdsa', bits: 256 },
  'ecdsa-sha2-nistp384': { kind: 'ecdsa', bits: 384 },
  'ecdsa-sha2-nistp521': { kind: 'ecdsa', bits: 521 },
  rsa: { kind: 'rsa' },
  'ssh-rsa': { kind: 'rsa' },
};

/** Makes a key pair. */
export async function generate(options: KeygenOptions): Promise<number> {
  if (options.operands.length > 0) throw new UsageError(`unexpected argument '${printable(options.operands[0] as string)}'`);
  const { kind, bits } = typeOf(options);
  const say = (text: string) => void (options.has('q') || process.stdout.write(`${text}\n`));
  const format = privateFormat(options);
  const rounds = options.value('a');
  const file = options.value('f') ?? (await askFile(kind));
  if (file === '') throw new UsageError('-f needs the name of a file');
  const overwrite = await mayReplace(file, options.has('force'));
  const passphrase = withoutPassphrase(options) ? undefined : await askPassphrase();
  const comment = options.value('C') ?? `${userInfo().username}@${hostname()}`;
  say(`Generating public/private ${kind} key pair.`);
  const key = await generateKey(kind, { bits, comment });
  const hashing = passphrase !== undefined && rounds !== null ? { rounds: wholeNumber('-a', rounds, 1, 2048) } : {};
  await writePrivateKey(file, key, { passphrase, format, overwrite, ...hashing });
  await replaceFile(`${file}.pub`, formatPublicKey(key.publicKey), { mode: 0o644, forceMode: true });
  say(`Your identification has been saved in ${file}`);
  say(`Your public key has been saved in ${file}.pub`);
  say(`The key fingerprint is:\n${key.fingerprint} ${printable(comment)}`);
  return 0;
}

/** The format that `-m` wants a private key in. @throws UsageError */
export function privateFormat(options: KeygenOptions): PrivateKeyFormat | undefined {
  const name = options.value('m');
  if (name === null) return undefined;
  const formats: Readonly<Record<string, PrivateKeyFormat>> = { OPENSSH: 'openssh', PEM: 'pem', PKCS8: 'pkcs8', PPK: 'ppk' };
  const format = Object.hasOwn(formats, name.toUpperCase()) ? formats[name.toUpperCase()] : undefined;
  if (format !== undefined) return format;
  throw new UsageError(`private keys are written as ${Object.keys(formats).join(', ')}, not as '${printable(name)}'`);
}

function typeOf(options: KeygenOptions): { kind: Kind; bits: number | undefined } {
  const name = options.value('t') ?? 'ed25519';
  const row = Object.hasOwn(TYPES, name.toLowerCase()) ? TYPES[name.toLowerCase()] : undefined;
  if (row === undefined) {
    if (/^(?:ssh-)?ds[as]/i.test(name)) throw new UsageError('DSA keys are too weak to be made; try -t ed25519');
    if (/-sk$/i.test(name)) throw new UsageError('keys in FIDO devices cannot be made here');
    const close = nearest(name, Object.keys(TYPES));
    throw new UsageError(`no type of key: '${printable(name)}'${close === null ? '' : `; did you mean '${close}'?`}`);
  }
  const text = options.value('b');
  const bits = text === null ? row.bits : wholeNumber('-b', text, 1, 16_384);
  if (row.bits !== undefined && bits !== row.bits) throw new UsageError(`a key of type ${name} has ${row.bits} bits`);
  // As ssh-keygen: the size of an Ed25519 key is what it is.
  return { kind: row.kind, bits: row.kind === 'ed25519' ? undefined : bits };
}

async function askFile(kind: Kind): Promise<string> {
  const usual = join(homedir(), '.ssh', `id_${kind}`);
  const typed = await askPerson(`Enter file in which to save the key (${usual}): `);
  const file = typed?.trim() || usual;
  if (file === usual) await mkdir(dirname(usual), { recursive: true, mode: 0o700 });
  return file;
}

/** Whether the private key's file is there and may be replaced; asks about the public one, too. @throws Failure where they must not be */
async function mayReplace(file: string, force: boolean): Promise<boolean> {
  let replace = false;
  for (const name of [file, `${file}.pub`]) {
    if (!(await exists(name, true))) continue;
    if (name === file) replace = true;
    if (force) continue;
    const reply = await askPerson(`${name} already exists.\nOverwrite (y/n)? `);
    if (reply === null) throw new Failure(`${name} exists; --force replaces it`, 1);
    if (!/^y(?:es)?$/i.test(reply.trim())) throw new Failure(`${basename(name)} stays as it is`, 1);
  }
  return replace;
}

async function askPassphrase(): Promise<string | undefined> {
  try {
    return await newPassphrase();
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${error.message}; --no-passphrase makes a key without one`);
    throw error;
  }
}
