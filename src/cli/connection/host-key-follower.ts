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
    if (!(await this.#show(file, keys))) return;
    for (let question = 0; question < MAX_QUESTIONS; question++) {
      const answer = (
        await asking.askPerson(question === 0 ? `Change ${file} accordingly (yes/no)? ` : "Type 'yes' or 'no': ")
      )?.trim();
      if (answer !== undefined && /^yes$/i.test(answer)) return this.#update(file, keys);
      if (answer === undefined || /^no$/i.test(answer)) break;
    }
    log.notice(`${file} has not been changed.`);
  }

  /** Where nobody can be asked. */
  async #tell(file: string, keys: readonly PublicKey[]): Promise<void> {
    if (await this.#show(file, keys)) this.#options.log.notice(`${file} has not been changed, as nobody can be asked.`);
  }

  /** What would change; false where nothing would. */
  async #show(file: string, keys: readonly PublicKey[]): Promise<boolean> {
    const { host, port, knownHosts, log } = this.#options;
    const { added, removed, skipped } = await knownHosts.planUpdate(file, host, port, keys);
    this.#tellSkipped(file, skipped);
    if (added.length === 0 && removed.length === 0) return false;
    log.notice(`${host} has other keys than before, which it has proven by the one that it is known by:`);
    for (const key of added) log.notice(`  it has now ${key.type} ${key.fingerprint}`);
    for (const key of removed) log.notice(`  it does not have any more ${key.type} ${key.fingerprint}`);
    return true;
  }

  #tellSkipped(file: string, skipped: string | null): void {
    const { host, log } = this.#options;
    if (skipped !== null) log.debug(1, `the keys of ${host} in ${file} are left as they are: ${skipped}`);
  }
}
