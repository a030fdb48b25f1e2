// What a transport offers, in order of preference: from its options, and as it is changed until the next key exchange asks for it.

import { chooseAlgorithms, disableAlgorithms } from '../algorithms/policy.ts';
import { type AlgorithmLists, defaultAlgorithms } from '../algorithms/registry.ts';
import { loadMlkem768, nodeCrypto } from '../crypto/node/index.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { keyAlgorithm } from '../keys/certificate-algorithms.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { TransportOptions } from './options.ts';

export class OfferedAlgorithms {
  lists: AlgorithmLists;

  /** @throws UsageError for names that there are not */
  constructor({ algorithms, policy, disabledAlgorithms }: TransportOptions) {
    const chosen = chooseAlgorithms(algorithms, defaultAlgorithms(policy));
    this.lists = disabledAlgorithms ? disableAlgorithms(chosen, disabledAlgorithms) : chosen;
  }

  compress(compress: boolean): void {
    this.lists = { ...this.lists, compression: compress ? ['zlib@openssh.com', 'none'] : ['none'] };
  }

  /** A known host key decides which algorithms come first, or the server would come with another of its keys. */
  preferKeysOf(keys: readonly PublicKey[]): void {
    const isKnown = (name: string) => keys.some(({ type }) => type === keyAlgorithm(name)?.keyType);
    const { keys: all } = this.lists;
    this.lists = { ...this.lists, keys: [...all.filter(isKnown), ...all.filter((name) => !isKnown(name))] };
  }

  /** The post-quantum code is only loaded where it may be used, and while the connection is being made. */
  async load(crypto: CryptoProvider): Promise<void> {
    if (crypto === nodeCrypto && this.lists.kex.some((name) => name.startsWith('mlkem768'))) await loadMlkem768();
  }
}
