// The keys of an agent of ours, in memory: lifetimes, confirmation, the lock. What is asked for over a connection is `serve.ts`'s.

import { equalBytes } from '../bytes/bytes.ts';
import { nodeCrypto } from '../crypto/node/index.ts';
import { UsageError } from '../errors.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { KeyConstraints } from './messages.ts';

interface Entry {
  readonly signer: Signer;
  readonly comment: string;
  readonly confirm: boolean;
  readonly timer: NodeJS.Timeout | undefined;
}

export interface KeyringOptions {
  /** Asks the user whether a key that was added with `confirm` may sign. Default: never. */
  readonly onConfirm?: (key: PublicKey, comment: string) => boolean | PromiseLike<boolean>;
}

/** OpenSSH's limit of timers would be none; this is what a 32-bit timer can count to, seconds. */
const LONGEST_LIFETIME = 2_147_483;
/** Milliseconds that a wrong passphrase costs at first; it doubles with each, as in OpenSSH's agent. */
const FIRST_DELAY = 100;
const MOST_DELAY = 10_000;

/**
 * Keys for an agent to serve.
 *
 * @example
 * const keyring = new Keyring();
 * keyring.add(await readPrivateKey('id_ed25519'), { comment: 'laptop', lifetime: 3600 });
 * await using server = await listenAgent(keyring, '/run/user/1000/amiko-agent');
 */
export class Keyring {
  readonly #entries = new Map<string, Entry>();
  readonly #onConfirm: KeyringOptions['onConfirm'];
  #lock: Uint8Array | null = null;
  #delay = FIRST_DELAY;

  constructor(options: KeyringOptions = {}) {
    this.#onConfirm = options.onConfirm;
  }

  get locked(): boolean {
    return this.#lock !== null;
  }

  /** Keeps a key; one that is there already gets the new comment and constraints. */
  add(signer: Signer, { comment = '', lifetime, confirm = false }: KeyConstraints & { comment?: string } = {}): void {
    const { publicKey } = signer;
    this.remove(publicKey);
    const name = nameOf(publicKey);
    const forget = () => void this.#entries.delete(name);
    const timer = lifetime === undefined ? undefined : setTimeout(forget, Math.min(lifetime, LONGEST_LIFETIME) * 1000);
    timer?.unref();
    this.#entries.set(name, { signer, comment, confirm, timer });
  }

  /** False where it is not there. */
  remove(key: PublicKey): boolean {
    const name = nameOf(key);
    clearTimeout(this.#entries.get(name)?.timer);
    return this.#entries.delete(name);
  }

  removeAll(): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
  }

  /** What there is; nothing while it is locked. */
  list(): readonly { readonly publicKey: PublicKey; readonly comment: string }[] {
    if (this.#lock !== null) return [];
    return [...this.#entries.values()].map(({ signer, comment }) => ({ publicKey: signer.publicKey, comment }));
  }

  /** Whoever may sign with the key whose blob (or certificate's) this is; null where nobody may. */
  async signer(blob: Uint8Array): Promise<Signer | null> {
    if (this.#lock !== null) return null;
    const entry = [...this.#entries.values()].find(({ signer }) => equalBytes(offered(signer.publicKey), blob));
    if (entry === undefined) return null;
    if (!entry.confirm) return entry.signer;
    const agreed = await this.#onConfirm?.(entry.signer.publicKey, entry.comment);
    // The user took a while: the key may be gone, or the agent locked.
    const still = this.#lock === null && this.#entries.get(nameOf(entry.signer.publicKey)) === entry;
    return agreed === true && still ? entry.signer : null;
  }

  /** False where it is locked already. */
  lock(passphrase: Uint8Array): boolean {
    if (this.#lock !== null) return false;
    this.#lock = digest(passphrase);
    return true;
  }

  /** False for a wrong passphrase, after a while that grows. */
  async unlock(passphrase: Uint8Array): Promise<boolean> {
    if (this.#lock === null) return false;
    if (nodeCrypto.timingSafeEqual(this.#lock, digest(passphrase))) {
      this.#lock = null;
      this.#delay = FIRST_DELAY;
      return true;
    }
    const delay = this.#delay;
    this.#delay = Math.min(2 * delay, MOST_DELAY);
    await new Promise((resolve) => setTimeout(resolve, delay));
    return false;
  }
}

/** A hash, so that the comparison takes the same time whatever the lengths are. */
function digest(passphrase: Uint8Array): Uint8Array {
  if (passphrase.length > 65_536) throw new UsageError('the passphrase is too long');
  return nodeCrypto.hash('sha512', passphrase);
}

function offered(key: PublicKey): Uint8Array {
  return key.certificate?.blob ?? key.blob;
}

/** A key and its certificate are two entries. */
function nameOf(key: PublicKey): string {
  return Buffer.from(offered(key)).toString('base64');
}
