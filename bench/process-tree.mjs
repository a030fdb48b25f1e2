// The CPU time of programs that are not ours to ask: a process and everything below it, from /proc. What ends between two
// readings is lost, so read it only while the processes live. Linux only; elsewhere the figure is left out.
import { readdirSync, readFileSync } from 'node:fs';

/** The kernel shows user programs a hundred ticks a second, whatever it uses itself. */
const TICKS_PER_SECOND = 100;

/** User and system seconds of a process and its descendants; null where there is no /proc. */
export function treeCpuSeconds(root) {
  if (process.platform !== 'linux') return null;
  const processes = new Map();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const found = Number.isInteger(pid) ? readStat(pid) : null;
    if (found !== null) processes.set(pid, found);
  }
  let ticks = 0;
  for (const pid of processes.keys()) {
    let ancestor = pid;
    while (ancestor !== root && processes.has(ancestor)) ancestor = processes.get(ancestor).parent;
    if (ancestor === root) ticks += processes.get(pid).ticks;
  }
  return ticks / TICKS_PER_SECOND;
}

/** proc(5): the name, in parentheses, may contain anything; after it come state, parent and, eleven further on, the two times. */
function readStat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    // It ended while we looked.
    return null;
  }
}
