// What the help texts of all verbs with a connection have in common.

const WIDTH = 118;

/** Names as a list that is indented and wrapped. */
export function listed(names: readonly string[]): string {
  const lines = [''];
  for (const name of names) {
    const line = lines.at(-1) as string;
    if (line.length + name.length + 2 > WIDTH) lines.push(`  ${name}`);
    else lines[lines.length - 1] = `${line === '' ? ' ' : `${line},`} ${name}`;
  }
  return lines.join(',\n');
}
