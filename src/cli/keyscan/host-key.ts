// One host key of a server: a connection that goes as far as the key exchange, in which the server proves that it has the key, and no
// further. Old algorithms are taken, since nothing secret is said; whose key it is has not been checked.

import { NegotiationError, printable, SSHError } from '../../errors.ts';
import type { Address } from '../../io/dial.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { Transport } from '../../transport/transport.ts';

/** The cheap ones first: the key exchange protects nothing here. */
const KEX = '^curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256';

export interface FetchedHostKey {
  /** Null where the server has none of that kind. */
  readonly key: PublicKey | null;
  /** The server's identification, as far as it came to that. */
  readonly version: string | null;
}

/**
 * The key that a server shows for these host key algorithms.
 * @param timeout For all of it, milliseconds
 * @throws SSHError where it cannot be reached or does not get that far
 */
export async function fetchHostKey(address: Address, algorithms: readonly string[], timeout: number): Promise<FetchedHostKey> {
  const transport = new Transport(address, {
    policy: 'legacy',
    algorithms: { keys: algorithms.join(','), kex: KEX },
    timeouts: { handshake: timeout },
  });
  try {
    await transport.startClient({ timeout, verifyHostKey: () => true });
    return { key: transport.getRemoteServerKey(), version: transport.peerVersion };
  } catch (error) {
    if (error instanceof NegotiationError && error.category === 'server host key') {
      return { key: null, version: transport.peerVersion };
    }
    throw error;
  } finally {
    await transport.close({ timeout: 500 });
  }
}

/** One line about what went wrong with a host. */
export function describeFailure(host: string, port: number, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof SSHError || !(error instanceof Error) ? '' : `\n${error.stack}`;
  return message.includes(host) ? `${message}${stack}` : `${printable(host)} port ${port}: ${message}${stack}`;
}
