// The seed's view on a transport's algorithms: five lists in order of preference, live on the transport.

import { checkNames } from '../algorithms/policy.ts';
import type { AlgorithmCategory, AlgorithmLists, AlgorithmNames } from '../algorithms/registry.ts';
import { UsageError } from '../errors.ts';

/** Where the lists live. */
export interface AlgorithmHolder {
  getAlgorithms(): AlgorithmLists;
  setAlgorithms(lists: AlgorithmLists): void;
}

/**
 * What a transport offers. Assigning a list takes effect at the next key exchange, so do it before `startClient` or
 * `startServer`. Unknown names and anything but a list throw UsageError.
 *
 * @example
 * const options = transport.getSecurityOptions();
 * options.ciphers = ['aes256-gcm@openssh.com'];
 */
export class SecurityOptions {
  readonly #holder: AlgorithmHolder;

  constructor(holder: AlgorithmHolder) {
    this.#holder = holder;
  }

  get ciphers(): readonly AlgorithmNames['ciphers'][] {
    return this.#get('ciphers');
  }

  set ciphers(names: readonly AlgorithmNames['ciphers'][]) {
    this.#set('ciphers', names);
  }

  /** MACs. */
  get digests(): readonly AlgorithmNames['macs'][] {
    return this.#get('macs');
  }

  set digests(names: readonly AlgorithmNames['macs'][]) {
    this.#set('macs', names);
  }

  /** Host key algorithms. */
  get keyTypes(): readonly AlgorithmNames['keys'][] {
    return this.#get('keys');
  }

  set keyTypes(names: readonly AlgorithmNames['keys'][]) {
    this.#set('keys', names);
  }

  /** Signature algorithms for user authentication. Not in the seed. */
  get pubkeys(): readonly AlgorithmNames['pubkeys'][] {
    return this.#get('pubkeys');
  }

  set pubkeys(names: readonly AlgorithmNames['pubkeys'][]) {
    this.#set('pubkeys', names);
  }

  get kex(): readonly AlgorithmNames['kex'][] {
    return this.#get('kex');
  }

  set kex(names: readonly AlgorithmNames['kex'][]) {
    this.#set('kex', names);
  }

  get compression(): readonly AlgorithmNames['compression'][] {
    return this.#get('compression');
  }

  set compression(names: readonly AlgorithmNames['compression'][]) {
    this.#set('compression', names);
  }

  toString(): string {
    return `[SecurityOptions ${JSON.stringify(this.#holder.getAlgorithms())}]`;
  }

  #get<C extends AlgorithmCategory>(category: C): readonly AlgorithmNames[C][] {
    return this.#holder.getAlgorithms()[category] as readonly AlgorithmNames[C][];
  }

  #set(category: AlgorithmCategory, names: readonly string[]): void {
    if (!Array.isArray(names)) throw new UsageError('expected an array of algorithm names');
    checkNames(category, names);
    this.#holder.setAlgorithms({ ...this.#holder.getAlgorithms(), [category]: [...names] });
  }
}
