// Keys that are limited to hosts, side by side: OpenSSH's agent, of this system and a newer one, gives the answers that ours gives to
// the same messages (test/unit/agent/limited-keys.test.ts). Where ours says no and theirs do not, the row says so.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { play } from '../support/agent-play.ts';
import { rows } from '../support/agent-rows.ts';
import type { Row } from '../support/agent-world.ts';
import { type BackgroundProcess, describePeer, peer, startProcess, tempDir } from '../support/peers.ts';

const dir = tempDir();
afterAll(() => dir.remove());

for (const trixie of [false, true]) {
  const suffix = trixie ? '-trixie' : '';
  const { version } = peer(`ssh${suffix}`);
  const number = Number(/OpenSSH_(\d+\.\d+)/.exec(version)?.[1]);
  const due = ({ oldest, old, expected }: Row) =>
    (number < 9.3 ? oldest : undefined) ?? (number < 10.5 ? old : undefined) ?? expected;

  describePeer([`ssh-agent${suffix}`, `ssh${suffix}`], `the agent of ${version}`, () => {
    const path = dir.join(`agent${suffix}`);
    let agent: BackgroundProcess;
    beforeAll(async () => {
      agent = startProcess(peer(`ssh-agent${suffix}`).path, ['-D', '-a', path], { trixie });
      await agent.waitForLog(/SSH_AUTH_SOCK=/);
    });
    afterAll(() => agent.stop());
    for (const [group, all] of Object.entries(rows)) {
      describe(group, () => {
        it.each(all)('$name', async (row) => {
          expect(await play(path, row)).toBe(due(row));
        });
      });
    }
  });
}
