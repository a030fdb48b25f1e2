// Serial numbers of certificates as a set: in order, and with what touches or overlaps put together.

/** Serial numbers from `from` to `to`, both included. */
export interface SerialRange {
  readonly from: bigint;
  readonly to: bigint;
}

/** The same numbers in as few ranges as there can be, in rising order. */
export function mergedRanges(serials: readonly (bigint | SerialRange)[]): SerialRange[] {
  const ranges = serials.map((one) => (typeof one === 'bigint' ? { from: one, to: one } : one));
  ranges.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const merged: { from: bigint; to: bigint }[] = [];
  for (const { from, to } of ranges) {
    const last = merged.at(-1);
    if (last === undefined || from > last.to + 1n) merged.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return merged;
}
