// `-s`: an authority signs certificates for keys, each into FILE-cert.pub.

import { printable, UsageError } from '../../errors.ts';
import { signCertificate } from '../../keys/node/certify.ts';
import { readPublicKey } from '../../keys/node/read.ts';
import { parseCertificateOptions } from './certificate-options.ts';
import { type KeygenOptions, required } from './options.ts';
import { loadSigner } from './passphrase.ts';
import { replaceFile } from './replace-file.ts';
import { describeValidity, parseValidity } from './validity.ts';

const MOST_SERIAL = 0xffff_ffff_ffff_ffffn;

/** Signs a certificate for each of the files. */
export async function certify(options: KeygenOptions): Promise<number> {
  const files = options.operands;
  const keyId = required(options, 'I', 'what the certificate is called in the logs of servers');
  const principals = required(
    options,
    'n',
    'the users or hosts that it is for; one for nobody in particular is for nobody',
  ).split(',');
  if (files.length === 0) throw new UsageError('which public keys?');
  const kind = options.has('h') ? 'host' : 'user';
  const texts = options.values('O').filter((text) => kind === 'user' || text.toLowerCase() !== 'clear');
  if (kind === 'host' && texts.length > 0) throw new UsageError('certificates of hosts have no options');
  const rights = kind === 'user' ? parseCertificateOptions(texts) : {};
  const validity = parseValidity(options.value('V') ?? 'always:forever', Date.now() / 1000);
  const times = {
    validAfter: new Date(validity.from * 1000),
    ...(validity.to !== null && { validBefore: new Date(validity.to * 1000) }),
  };
  const { first, step } = serials(options.value('z') ?? '0');
  // Before the authority's passphrase is asked for.
  const keys = await Promise.all(files.map((file) => readPublicKey(file)));
  await using authority = await loadSigner(required(options, 's', 'the authority'), options.has('U'));
  for (const [index, key] of keys.entries()) {
    const serial = first + BigInt(index) * step;
    if (serial > MOST_SERIAL) throw new UsageError('there are no more serial numbers');
    const { comment } = key;
    const certificate = await signCertificate(authority.signer, key, {
      kind,
      keyId,
      principals,
      serial,
      comment,
      ...times,
      ...rights,
    });
    const out = `${(files[index] as string).replace(/\.pub$/, '')}-cert.pub`;
    await replaceFile(out, `${certificate}\n`, { mode: 0o644 });
    if (options.has('q')) continue;
    const { validAfter, validBefore } = certificate;
    const valid = `valid ${describeValidity(validAfter, validBefore)}`;
    const name = `id "${printable(keyId)}" serial ${serial} for ${printable(principals.join(','))}`;
    process.stderr.write(`Signed ${kind} key ${out}: ${name} ${valid}\n`);
  }
  return 0;
}

/** `5` for all, or `+5` for the first of a row. */
function serials(text: string): { first: bigint; step: bigint } {
  if (!/^\+?(?:\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text))
    throw new UsageError(`-z needs a serial number, not '${printable(text)}'`);
  const first = BigInt(text.replace('+', ''));
  if (first > MOST_SERIAL) throw new UsageError(`-z is a number of 64 bits, and ${text} is more`);
  return { first, step: text.startsWith('+') ? 1n : 0n };
}
