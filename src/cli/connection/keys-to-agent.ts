// AddKeysToAgent (ssh_config(5)): a key that was read from a file goes to the agent too, so that its passphrase is typed once.

import type { Agent } from '../../agent/agent.ts';
import type { ResolvedConfig } from '../../config/resolved-config.ts';
import { AgentError } from '../../errors.ts';
import type { PrivateKey } from '../../keys/private-key.ts';
import type { Asking } from './asking.ts';
import type { Log } from './log.ts';

/** How keys are added. */
export interface AddKeys {
  /** Ask a person first. */
  readonly ask: boolean;
  /** The agent asks before each use. */
  readonly confirm: boolean;
  /** Seconds until the agent forgets it; null for never. */
  readonly lifetime: number | null;
}

/** Null where nothing is added. */
export function addKeys(config: ResolvedConfig): AddKeys | null {
  const value = config.setting('AddKeysToAgent') ?? 'false';
  if (value === 'false') return null;
  const [word, time] = value.startsWith('confirm') ? ['confirm', value.slice('confirm'.length).trim()] : [value, value];
  return { ask: word === 'ask', confirm: word === 'confirm', lifetime: /^\d+$/.test(time) ? Number(time) : null };
}

/** Adds a key that was read from a file. Says what went wrong, and never fails: the key is good without an agent. */
export async function addToAgent(agent: Agent, key: PrivateKey, how: AddKeys, asking: Asking, log: Log): Promise<void> {
  const { ask, confirm, lifetime } = how;
  if (ask && !/^y(es)?$/i.test((await asking.ask(`Add key ${key.comment} (${key.fingerprint}) to agent? `, true)) ?? '')) return;
  try {
    await agent.add(key, { confirm, ...(lifetime !== null && { lifetime }) });
    log.debug(1, `the key ${key.fingerprint} was added to the agent`);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    log.error(`the key ${key.fingerprint} could not be added to the agent: ${error.message}`);
  }
}
