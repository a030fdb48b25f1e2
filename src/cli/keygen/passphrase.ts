// Passphrases and the keys behind them: asked for on the terminal without an echo, or by the program in SSH_ASKPASS, never taken
// from the arguments.

import { writeFileSync } from 'node:fs';
import { lstat, readFile, stat } from 'node:fs/promises';
import { AgentError, PassphraseError, printable, UsageError } from '../../errors.ts';
import { readPrivateKey, readPublicKey } from '../../keys/node/read.ts';
import type { PrivateKey } from '../../keys/private-key.ts';
import type { Signer } from '../../keys/signer.ts';
import { Asking, MAX_TRIES } from '../connection/asking.ts';
import { Failure } from '../verb.ts';

const asking = new Asking({ batchMode: false });

/** A private key and what opened it. */
export interface OpenedKey {
  readonly key: PrivateKey;
  /** Undefined where the file is not encrypted. */
  readonly passphrase: string | undefined;
}

/**
 * Reads a private key; where it is encrypted the passphrase is asked for, a few times.
 * @throws Failure where nobody can be asked, KeyFormatError, PassphraseError
 */
export async function openKey(file: string): Promise<OpenedKey> {
  for (let attempt = 1; ; attempt++) {
    let passphrase: string | undefined;
    const ask = async () => {
      passphrase = await answer(`Enter passphrase for '${file}': `, `the key ${file} is encrypted`);
      return passphrase;
    };
    try {
      const key = await readPrivateKey(file, { passphrase: ask });
      return { key, passphrase };
    } catch (error) {
      // A program answers the same each time; only people mistype.
      if (!(error instanceof PassphraseError) || attempt === MAX_TRIES || !asking.atTerminal) throw error;
      process.stderr.write(`${error.message}\n`);
    }
  }
}

/** A new passphrase, asked for twice; undefined where it is empty, which means none. @throws Failure, UsageError */
export async function newPassphrase(what = 'passphrase'): Promise<string | undefined> {
  if (!asking.possible) {
    throw new UsageError(`nobody can be asked for a ${what}: stdin is not a terminal and SSH_ASKPASS is not in use`);
  }
  for (let attempt = 1; ; attempt++) {
    const first = await answer(`Enter ${what} (empty for none): `, `a ${what} is needed`);
    const again = await answer(`Enter the same ${what} again: `, `a ${what} is needed`);
    if (first === again) return first === '' ? undefined : first;
    // As above: what a program says next is nothing that it was told was wrong.
    if (attempt === MAX_TRIES || !asking.atTerminal) throw new Failure('the two are not the same');
    process.stderr.write('They are not the same. Try again.\n');
  }
}

/** An answer that is not shown. @throws Failure where there is none */
export async function answer(prompt: string, why: string): Promise<string> {
  if (!asking.possible)
    throw new Failure(`${why}, and nobody can be asked: stdin is not a terminal and SSH_ASKPASS is not in use`);
  showHiddenPrompt(prompt);
  const text = await asking.ask(prompt, false);
  if (text === null) throw new Failure(`${why}, and there was no answer`);
  return text;
}

/** git keeps for itself what a program says on stderr: whoever sits at the terminal would not know what it waits for. */
function showHiddenPrompt(prompt: string): void {
  const { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: when = '' } = process.env;
  const byProgram = Boolean(program) && /^(?:force|prefer)$/i.test(when);
  if (!asking.atTerminal || byProgram || process.stderr.isTTY || process.platform === 'win32') return;
  try {
    writeFileSync('/dev/tty', printable(prompt));
  } catch {
    // No controlling terminal: then stderr has to do.
  }
}

/** A question for a person at the terminal; null where there is nobody. */
export function askPerson(prompt: string): Promise<string | null> {
  return asking.atTerminal ? asking.askPerson(prompt) : Promise.resolve(null);
}

/** A signer that may have to be let go. */
export interface LoadedSigner extends AsyncDisposable {
  readonly signer: Signer;
}

/**
 * Whoever signs with the key in a file: the file itself, or the agent, where the file is a public key or `preferAgent` says so.
 * @throws Failure where neither has the private key
 */
export async function loadSigner(file: string, preferAgent: boolean): Promise<LoadedSigner> {
  if (!preferAgent && !(await isPublicKeyFile(file))) {
    const { key } = await openKey(file);
    return { signer: key, [Symbol.asyncDispose]: async () => {} };
  }
  const publicFile = (await isPublicKeyFile(file)) ? file : `${file}.pub`;
  const publicKey = await readPublicKey(publicFile);
  const { openAgent } = await import('../../agent.ts');
  let why = 'there is no agent';
  try {
    const agent = await openAgent();
    const signer = (await agent.getKeys()).find((key) => key.publicKey.certificate === null && key.publicKey.equals(publicKey));
    if (signer !== undefined) return { signer, [Symbol.asyncDispose]: async () => agent.close() };
    agent.close();
    why = 'the agent does not have it';
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    why = error.message;
  }
  // The private half usually lies beside the public one.
  const beside = publicFile.replace(/\.pub$/, '');
  if (!preferAgent && beside !== publicFile && (await exists(beside))) {
    const { key } = await openKey(beside);
    if (!key.publicKey.equals(publicKey)) throw new Failure(`${publicFile} is not the public half of ${beside}`);
    return { signer: key, [Symbol.asyncDispose]: async () => {} };
  }
  throw new Failure(`no private key for ${publicFile}: ${why}`);
}

/** Whether there is something of that name; `links` counts those that lead nowhere. */
export async function exists(file: string, links = false): Promise<boolean> {
  try {
    await (links ? lstat(file) : stat(file));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** By what stands in it: git hands over public keys in files of any name. */
async function isPublicKeyFile(file: string): Promise<boolean> {
  if (!(await stat(file)).isFile()) return false;
  const text = await readFile(file, 'latin1');
  return /^\s*(?:ssh-|ecdsa-sha2-|sk-)\S+[ \t]/.test(text);
}
