// UpdateHostKeys (ssh_config(5)): a host that is known may tell its other keys, and which it does not have any more, so that it can
// change keys without frightening anybody. It is believed only where the user's own file knew it, or the user has just said yes: not
// for a certificate, nor for a file of the system's.

import type { HostKeyCheck, KnownHosts } from '../../client/known-hosts.ts';
import type { RevokedKeys } from '../../keys/node/revoked-keys.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import type { Log } from './log.ts';

export interface FollowerOptions {
  readonly host: string;
  readonly port: number;
  readonly mode: 'yes' | 'no' | 'ask';
  readonly hash: boolean | undefined;
  readonly knownHosts: KnownHosts;
  readonly revokedKeys: RevokedKeys | null;
  readonly log: Log;
}

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
    const { host, port, mode, hash, knownHosts, revokedKeys, log } = this.#options;
    const keys = all.filter((key) => (revokedKeys?.whyRevoked(key) ?? null) === null);
    const trusted = this.#trusted;
    if (trusted === null || !keys.some((key) => key.equals(trusted.key))) {
      log.debug(1, "the host's list of keys is not looked at: it is not known by a key of the user's own file");
      return;
    }
    const { file } = trusted;
    if (mode === 'ask') {
      const fresh = keys.filter((key) => knownHosts.check(host, port, key).status !== 'ok');
      for (const key of fresh) log.notice(`${host} has another key, which is not known yet: ${key.type} ${key.fingerprint}`);
      return;
    }
    try {
      const { added, removed, skipped } = await knownHosts.update(file, host, port, keys, hash);
      if (skipped !== null) log.debug(1, `the keys of ${host} in ${file} are left as they are: ${skipped}`);
      for (const key of added) log.debug(1, `${host} is now known by its ${key.type} key ${key.fingerprint}, too`);
      for (const key of removed) log.debug(1, `${host} is not known by its ${key.type} key ${key.fingerprint} any more`);
    } catch (error) {
      log.debug(1, `the keys of ${host} in ${file} stay as they are: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
