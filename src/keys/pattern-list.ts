// OpenSSH's pattern lists (ssh_config(5), "PATTERNS"): patterns with `*` and `?`, separated by commas; one with `!` in front that
// matches rules the whole list out. Linear in time: pattern and text may both be an attacker's.

/** Whether one pattern matches all of the text. */
export function matchesPattern(pattern: string, text: string): boolean {
  // What follows the last star can only be the text's end; most lists of many patterns are through with this.
  const tail = pattern.length - 1 - pattern.lastIndexOf('*');
  if (tail < pattern.length) {
    if (tail > text.length) return false;
    for (let i = 1; i <= tail; i++) {
      const c = pattern[pattern.length - i];
      if (c !== '?' && c !== text[text.length - i]) return false;
    }
  }
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] !== '*' && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (pattern[p] === '*') {
      star = p++;
      mark = t;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Whether the list lets the text through: a pattern matches and none with `!` does. */
export function matchesPatternList(list: string, text: string): boolean {
  let matched = false;
  for (const entry of list.split(',')) {
    const negated = entry.startsWith('!');
    if (!matchesPattern(negated ? entry.slice(1) : entry, text)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}
