// What reading keys asks of a person and tells one: passphrases, and whether a key may go to the agent (AddKeysToAgent).

import type { IdentityPort } from '../../client/identity-files.ts';
import { PassphraseError } from '../../errors.ts';
import { readPrivateKey } from '../../keys/node/read.ts';
import type { PrivateKey } from '../../keys/private-key.ts';
import { type Asking, MAX_TRIES } from './asking.ts';
import { type AddKeys, addToAgent } from './keys-to-agent.ts';
import type { Log } from './log.ts';

/** What to do where nobody can be asked. */
export const whyNobody = 'stdin is not a terminal (or BatchMode is on), and SSH_ASKPASS is not in use';

export function identityPort(addKeysToAgent: AddKeys | null, asking: Asking, log: Log): IdentityPort {
  return {
    unlock: (file) => unlock(file, asking, log),
    async opened(key, agent) {
      if (addKeysToAgent !== null && agent !== null) await addToAgent(agent, key, addKeysToAgent, asking, log);
    },
    log,
  };
}

async function unlock(file: string, asking: Asking, log: Log): Promise<PrivateKey | null> {
  if (!asking.possible) {
    log.error(`identity ${file} is encrypted and nobody can be asked for its passphrase: ${whyNobody}`);
    return null;
  }
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const passphrase = await asking.ask(`Passphrase for the key '${file}': `, false);
    if (!passphrase) return null;
    try {
      return await readPrivateKey(file, { passphrase });
    } catch (error) {
      log.error(`identity ${error instanceof Error ? error.message : String(error)}`);
      if (!(error instanceof PassphraseError)) return null;
    }
  }
  return null;
}
