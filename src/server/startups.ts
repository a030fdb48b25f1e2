// Counts connections that have not logged in yet: at once, and from one address. They are what an attacker gets for free, so
// there is a limit to both (OpenSSH: MaxStartups, PerSourceMaxStartups). Each slot is given back exactly once.

/** Why a connection is closed before anything is said on it. */
export type Refusal = 'max-startups' | 'max-per-source';

export class Startups {
  readonly #maxTotal: number;
  readonly #maxPerSource: number;
  readonly #perSource = new Map<string, number>();
  #total = 0;

  /** 0 stands for no limit. */
  constructor(maxTotal: number, maxPerSource: number) {
    this.#maxTotal = maxTotal;
    this.#maxPerSource = maxPerSource;
  }

  get total(): number {
    return this.#total;
  }

  /**
   * Takes a slot. Returns the function that gives it back, or the limit that is in the way. `source` is null where there are
   * no addresses to tell apart (a unix socket).
   */
  begin(source: string | null): (() => void) | Refusal {
    if (this.#maxTotal > 0 && this.#total >= this.#maxTotal) return 'max-startups';
    const fromSource = source === null ? 0 : (this.#perSource.get(source) ?? 0);
    if (this.#maxPerSource > 0 && fromSource >= this.#maxPerSource) return 'max-per-source';
    this.#total++;
    if (source !== null) this.#perSource.set(source, fromSource + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#total--;
      if (source === null) return;
      const left = (this.#perSource.get(source) ?? 1) - 1;
      // Addresses that have gone must not be kept: there are 2^128 of them.
      if (left === 0) this.#perSource.delete(source);
      else this.#perSource.set(source, left);
    };
  }
}
