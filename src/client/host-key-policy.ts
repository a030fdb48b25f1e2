// What to do about a server's key, given what is known: the four ways of StrictHostKeyChecking (ssh_config(5)). Whatever the
// way, a revoked key and a changed key are refused: who wants the new key removes the old line, so that it is a decision.

import { HostKeyError, printable } from '../errors.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { VerifyHostKey } from '../transport/options.ts';
import { type KnownHostKey, KnownHosts } from './known-hosts.ts';

/**
 * `yes`: only known hosts. `ask`: a person decides about an unknown one. `accept-new`: an unknown one is believed and
 * remembered. `no`: the same, as here a changed key is refused in any case.
 */
export type StrictHostKeyChecking = 'yes' | 'ask' | 'accept-new' | 'no';

export interface HostKeyPolicyOptions {
  /** What is known. Default nothing. */
  readonly knownHosts?: KnownHosts;
  /** Default `yes`. */
  readonly strict?: StrictHostKeyChecking;
  /** Where to remember an accepted key. Without it, it is remembered in memory only. */
  readonly file?: string;
  /** Whether to write the host's name hashed. By default as the file has it. */
  readonly hash?: boolean;
  /** Shows a text and returns what the person typed, null where there is no person. Needed for `ask`; without it `ask` is `yes`. */
  readonly ask?: (text: string) => string | null | PromiseLike<string | null>;
  /** Hears what a person should know: that a key was remembered, or could not be. */
  readonly notify?: (message: string) => void;
}

/** How often a person may answer neither yes nor no. */
const MAX_QUESTIONS = 3;

/**
 * A check of a server's key for `Transport.connect({ hostKey })`.
 *
 * It throws a HostKeyError that names both fingerprints, the file and the line where the key is not the known one.
 */
export function verifyHostKey(target: { host: string; port?: number }, options: HostKeyPolicyOptions = {}): VerifyHostKey {
  const { host, port = 22 } = target;
  const { knownHosts = new KnownHosts(), strict = 'yes', file, hash, notify = () => {} } = options;
  const name = printable(port === 22 ? host : `[${host}]:${port}`);

  return async (key) => {
    const check = knownHosts.check(host, port, key);
    if (check.status === 'ok') return true;
    if (check.status === 'revoked') throw revoked(name, key, check.known);
    if (check.status === 'changed') throw changed(name, key, check.known, check.reason);
    if (strict === 'yes' || (strict === 'ask' && options.ask === undefined)) throw unknown(name, key, check.reason);
    if (strict === 'ask' && !(await agrees(name, key, options))) {
      throw new HostKeyError('refused', `the key of ${name} was not accepted`, { fingerprint: key.fingerprint });
    }
    if (file === undefined) {
      knownHosts.add(host, port, key);
      return true;
    }
    try {
      await knownHosts.append(file, host, port, key, hash);
      notify(`${name} is now known by its ${key.type} key ${key.fingerprint}, in ${file}`);
    } catch (error) {
      notify(`the key of ${name} could not be written to ${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return true;
  };
}

async function agrees(name: string, key: PublicKey, { ask }: HostKeyPolicyOptions): Promise<boolean> {
  let text =
    `The host ${name} is not known yet, so nothing proves that it is the right one.\n` +
    `Its ${key.type} key has the fingerprint ${key.fingerprint}\n` +
    'Connect, and remember this key (yes/no/[fingerprint])? ';
  for (let question = 0; question < MAX_QUESTIONS; question++) {
    const answer = (await ask?.(text))?.trim();
    if (answer === undefined || answer === '' || /^no?$/i.test(answer)) return false;
    if (/^yes$/i.test(answer) || answer === key.fingerprint) return true;
    text = "Type 'yes', 'no' or the fingerprint: ";
  }
  return false;
}

function unknown(name: string, key: PublicKey, reason?: string): HostKeyError {
  const why = reason === undefined ? '' : ` (${reason})`;
  return new HostKeyError('unknown', `the host ${name} is not known; its ${key.type} key is ${key.fingerprint}${why}`, {
    fingerprint: key.fingerprint,
  });
}

function changed(name: string, key: PublicKey, known: KnownHostKey, reason?: string): HostKeyError {
  const { fingerprint } = key;
  const expectedFingerprint = known.key.fingerprint;
  return new HostKeyError(
    'changed',
    `THE KEY OF ${name} HAS CHANGED: it came with the ${key.type} key ${fingerprint}, ` +
      `but ${place(known)} has the ${known.key.type} key ${expectedFingerprint}. Somebody may be reading along, ` +
      `or the host has a new key${reason === undefined ? '' : ` (${reason})`}. If you are sure of that, remove the line and connect again`,
    { fingerprint, expectedFingerprint },
  );
}

function revoked(name: string, key: PublicKey, known: KnownHostKey): HostKeyError {
  return new HostKeyError('revoked', `the ${key.type} key ${key.fingerprint} of ${name} is revoked by ${place(known)}`, {
    fingerprint: key.fingerprint,
  });
}

function place({ file, line }: KnownHostKey): string {
  return line === 0 ? 'what is known' : `${printable(file === '' ? 'line' : file)}:${line}`;
}
