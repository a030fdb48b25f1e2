// `-Y`: signatures of files, in the words of ssh-keygen, which git reads: `Good "git" signature for NAME with ED25519 key SHA256:...`.
// What was signed comes from stdin or files, and what a signature is for is always said.

import { nodeCrypto } from '../../crypto/node/index.ts';
import { KeyFormatError, printable, UsageError } from '../../errors.ts';
import { AllowedSigners } from '../../keys/allowed-signers.ts';
import { parseTimestamp } from '../../keys/key-options.ts';
import { RevokedKeys } from '../../keys/node/revoked-keys.ts';
import { signMessage } from '../../keys/node/sign-file.ts';
import { parseSshsig, type Sshsig, type SshsigHash, verifySshsig } from '../../keys/sshsig.ts';
import { Failure } from '../verb.ts';
import { type KeygenOptions, required } from './options.ts';
import { askPerson, exists, loadSigner } from './passphrase.ts';
import { readAll } from './read-some.ts';
import { replaceFile } from './replace-file.ts';

/** Bytes of a message: it is held in memory as a whole. */
const MOST_MESSAGE = 2 * 1024 * 1024 * 1024 - 65_536;
const MOST_LIST = 64 * 1024 * 1024;
const MOST_SIGNATURE = 65_536;

interface SignatureOptions {
  readonly hash: SshsigHash;
  readonly at: Date;
  readonly printPublicKey: boolean;
}

/** Does what `-Y` says. */
export async function signatures(options: KeygenOptions): Promise<number> {
  const what = options.value('Y');
  switch (what) {
    case 'sign':
      return sign(options);
    case 'verify':
      return verify(options);
    case 'find-principals':
      return findPrincipals(options);
    case 'check-novalidate':
      return checkWithoutNames(options);
    default:
      throw new UsageError(`-Y sign, verify, find-principals or check-novalidate, not '${printable(what ?? '')}'`);
  }
}

async function sign(options: KeygenOptions): Promise<number> {
  const { hash } = parse(options);
  const namespace = required(options, 'n', 'what the signature is for, such as file or git');
  await using loaded = await loadSigner(required(options, 'f', 'the key'), options.has('U'));
  const files = options.operands.length === 0 ? ['-'] : options.operands;
  const say = (text: string) => void (options.has('q') || process.stderr.write(`${text}\n`));
  for (const file of files) {
    say(file === '-' ? 'Signing data on standard input' : `Signing file ${file}`);
    const message = await readAll(file, MOST_MESSAGE);
    const signature = await signMessage(loaded.signer, message, { namespace, hash });
    if (file === '-') {
      process.stdout.write(signature);
      continue;
    }
    const out = `${file}.sig`;
    if (!options.has('force') && (await exists(out))) {
      const reply = await askPerson(`${out} already exists.\nOverwrite (y/n)? `);
      if (!/^y(?:es)?$/i.test(reply?.trim() ?? '')) throw new Failure(`${out} exists; --force replaces it`);
    }
    await replaceFile(out, signature, { mode: 0o644 });
    say(`Write signature to ${out}`);
  }
  return 0;
}

async function verify(options: KeygenOptions): Promise<number> {
  const { at, printPublicKey } = parse(options);
  const namespace = required(options, 'n', 'what the signature is for, such as file or git');
  const principal = required(options, 'I', 'who should have signed');
  const signed = await readSignature(options);
  const signers = await readSigners(options);
  const message = await readAll('-', MOST_MESSAGE);
  const revoked = await revocation(options, signed);
  if (revoked !== null) return bad(options, `the key has been revoked: ${revoked}`);
  if (!verifySshsig(signed, message, namespace, nodeCrypto)) return bad(options, whyNot(signed, namespace));
  const refused = signers.permits(principal, signed.publicKey, namespace, at);
  if (refused !== null) return bad(options, refused);
  return good(options, signed, ` for ${printable(principal)}`, printPublicKey);
}

async function checkWithoutNames(options: KeygenOptions): Promise<number> {
  const { printPublicKey } = parse(options);
  const namespace = required(options, 'n', 'what the signature is for, such as file or git');
  const signed = await readSignature(options);
  const message = await readAll('-', MOST_MESSAGE);
  const revoked = await revocation(options, signed);
  if (revoked !== null) return bad(options, `the key has been revoked: ${revoked}`);
  if (!verifySshsig(signed, message, namespace, nodeCrypto)) return bad(options, whyNot(signed, namespace));
  return good(options, signed, '', printPublicKey);
}

async function findPrincipals(options: KeygenOptions): Promise<number> {
  const { at } = parse(options);
  const signed = await readSignature(options);
  const found = (await readSigners(options)).findPrincipals(signed.publicKey, null, at);
  if (found.length === 0) throw new Failure('No principal matched.');
  process.stdout.write(found.map((name) => `${printable(name)}\n`).join(''));
  return 0;
}

function good(options: KeygenOptions, { publicKey, namespace }: Sshsig, whose: string, printPublicKey: boolean): number {
  const kind = publicKey.certificate === null ? publicKey.algorithmName : `${publicKey.algorithmName}-CERT`;
  if (!options.has('q')) {
    process.stdout.write(`Good "${printable(namespace)}" signature${whose} with ${kind} key ${publicKey.fingerprint}\n`);
  }
  if (printPublicKey) process.stdout.write(`${publicKey.certificate ?? publicKey}\n`);
  return 0;
}

function bad(options: KeygenOptions, why: string): number {
  if (!options.has('q')) process.stdout.write('Could not verify signature.\n');
  process.stderr.write(`${why}\n`);
  return 255;
}

function whyNot(signed: Sshsig, namespace: string): string {
  if (signed.namespace === namespace) return 'the signature is not by its key over this message';
  return `the signature is for '${printable(signed.namespace)}', not for '${printable(namespace)}'`;
}

function revocation(options: KeygenOptions, { publicKey }: Sshsig): Promise<string | null> {
  const file = options.value('r');
  return file === null ? Promise.resolve(null) : RevokedKeys.read([file]).then((revoked) => revoked.whyRevoked(publicKey));
}

async function readSignature(options: KeygenOptions): Promise<Sshsig> {
  const file = required(options, 's', 'the signature');
  try {
    return parseSshsig((await readAll(file, MOST_SIGNATURE)).toString('latin1'), nodeCrypto);
  } catch (error) {
    if (error instanceof KeyFormatError) throw new KeyFormatError(error.message, { cause: error, file });
    throw error;
  }
}

async function readSigners(options: KeygenOptions): Promise<AllowedSigners> {
  const file = required(options, 'f', 'the allowed signers');
  return AllowedSigners.parse((await readAll(file, MOST_LIST)).toString('utf8'), nodeCrypto);
}

/** @throws UsageError for an `-O` that is not known */
function parse(options: KeygenOptions): SignatureOptions {
  let hash: SshsigHash = 'sha512';
  let at = new Date();
  let printPublicKey = false;
  for (const text of options.values('O')) {
    const [, name = '', value = ''] = /^([^=]*)(?:=(.*))?$/.exec(text) ?? [];
    if (name.toLowerCase() === 'hashalg' && (value === 'sha256' || value === 'sha512')) hash = value;
    else if (name.toLowerCase() === 'verify-time') at = new Date(seconds(value) * 1000);
    else if (text.toLowerCase() === 'print-pubkey') printPublicKey = true;
    else throw new UsageError(`no option of signatures: '${printable(text)}'; there are hashalg=, verify-time= and print-pubkey`);
  }
  return { hash, at, printPublicKey };
}

function seconds(text: string): number {
  try {
    return parseTimestamp(text);
  } catch (error) {
    if (error instanceof KeyFormatError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
