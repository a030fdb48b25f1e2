// How `Transport.connect` logs in with what it was given: by Kerberos, else by the key, else by the password, which is also what
// follows a key that the server takes for a first step. It goes through the transport's own methods, so an override is asked too.

import { AuthenticationError, GssError, printable } from '../errors.ts';
import type { CallOptions } from '../io/waiting.ts';
import type { Signer } from '../keys/signer.ts';
import type { Transport } from './transport.ts';

export interface Credentials {
  /** Whether Kerberos is to be tried, and whether gssapi-with-mic may be where the key exchange was another. */
  readonly kerberos: 'no' | 'keyex' | 'any';
  readonly privateKey: Signer | undefined;
  readonly password: string | undefined;
}

type Authenticating = Pick<
  Transport,
  'authGssapiKeyex' | 'authGssapiWithMic' | 'authPassword' | 'authPublickey' | 'authAttempts' | 'negotiated'
>;

/** Does nothing without credentials. @throws as `Transport.connect` */
export async function logIn(
  transport: Authenticating,
  username: string,
  { kerberos, privateKey, password }: Credentials,
  call: CallOptions,
): Promise<void> {
  const another = password !== undefined || privateKey !== undefined;
  if (kerberos !== 'no' && (await byKerberos(transport, username, kerberos === 'any', another, call))) return;
  if (!another && kerberos === 'no') return;
  let next: readonly string[] | null = null;
  if (privateKey !== undefined) next = await transport.authPublickey(username, privateKey, call);
  // Not where the key was enough; where it was a first step, the password may be the second.
  if (password !== undefined && next?.length !== 0) next = await transport.authPassword(username, password, call);
  if (next?.length === 0) return;
  const allowedTypes = next ?? transport.authAttempts.at(-1)?.next ?? [];
  const message = `the server wants more to log in: ${allowedTypes.map(printable).join(', ')}`;
  throw new AuthenticationError(message, { allowedTypes, attempts: [...transport.authAttempts] });
}

/** Whether we are in; false where Kerberos did not do and other credentials may. */
async function byKerberos(
  transport: Authenticating,
  username: string,
  withMic: boolean,
  another: boolean,
  call: CallOptions,
): Promise<boolean> {
  const keyex = transport.negotiated?.kex.startsWith('gss-') === true;
  try {
    const next =
      keyex || !withMic
        ? await transport.authGssapiKeyex(username, call)
        : await transport.authGssapiWithMic(username, null, undefined, call);
    return next.length === 0;
  } catch (error) {
    if (another && (error instanceof GssError || error instanceof AuthenticationError)) return false;
    throw error;
  }
}
