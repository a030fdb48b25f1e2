// The keys of an agent of ours, in memory: lifetimes, confirmation, limits to hosts, the lock. What is asked for over a connection is
// `serve.ts`'s. A key that is limited to hosts signs only for a caller who says where it is used, and no key after its time.

import { nodeCrypto } from '../crypto/node/index.ts';
import { UsageError } from '../errors.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { DestinationConstraint } from './destination-constraints.ts';
import type { KeyUse } from './destinations.ts';
import { blobOf } from './key-blob.ts';
import type { KeyConstraints } from './messages.ts';

interface Entry {
  readonly signer: Signer;
  readonly comment: string;
  readonly confirm: boolean;
  readonly destinations: readonly DestinationConstraint[];
  /** Milliseconds since 1970. */
  readonly expires: number;
  readonly timer: NodeJS.Timeout | undefined;
}

/** A key of a keyring, as it is listed. */
export interface KeyringEntry {
  readonly publicKey: PublicKey;
  readonly comment: string;
  /** The hosts that it is limited to; none: to no hosts. */
  readonly destinations: readonly DestinationConstraint[];
}

/** How a keyring behaves. */
export interface KeyringOptions {
  /**
   * Asks the user whether a key that was added with `confirm` may sign; `use` is where, for a key that is limited to hosts. One
   * question at a time. Default: never.
   */
  readonly onConfirm?: (key: PublicKey, comment: string, use: KeyUse | null) => boolean | PromiseLike<boolean>;
}

/** What a 32-bit timer can count to, seconds. */
const LONGEST_LIFETIME = 2_147_483;
/** Milliseconds that a wrong passphrase costs at first; it doubles with each. */
const FIRST_DELAY = 100;
/** As with ssh-agent, milliseconds. */
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
  readonly #questions = new Turns();
  readonly #guesses = new Turns();

  constructor(options: KeyringOptions = {}) {
    this.#onConfirm = options.onConfirm;
  }

  get locked(): boolean {
    return this.#lock !== null;
  }

  /**
   * Keeps a key; one that is there already gets the new comment and constraints.
   * @throws UsageError for an empty list of destinations, which could be read as none allowed or as none forbidden
   */
  add(
    signer: Signer,
    { comment = '', lifetime, confirm = false, destinations }: KeyConstraints & { comment?: string } = {},
  ): void {
    if (destinations?.length === 0) throw new UsageError('a key that is limited to hosts needs at least one');
    const { publicKey } = signer;
    this.remove(publicKey);
    const name = nameOf(blobOf(publicKey));
    const milliseconds = Math.min(lifetime ?? Number.POSITIVE_INFINITY, LONGEST_LIFETIME) * 1000;
    const timer = lifetime === undefined ? undefined : setTimeout(() => void this.#entries.delete(name), milliseconds);
    timer?.unref();
    // The timer does not count while the machine sleeps, the clock does.
    const expires = lifetime === undefined ? Number.POSITIVE_INFINITY : Date.now() + milliseconds;
    this.#entries.set(name, { signer, comment, confirm, destinations: destinations ?? [], expires, timer });
  }

  /** False where it is not there. */
  remove(key: PublicKey): boolean {
    const name = nameOf(blobOf(key));
    clearTimeout(this.#entries.get(name)?.timer);
    return this.#entries.delete(name);
  }

  removeAll(): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
    this.#entries.clear();
  }

  /** What there is; nothing while it is locked. */
  list(): readonly KeyringEntry[] {
    if (this.#lock !== null) return [];
    return [...this.#entries.values()].filter(isAlive).map(listed);
  }

  /** The key with this blob, its own or its certificate's; null where there is none, or while it is locked. */
  find(blob: Uint8Array): KeyringEntry | null {
    const entry = this.#entry(blob);
    return entry === null ? null : listed(entry);
  }

  /**
   * Whoever may sign with the key whose blob (or certificate's) this is; null where nobody may. A key that is limited to hosts
   * signs only where `permit` says what for; without it such a key signs nothing.
   */
  async signer(blob: Uint8Array, permit: (entry: KeyringEntry) => KeyUse | null = () => null): Promise<Signer | null> {
    const entry = this.#entry(blob);
    if (entry === null) return null;
    const use = entry.destinations.length === 0 ? null : permit(listed(entry));
    if (entry.destinations.length > 0 && use === null) return null;
    if (!entry.confirm) return entry.signer;
    // The user took a while: the key may be gone or another one's, or the agent locked.
    const isStill = () => this.#entry(blob) === entry;
    const agreed = await this.#questions.take(
      async () => isStill() && (await this.#onConfirm?.(entry.signer.publicKey, entry.comment, use)),
    );
    return agreed === true && isStill() ? entry.signer : null;
  }

  /** False where it is locked already, and for an empty passphrase. */
  lock(passphrase: Uint8Array): boolean {
    if (this.#lock !== null || passphrase.length === 0) return false;
    this.#lock = digest(passphrase);
    return true;
  }

  /** False for a wrong passphrase, after a while that grows. One guess at a time, or many at once would not have to wait. */
  async unlock(passphrase: Uint8Array): Promise<boolean> {
    const guess = digest(passphrase);
    return this.#guesses.take(async () => {
      if (this.#lock === null) return false;
      if (nodeCrypto.timingSafeEqual(this.#lock, guess)) {
        this.#lock = null;
        this.#delay = FIRST_DELAY;
        return true;
      }
      const delay = this.#delay;
      this.#delay = Math.min(2 * delay, MOST_DELAY);
      await new Promise((resolve) => setTimeout(resolve, delay).unref());
      return false;
    });
  }

  #entry(blob: Uint8Array): Entry | null {
    const entry = this.#lock === null ? this.#entries.get(nameOf(blob)) : undefined;
    return entry !== undefined && isAlive(entry) ? entry : null;
  }
}

/** Things that happen one after the other. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(turn: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(turn);
    this.#last = mine.catch(() => {});
    return mine;
  }
}

function isAlive({ expires }: Entry): boolean {
  return Date.now() < expires;
}

function listed({ signer, comment, destinations }: Entry): KeyringEntry {
  return { publicKey: signer.publicKey, comment, destinations };
}

/** A hash, so that the comparison takes the same time whatever the lengths are. */
function digest(passphrase: Uint8Array): Uint8Array {
  if (passphrase.length > 65_536) throw new UsageError('the passphrase is too long');
  return nodeCrypto.hash('sha512', passphrase);
}

/** A key and its certificate are two entries. */
function nameOf(blob: Uint8Array): string {
  return Buffer.from(blob).toString('base64');
}
