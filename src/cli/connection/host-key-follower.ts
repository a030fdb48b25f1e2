// UpdateHostKeys (ssh_config(5)): a host that is known may tell its other keys, and which it does not have any more, so that it can
// change keys without frightening anybody. It is believed only where the user's own file knew it, or the user has just said yes: not
// for a certificate, nor for a file of the system's.

import type { HostKeyCheck, KnownHosts } from '../../client/known-hosts.ts';
import type { RevokedKeys } from '../../keys/node/revoked-keys.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import type { Asking } from './asking.ts';
import type { Log } from './log.ts';

export interface FollowerOptions {
  readonly host: string;
  readonly port: number;
  readonly mode: 'yes' | 'no' | 'ask';
  readonly hash: boolean | undefined;
  readonly knownHosts: KnownHosts;
  readonly revokedKeys: RevokedKeys | null;
  readonly asking: Asking;
  readonly log: Log;
}

/** How often a person may answer neither yes nor no. */
const MAX_QUESTIONS = 3;

export class HostKeyFollower {
  readonly #options: FollowerOptions;
  #trusted: { readonly key: PublicKey; readonly file: string } | null = null;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  get wanted(): boolean {
    return this.#options.mode !== 'no';
  }

  /** The host came with this key, and was let in. `before` is what was known; `asked` the file of those to whom a person says yes. */
  accepted(key: PublicKey, before: HostKeyCheck, userFiles: readonly string[], asked: string | undefined): void {
    if (before.status === 'unknown' && asked !== undefined) this.#trusted = { key, file: asked };
    if (before.status !== 'ok' || !before.known.key.equals(key)) return;
    const { file } = before.known;
    if (userFiles.includes(file)) this.#trusted = { key, file };
  }

  /** The host has proven to hold these keys. Never rejects: the connection is none the worse. */
  async learned(all: readonly PublicKey[]): Promise<void> {
    const { mode, revokedKeys, asking, log } = this.#options;
    const keys = all.filter((key) => (revokedKeys?.whyRevoked(key) ?? null) === null);
    const trusted = this.#trusted;
    if (trusted === null || !keys.some((key) => key.equals(trusted.key))) {
      log.debug(1, "the host's list of keys is not looked at: it is not known by a key of the user's own file");
      return;
    }
    const { file } = trusted;
    if (mode !== 'ask') await this.#unlessFailed(file, () => this.#update(file, keys));
    else if (!asking.atTerminal || !asking.whenFree(() => this.#unlessFailed(file, () => this.#ask(file, keys)))) {
      await this.#unlessFailed(file, () => this.#tell(file, keys));
    }
  }

  async #unlessFailed(file: string, work: () => Promise<void>): Promise<void> {
    const { host, log } = this.#options;
    try {
      await work();
    } catch (error) {
      log.debug(1, `the keys of ${host} in ${file} stay as they are: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #update(file: string, keys: readonly PublicKey[]): Promise<void> {
    const { host, port, hash, knownHosts, log } = this.#options;
    const { added, removed, skipped } = await knownHosts.update(file, host, port, keys, hash);
    this.#tellSkipped(file, skipped);
    for (const key of added) log.debug(1, `${host} is now known by its ${key.type} key ${key.fingerprint}, too`);
    for (const key of removed) log.debug(1, `${host} is not known by its ${key.type} key ${key.fingerprint} any more`);
  }

  async #ask(file: string, keys: readonly PublicKey[]): Promise<void> {
    const { asking, log } = this.#options;
    const changes = await this.#changes(file, keys);
    if (changes === null) return;
    let question = `${changes}\nChange ${file} accordingly (yes/no)? `;
    for (let asked = 0; asked < MAX_QUESTIONS; asked++) {
      const answer = (await asking.askPerson(question))?.trim();
      if (answer !== undefined && /^yes$/i.test(answer)) return this.#update(file, keys);
      if (answer === undefined || /^no$/i.test(answer)) break;
      question = "Type 'yes' or 'no': ";
    }
    log.notice(`${file} has not been changed.`);
  }

  /** Where nobody can be asked. */
  async #tell(file: string, keys: readonly PublicKey[]): Promise<void> {
    const changes = await this.#changes(file, keys);
    if (changes !== null) this.#options.log.notice(`${changes}\n${file} has not been changed, as nobody can be asked.`);
  }

  /** For people to read; null where nothing would change. */
  async #changes(file: string, keys: readonly PublicKey[]): Promise<string | null> {
    const { host, port, knownHosts } = this.#options;
    const { added, removed, skipped } = await knownHosts.planUpdate(file, host, port, keys);
    this.#tellSkipped(file, skipped);
    if (added.length === 0 && removed.length === 0) return null;
    return [
      `${host} has other keys than before, which it has proven by the one that it is known by:`,
      ...added.map((key) => `  new: ${key.type} ${key.fingerprint}`),
      ...removed.map((key) => `  no longer used: ${key.type} ${key.fingerprint}`),
    ].join('\n');
  }

  #tellSkipped(file: string, skipped: string | null): void {
    const { host, log } = this.#options;
    if (skipped !== null) log.debug(1, `the keys of ${host} in ${file} are left as they are: ${skipped}`);
  }
}
