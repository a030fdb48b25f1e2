// Rows of the report: a figure of ours, the same of a peer, their ratio and whether the goal is met. A row judges itself, so
// the table and the JSON cannot say different things.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * `checks` are pairs of a text and whether it holds; none for a row that has no goal. `amiko` and `peer` are samples, one per
 * run; `ratio` says how many times better ours is, so above 1 is good whether the unit counts up or down. Without samples of
 * ours nothing is judged; `missing` says why there are none.
 */
export function row({ goal = '', what, unit, amiko, peer = null, peerName = 'ssh2', fewerIsBetter = false, checks, missing }) {
  const ours = amiko === null ? null : median(amiko);
  const theirs = peer === null ? null : median(peer);
  const ratio = ours === null || theirs === null ? null : fewerIsBetter ? theirs / ours : ours / theirs;
  const judged = ours === null ? [] : (checks?.({ ours, theirs, ratio }) ?? []).map(([text, pass]) => ({ text, pass }));
  const left = ours === null ? { missing, unjudged: checks !== undefined } : {};
  return { goal, what, unit, amiko: ours, peer: theirs, peerName, ratio, checks: judged, ...left, samples: { amiko, peer } };
}

export function formatRows(rows) {
  const head = ['goal', 'what', 'unit', 'amiko', 'peer', '', 'ratio', 'verdict'];
  const lines = rows.map(({ goal, what, unit, amiko, peer, peerName, ratio, checks, missing }) => [
    goal,
    what,
    unit,
    amiko === null ? '' : figure(amiko),
    peer === null ? '' : figure(peer),
    peer === null ? '' : peerName,
    ratio === null ? '' : `${ratio.toFixed(2)} x`,
    missing === undefined
      ? checks.map(({ text, pass }) => `${pass ? 'pass' : 'MISS'} ${text}`).join('; ')
      : `skipped: ${missing}`,
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column].length)));
  const rightAligned = new Set([3, 4, 6]);
  const format = (line) =>
    line
      .map((text, column) => (rightAligned.has(column) ? text.padStart(widths[column]) : text.padEnd(widths[column])))
      .join('  ')
      .trimEnd();
  return [format(head), format(widths.map((width) => '-'.repeat(width))), ...lines.map(format)].join('\n');
}

function figure(value) {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
