// Keys that are limited to hosts in our agent: what is allowed, and every way to get at more. The interop test of the same rows shows
// that ssh-agent gives these answers too.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AgentServer, Keyring, listenAgent } from '../../../src/agent.ts';
import { play } from '../../support/agent-play.ts';
import { rows } from '../../support/agent-rows.ts';
import { tempDir } from '../../support/peers.ts';

const dir = tempDir();
let server: AgentServer;
beforeAll(async () => {
  server = await listenAgent(new Keyring(), dir.join('agent'));
});
afterAll(async () => {
  await server.close();
  await dir.remove();
});

for (const [group, all] of Object.entries(rows)) {
  describe(group, () => {
    it.each(all)('$name', async (row) => {
      expect(await play(server.path, row)).toBe(row.stricter ?? row.expected);
    });
  });
}
