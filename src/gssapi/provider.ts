// GSS-API by the Kerberos library of the system: tickets come from the user's credential cache (kinit), keys from the host's keytab,
// realms and KDCs from krb5.conf, exactly as for ssh and sshd.

import type { GssAcceptOptions, GssAcceptor, GssInitiator, GssInitOptions, GssProvider } from '../crypto/gss.ts';
import { Calls, KERBEROS, NULL } from './call.ts';
import { NativeAcceptor, NativeInitiator } from './contexts.ts';
import { type Koffi, type Library, loadLibrary } from './library.ts';
import type { Memory } from './memory.ts';

const INITIATE = 1;
const ACCEPT = 2;

export interface GssapiOptions {
  /** Client: the credential cache, such as `FILE:/tmp/krb5cc_1000`. Default KRB5CCNAME, else what krb5.conf says. */
  readonly ccache?: string;
  /** Server: the keytab, such as `FILE:/etc/krb5.keytab`. Default KRB5_KTNAME, else what krb5.conf says. */
  readonly keytab?: string;
  /** The library to load in place of the system's `libgssapi_krb5`. */
  readonly library?: string;
  /** The module `koffi`, where it cannot simply be imported. */
  readonly koffi?: unknown;
}

/**
 * A provider over MIT Kerberos. Nothing is loaded before it is first used; what is missing then rejects with a GssError that says
 * what to install: the package `koffi` and the system's `libgssapi_krb5`.
 *
 * @example
 * const transport = new Transport('server.example.com', { gssProvider: gssapi() });
 */
export function gssapi(options: GssapiOptions = {}): GssProvider {
  let loading: Promise<Library> | null = null;
  const calls = async (): Promise<Calls> => {
    loading ??= loadLibrary(options.koffi as Koffi | undefined, options.library);
    return new Calls(await loading);
  };
  return {
    async initContext({ target, delegate }: GssInitOptions): Promise<GssInitiator> {
      const native = await calls();
      return made(native, async (memory) => {
        const credentials = memory.cell();
        // The default credentials need no handle.
        if (options.ccache !== undefined) {
          await acquire(native, memory, credentials, null, INITIATE, ['ccache', options.ccache]);
        }
        try {
          return new NativeInitiator(native, memory, credentials, target, delegate);
        } catch (error) {
          native.release('gss_release_cred', credentials);
          throw error;
        }
      });
    },
    async acceptContext({ service = 'host', delegation = false }: GssAcceptOptions = {}): Promise<GssAcceptor> {
      const native = await calls();
      return made(native, async (memory) => {
        const credentials = memory.cell();
        // By name: with any key of the keytab, a ticket for another service of this host would do as well.
        const keytab = options.keytab === undefined ? null : (['keytab', options.keytab] as const);
        await acquire(native, memory, credentials, service, ACCEPT, keytab);
        return new NativeAcceptor(native, memory, credentials, delegation);
      });
    },
  };
}

/** The memory goes to the context, or back where there is none. */
async function made<C>(calls: Calls, make: (memory: Memory) => Promise<C>): Promise<C> {
  const memory = calls.memory();
  try {
    return await make(memory);
  } catch (error) {
    memory.free();
    throw error;
  }
}

async function acquire(
  calls: Calls,
  memory: Memory,
  credentials: bigint,
  service: string | null,
  usage: typeof INITIATE | typeof ACCEPT,
  store: readonly [key: string, value: string] | null,
): Promise<void> {
  const name = memory.cell();
  if (service !== null) calls.importName(memory, service, name);
  const wanted = [memory.readCell(name), 0, memory.oidSet(memory.oid(KERBEROS)), usage] as const;
  const results = [credentials, NULL, NULL] as const;
  const { major, minor } = await (store === null
    ? calls.later('gss_acquire_cred', ...wanted, ...results)
    : calls.later('gss_acquire_cred_from', ...wanted, memory.store(...store), ...results));
  if (service !== null) calls.release('gss_release_name', name);
  if (calls.isError(major)) {
    throw calls.error(usage === INITIATE ? 'no Kerberos credentials' : `no Kerberos keys for '${service}'`, major, minor);
  }
}
