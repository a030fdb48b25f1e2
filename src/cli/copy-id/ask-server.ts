// Asks a server which public keys would log in (RFC 4252 section 7: a request without a signature). Nothing is signed, so no private
// key, passphrase or agent is needed, and nobody is logged in.

import { KEY_TRIES } from '../../client/session-agent.ts';
import { AuthenticationError, BadAuthenticationTypeError, NegotiationError, SSHError } from '../../errors.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { signatureAlgorithmsOf } from '../../keys/signature.ts';
import type { Signer } from '../../keys/signer.ts';
import type { Transport } from '../../transport/transport.ts';
import type { Log } from '../connection/log.ts';
import { CLOSE_TIMEOUT } from '../connection/signals.ts';

/**
 * Those of `keys` that the server takes for `user`. Servers end a connection after a few refusals, so `connect` (to one where nobody
 * has logged in) may be called several times.
 * @throws what `connect` throws
 */
export async function takenKeys(
  keys: readonly PublicKey[],
  user: string,
  connect: () => Promise<Transport>,
  log: Log,
): Promise<readonly PublicKey[]> {
  const taken: PublicKey[] = [];
  const waiting = [...keys];
  while (waiting.length > 0) {
    const transport = await connect();
    try {
      for (let refusals = 0; refusals < KEY_TRIES && waiting.length > 0 && transport.isActive(); ) {
        const key = waiting.shift() as PublicKey;
        const answer = await ask(transport, user, key);
        log.debug(1, `the server ${answer === 'taken' ? 'takes' : 'does not take'} ${key.type} ${key.fingerprint}`);
        if (answer === 'no keys') return taken;
        if (answer === 'taken') taken.push(key);
        else refusals++;
      }
    } finally {
      await transport.close({ timeout: CLOSE_TIMEOUT });
    }
  }
  return taken;
}

async function ask(transport: Transport, user: string, publicKey: PublicKey): Promise<'taken' | 'refused' | 'no keys'> {
  let wanted = false;
  const asker: Signer = {
    publicKey,
    algorithms: signatureAlgorithmsOf(publicKey.type),
    costly: true,
    sign() {
      wanted = true;
      throw new AuthenticationError('this was a question only');
    },
  };
  try {
    await transport.authPublickey(user, asker);
    return 'taken';
  } catch (error) {
    if (wanted) return 'taken';
    if (error instanceof BadAuthenticationTypeError) return 'no keys';
    if (error instanceof AuthenticationError || error instanceof NegotiationError) return 'refused';
    // Instead of an answer, a server that has heard of too many keys hangs up.
    if (error instanceof SSHError && !transport.isActive()) return 'refused';
    throw error;
  }
}
