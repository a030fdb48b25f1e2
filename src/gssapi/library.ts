// The functions of MIT's libgssapi_krb5 that are used here, bound by koffi. Both are optional: neither is loaded before the first
// context is made, and what is missing is named in the error together with what installs it.
//
// All arguments are plain addresses and numbers; what is behind the addresses is laid out in memory.ts.

import { GssError } from '../errors.ts';

/** An address (0 is NULL) or a number. */
export type Argument = bigint | number;

export interface NativeFunction {
  (...args: readonly Argument[]): number;
  /** On a thread of its own. */
  async(...args: readonly (Argument | ((error: unknown, result: number) => void))[]): void;
}

/** What is used of koffi 3. */
export interface Koffi {
  load(path: string): { func(definition: string): NativeFunction };
  alloc(type: string, length: number): bigint;
  free(address: bigint): void;
  view(address: bigint, length: number): ArrayBuffer;
  sizeof(type: string): number;
}

const NAMES = {
  gss_import_name: 'void *minor, void *text, void *type, void *name',
  gss_acquire_cred: 'void *minor, void *name, uint32_t time, void *mechs, int usage, void *cred, void *actual, void *left',
  gss_acquire_cred_from:
    'void *minor, void *name, uint32_t time, void *mechs, int usage, void *store, void *cred, void *actual, void *left',
  gss_store_cred_into:
    'void *minor, void *cred, int usage, void *mech, uint32_t overwrite, uint32_t main, void *store, void *mechs, void *usages',
  gss_init_sec_context:
    'void *minor, void *cred, void *context, void *target, void *mech, uint32_t flags, uint32_t time, void *bindings, ' +
    'void *input, void *actual, void *output, void *granted, void *left',
  gss_accept_sec_context:
    'void *minor, void *context, void *cred, void *input, void *bindings, void *source, void *mech, void *output, ' +
    'void *granted, void *left, void *delegated',
  gss_get_mic: 'void *minor, void *context, uint32_t qop, void *data, void *mic',
  gss_verify_mic: 'void *minor, void *context, void *data, void *mic, void *qop',
  gss_display_name: 'void *minor, void *name, void *text, void *type',
  gss_display_status: 'void *minor, uint32_t status, int kind, void *mech, void *more, void *text',
  gss_release_buffer: 'void *minor, void *buffer',
  gss_release_name: 'void *minor, void *name',
  gss_release_cred: 'void *minor, void *cred',
  gss_delete_sec_context: 'void *minor, void *context, void *token',
} as const;

export type Functions = { readonly [name in keyof typeof NAMES]: NativeFunction };

export interface Library {
  readonly koffi: Koffi;
  readonly functions: Functions;
}

/** Where MIT Kerberos keeps the library on this platform. Not macOS's own framework, whose structures are packed differently. */
function candidates(): readonly string[] {
  if (process.platform === 'darwin') {
    return ['/opt/homebrew/opt/krb5/lib/libgssapi_krb5.2.dylib', '/usr/local/opt/krb5/lib/libgssapi_krb5.2.dylib'];
  }
  return ['libgssapi_krb5.so.2'];
}

/** @throws GssError that says what to install */
export async function loadLibrary(koffi: Koffi | undefined, path: string | undefined): Promise<Library> {
  if (process.platform === 'win32' && path === undefined) {
    throw new GssError('GSS-API on Windows needs another provider: this one is for MIT Kerberos');
  }
  const bound = koffi ?? (await importKoffi());
  const paths = path === undefined ? candidates() : [path];
  const failures: unknown[] = [];
  for (const candidate of paths) {
    try {
      const library = bound.load(candidate);
      const entries = Object.entries(NAMES).map(([name, parameters]) => [name, library.func(`uint32_t ${name}(${parameters})`)]);
      return { koffi: bound, functions: Object.fromEntries(entries) as Functions };
    } catch (error) {
      failures.push(error);
    }
  }
  throw new GssError(
    `GSS-API needs the library of MIT Kerberos, ${paths.join(' or ')}, which cannot be loaded ` +
      '(Debian: apt-get install libgssapi-krb5-2; Fedora: dnf install krb5-libs; macOS: brew install krb5)',
    { cause: failures[0] },
  );
}

async function importKoffi(): Promise<Koffi> {
  // Not a literal: bundlers would want to have it, and the compiler its types.
  const name: string = 'koffi';
  try {
    const module = (await import(name)) as Koffi & { readonly default?: Koffi };
    return module.default ?? module;
  } catch (cause) {
    throw new GssError("GSS-API needs the optional package 'koffi', which cannot be loaded (npm install koffi@3.3.4)", { cause });
  }
}
