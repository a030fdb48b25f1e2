/**
 * Sorting whose sequence of comparisons depends on the length alone: Batcher's merge exchange (Knuth, The Art of Computer
 * Programming, volume 3, section 5.2.2, Algorithm M), which takes lists of any length.
 *
 * Invariant: every pair of places is read and written whether or not its words change places. The words are compared as unsigned
 * 32-bit numbers but held in an Int32Array, where V8 never needs a floating-point number to represent one.
 */

/** Puts `words`, taken as unsigned 32-bit numbers, into ascending order. */
export function sortUnsigned(words: Int32Array): void {
  const length = words.length;
  if (length < 2) return;
  const top = 1 << (31 - Math.clz32(length - 1));
  for (let p = top; p > 0; p >>= 1) {
    let distance = p;
    let residue = 0;
    for (let q = top; ; q >>= 1) {
      for (let i = 0; i < length - distance; i++) {
        // Public: only indices are looked at.
        if ((i & p) === residue) exchange(words, i, i + distance);
      }
      if (q === p) break;
      distance = q - p;
      residue = p;
    }
  }
}

function exchange(words: Int32Array, i: number, j: number): void {
  const low = words[i] as number;
  const high = words[j] as number;
  // The borrow of high - low, over the whole word: -1 where high < low.
  const difference = (high - low) | 0;
  const wrong = ((~high & low) | (~(high ^ low) & difference)) >> 31;
  const change = wrong & (low ^ high);
  words[i] = low ^ change;
  words[j] = high ^ change;
}
