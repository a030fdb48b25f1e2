// Comments are free text, and most formats have one line for them. What would begin another line there would be read as
// something else by the next program, so control characters become spaces; everything else stays as it is.

/** The comment on one line. */
export function oneLine(comment: string): string {
  return comment.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
