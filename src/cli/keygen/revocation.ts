// Revocation lists: made of keys, certificates and lines about them (-k), added to (-k -u), printed and asked about keys (-Q). A line
// that is not understood makes no list: whoever writes one relies on all of it.

import { readFile } from 'node:fs/promises';
import { fromBase64, fromHex, toHex } from '../../bytes/bytes.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError, printable, UsageError } from '../../errors.ts';
import { Certificate } from '../../keys/certificate.ts';
import { encodeKrl, type KeyBlob, type KrlContents, type SerialRange } from '../../keys/krl.ts';
import { readPrivateKey, readPublicKey } from '../../keys/node/read.ts';
import { readKrl } from '../../keys/node/revocation.ts';
import { RevokedKeys } from '../../keys/node/revoked-keys.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { Failure } from '../verb.ts';
import { looksPrivate } from './convert.ts';
import { keyInLine, plainKey } from './key-line.ts';
import { type KeygenOptions, required } from './options.ts';
import { openKey } from './passphrase.ts';
import { replaceFile } from './replace-file.ts';
import { describeKrl } from './show-revocation-list.ts';

/** What is to be revoked, gathered from all files. */
class Contents {
  readonly keys: KeyBlob[];
  readonly sha1: readonly Uint8Array[];
  readonly sha256: Uint8Array[];
  /** By the authority's blob in hex, '' for any. */
  readonly #authorities = new Map<string, Authority>();

  /** With what an older list has. */
  constructor({ keys = [], sha1 = [], sha256 = [], certificates = [] }: Partial<KrlContents>) {
    this.keys = [...keys];
    this.sha1 = sha1;
    this.sha256 = [...sha256];
    for (const { authority, serials = [], keyIds = [] } of certificates) {
      const known = this.about(authority);
      known.serials.push(...serials);
      known.keyIds.push(...keyIds);
    }
  }

  get certificates(): readonly Authority[] {
    return [...this.#authorities.values()];
  }

  about(authority: KeyBlob | null): Authority {
    const name = authority === null ? '' : toHex(authority.blob);
    const known = this.#authorities.get(name) ?? { authority, serials: [], keyIds: [] };
    this.#authorities.set(name, known);
    return known;
  }

  /** A certificate by its number, or by its name where its authority numbers nothing; a key as such. */
  add(key: PublicKey | Certificate): void {
    if (!(key instanceof Certificate)) this.keys.push(key);
    else if (key.serial === 0n) this.about(key.signatureKey).keyIds.push(key.keyId);
    else this.about(key.signatureKey).serials.push(key.serial);
  }
}

interface Authority {
  readonly authority: KeyBlob | null;
  readonly serials: (bigint | SerialRange)[];
  readonly keyIds: string[];
}

/** `-k`: makes a list; with `-u` one that revokes what the old one does, too. Nothing is ever taken out of a list. */
export async function makeRevocationList(options: KeygenOptions): Promise<number> {
  const file = required(options, 'f', 'the list to write');
  const version = options.value('z');
  if (version !== null && !/^\d{1,20}$/.test(version)) {
    throw new UsageError(`-z needs the version of the list, not '${printable(version)}'`);
  }
  const old: Partial<KrlContents> = options.has('u') ? (await readKrl(file)).contents : {};
  const authority = await authorityOf(options.value('s'));
  const contents = new Contents(old);
  for (const operand of options.operands) await addFile(contents, operand, authority);
  const { keys, sha1, sha256, certificates } = contents;
  const list = {
    version: version === null ? (old.version ?? 0n) : BigInt(version),
    generated: new Date(),
    comment: options.value('C') ?? old.comment ?? '',
    keys: withoutRepeats(keys, ({ blob }) => blob),
    sha1,
    sha256: withoutRepeats(sha256, (hash) => hash),
    certificates: certificates.map((each) => ({ ...each, keyIds: [...new Set(each.keyIds)] })),
  };
  await replaceFile(file, encodeKrl(list), { mode: 0o644 });
  return 0;
}

function withoutRepeats<T>(list: readonly T[], bytesOf: (one: T) => Uint8Array): readonly T[] {
  return [...new Map(list.map((one) => [toHex(bytesOf(one)), one])).values()];
}

/** `-Q`: whether keys are in a list; 1 where one is. With `-l` the list is printed first. */
export async function queryRevocationList(options: KeygenOptions): Promise<number> {
  const list = required(options, 'f', 'the list to ask');
  if (options.has('l')) process.stdout.write(describeKrl((await readKrl(list)).contents));
  else if (options.operands.length === 0) throw new UsageError('which keys?');
  const revoked = await RevokedKeys.read([list]);
  let status = 0;
  for (const file of options.operands) {
    const { key, comment } = await keyOf(file);
    const reason = revoked.whyRevoked(key);
    if (reason !== null) status = 1;
    const said = comment === '' ? '' : ` (${printable(comment)})`;
    process.stdout.write(`${file}${said}: ${reason === null ? 'ok' : 'REVOKED'}\n`);
    if (reason !== null) process.stderr.write(`${file}: ${reason}\n`);
  }
  return status;
}

/** Undefined where none was given; null for `none`, which is any. */
async function authorityOf(file: string | null): Promise<PublicKey | null | undefined> {
  if (file === null) return undefined;
  if (file.toLowerCase() === 'none') return null;
  return (await looksPrivate(file)) ? (await readPrivateKey(file)).publicKey : readPublicKey(file);
}

async function addFile(contents: Contents, file: string, authority: PublicKey | null | undefined): Promise<void> {
  if (await looksPrivate(file)) {
    contents.add((await openKey(file)).key.publicKey);
    return;
  }
  for (const [index, line] of (await readFile(file, 'utf8')).split('\n').entries()) {
    // As ssh-keygen: a comment may stand behind anything, that of a key included.
    const text = line.replace(/#.*/, '').trim();
    if (text === '') continue;
    try {
      addLine(contents, text, authority);
    } catch (error) {
      if (!(error instanceof KeyFormatError)) throw error;
      throw new Failure(`${file}:${index + 1}: ${error.message}`);
    }
  }
}

function addLine(contents: Contents, line: string, authority: PublicKey | null | undefined): void {
  const [, word = '', rest = ''] = /^(serial|id|key|sha1|sha256|hash):[ \t]*(.*)$/i.exec(line) ?? [];
  const name = word.toLowerCase();
  if (name === '') contents.add(keyOfText(line));
  else if (name === 'serial') about(contents, authority).serials.push(serialsOf(rest));
  else if (name === 'id') about(contents, authority).keyIds.push(rest);
  else if (name === 'key') contents.keys.push(plainKey(keyOfText(rest)));
  else if (name === 'sha256') contents.sha256.push(nodeCrypto.hash('sha256', plainKey(keyOfText(rest)).blob));
  else if (name === 'hash') contents.sha256.push(digestOf(rest));
  else throw new KeyFormatError("SHA-1 says too little about a key; use 'sha256:' or 'hash:'");
}

function about(contents: Contents, authority: PublicKey | null | undefined): ReturnType<Contents['about']> {
  if (authority === undefined) throw new UsageError("serial numbers and IDs need the authority: -s CA.pub, or -s none for any's");
  return contents.about(authority);
}

function serialsOf(text: string): bigint | SerialRange {
  const [, from, to] = /^(\d{1,20}|0x[0-9a-f]{1,16})(?:[ \t]*-[ \t]*(\d{1,20}|0x[0-9a-f]{1,16}))?$/i.exec(text) ?? [];
  if (from === undefined || BigInt(from) === 0n) throw new KeyFormatError('not a serial number, nor a range of them');
  return to === undefined ? BigInt(from) : { from: BigInt(from), to: BigInt(to) };
}

function digestOf(text: string): Uint8Array {
  // In hex as `-Q -l` prints what is listed so, for no key is at hand then.
  const [, hex, base64] = /^SHA256:(?:([0-9a-f]{64})|([A-Za-z0-9+/]{43})=?)$/.exec(text) ?? [];
  const digest = hex !== undefined ? fromHex(hex) : base64 === undefined ? null : fromBase64(`${base64}=`);
  if (digest === null) throw new KeyFormatError("not a fingerprint of the form 'SHA256:...'");
  return digest;
}

function keyOfText(text: string): PublicKey | Certificate {
  const entry = keyInLine(text);
  if (entry === null) throw new KeyFormatError('not a key, nor anything else that can be revoked');
  return entry.key;
}

async function keyOf(file: string): Promise<{ key: PublicKey | Certificate; comment: string }> {
  if (await looksPrivate(file)) {
    const { publicKey } = (await openKey(file)).key;
    return { key: publicKey, comment: publicKey.comment };
  }
  const entry = keyInLine((await readFile(file, 'utf8')).trim().split('\n', 1)[0] ?? '');
  if (entry !== null) return entry;
  const key = await readPublicKey(file);
  return { key, comment: key.comment };
}
