// What to do about a server's key, given what is known: the four ways of StrictHostKeyChecking (ssh_config(5)). Whatever the
// way, a revoked key and a changed key are refused: who wants the new key removes the old line, so that it is a decision.

import { HostKeyError, printable } from '../errors.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { VerifyHostKey } from '../transport/options.ts';
import { type KnownHostKey, KnownHosts } from './known-hosts.ts';
import { DEFAULT_PORT } from './known-hosts-line.ts';

/**
 * `yes`: only known hosts. `ask`: a person decides about an unknown one. `accept-new`: an unknown one is believed and
 * remembered. `no`: the same, as here a changed key is refused in any case.
 */
export type StrictHostKeyChecking = 'yes' | 'ask' | 'accept-new' | 'no';

/** What is known and how strictly it is taken. */
export interface HostKeyPolicyOptions {
  /** What is known. Default nothing. */
  readonly knownHosts?: KnownHosts;
  /** Default `yes`. */
  readonly strict?: StrictHostKeyChecking;
  /**
   * Keys that are refused whatever else is known, as such, in a certificate or as its authority: `RevokedKeys.read(files)` of
   * `amiko/keys` (which throws where a file can't be read, so that nothing is believed then), or a `Krl`.
   */
  readonly revokedKeys?: Revocations;
  /** How authorities may sign certificates of hosts. By default in any way that proves something, which SHA-1 does not. */
  readonly caSignatureAlgorithms?: readonly string[];
  /** RSA keys with fewer bits are refused whatever is known. Default 1024, below which no key is ever used. */
  readonly requiredRsaSize?: number;
  /**
   * The name to look up, to remember and to find in certificates, instead of the host and its port (HostKeyAlias of ssh_config(5)).
   * It is what `KnownHosts` finds for this name and port 22.
   */
  readonly alias?: string;
  /** Where to remember an accepted key. Without it, it is remembered in memory only. */
  readonly file?: string;
  /** Whether to write the host's name hashed. By default as the file has it. */
  readonly hash?: boolean;
  /** Shows a text and returns what the person typed, null where there is no person. Needed for `ask`; without it `ask` is `yes`. */
  readonly ask?: (text: string) => string | null | PromiseLike<string | null>;
  /** Hears what a person should know: that a key was remembered, or could not be. */
  readonly notify?: (message: string) => void;
}

/** Knows which keys count no more. */
export interface Revocations {
  /** What revokes the key, the certificate it is in, or that one's authority; null where nothing does. */
  whyRevoked(key: PublicKey): string | null;
}

/** How often a person may answer neither yes nor no. */
const MAX_QUESTIONS = 3;

/**
 * A check of a server's key for `Transport.connect({ hostKey })`.
 *
 * It throws a HostKeyError that names both fingerprints, the file and the line where the key is not the known one.
 */
export function verifyHostKey(target: { host: string; port?: number }, options: HostKeyPolicyOptions = {}): VerifyHostKey {
  const { knownHosts = new KnownHosts(), strict = 'yes', file, hash, alias, revokedKeys, notify = () => {} } = options;
  const { caSignatureAlgorithms, requiredRsaSize = 0 } = options;
  const { host, port = DEFAULT_PORT } = alias === undefined ? target : { host: alias };
  const name = nameOf(target, alias);

  return async (key) => {
    const why = revokedKeys?.whyRevoked(key) ?? null;
    if (why !== null) throw revoked(name, key, `: ${printable(why)}`);
    if (key.type === 'ssh-rsa' && key.bits < requiredRsaSize) throw tooShort(name, key, requiredRsaSize);
    const check = knownHosts.check(host, port, key, caSignatureAlgorithms);
    if (check.status === 'ok') return true;
    if (check.status === 'revoked') throw revoked(name, key, ` by ${place(check.known)}`);
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

function revoked(name: string, key: PublicKey, by: string): HostKeyError {
  return new HostKeyError('revoked', `the ${key.type} key ${key.fingerprint} of ${name} is revoked${by}`, {
    fingerprint: key.fingerprint,
  });
}

function tooShort(name: string, { bits, fingerprint }: PublicKey, required: number): HostKeyError {
  const message = `the RSA key ${fingerprint} of ${name} has ${bits} bits, and ${required} are required`;
  return new HostKeyError('refused', message, { fingerprint });
}

/** What a person calls the host, and where it goes by another name, that one too. */
function nameOf({ host, port = DEFAULT_PORT }: { host: string; port?: number }, alias: string | undefined): string {
  const name = printable(port === DEFAULT_PORT ? host : `[${host}]:${port}`);
  return alias === undefined ? name : `${name} (as '${printable(alias)}')`;
}

function place({ file, line }: KnownHostKey): string {
  return line === 0 ? 'what is known' : `${printable(file === '' ? 'line' : file)}:${line}`;
}
