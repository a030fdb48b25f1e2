// The -O options of certificates (ssh-keygen(1), "CERTIFICATES"): what a user may do with one is a list of permissions that begins
// with all of the usual ones, and restrictions that every server must obey.

import { nearest } from '../../algorithms/nearest.ts';
import { parseNetwork } from '../../config/cidr.ts';
import { printable, UsageError } from '../../errors.ts';

/** What goes into a certificate. */
export interface CertificateOptions {
  readonly criticalOptions: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, string>>;
}

const PERMISSIONS = ['X11-forwarding', 'agent-forwarding', 'port-forwarding', 'pty', 'user-rc'] as const;

/** @throws UsageError for an option that there is not, or one that says twice what may be said once */
export function parseCertificateOptions(texts: readonly string[]): CertificateOptions {
  const critical = new Map<string, string>();
  const extensions = new Map<string, string>(PERMISSIONS.map((name) => [`permit-${name}`, '']));
  const once = (name: string, value: string) => {
    if (critical.has(name)) throw new UsageError(`-O ${name} can be given only once`);
    if (value === '') throw new UsageError(`-O ${name} needs a value`);
    critical.set(name, value);
  };
  for (const text of texts) {
    const [, word = '', value] = /^([^=]*)(?:=([\s\S]*))?$/.exec(text) ?? [];
    const name = word.toLowerCase();
    const custom = /^(critical|extension):(.+)$/i.exec(word);
    if (custom !== null) {
      const target = custom[1]?.toLowerCase() === 'critical' ? critical : extensions;
      target.set(custom[2] as string, value ?? '');
      continue;
    }
    if (name === 'force-command' || name === 'source-address') {
      once(name, name === 'source-address' ? sourceAddress(value ?? '') : (value ?? ''));
      continue;
    }
    if (value !== undefined) throw unknown(text);
    const permission = PERMISSIONS.find((each) => name === `no-${each.toLowerCase()}` || name === `permit-${each.toLowerCase()}`);
    if (name === 'clear') extensions.clear();
    else if (name === 'verify-required') critical.set(name, '');
    else if (name === 'no-touch-required') extensions.set(name, '');
    else if (permission === undefined) throw unknown(text);
    else if (name.startsWith('no-')) extensions.delete(`permit-${permission}`);
    else extensions.set(`permit-${permission}`, '');
  }
  return { criticalOptions: Object.fromEntries(critical), extensions: Object.fromEntries(extensions) };
}

/** A list of addresses, each perhaps with the length of its prefix: what a server cannot read would shut everybody out. */
function sourceAddress(list: string): string {
  for (const entry of list.split(',')) {
    try {
      parseNetwork(entry);
    } catch (error) {
      const why = error instanceof Error ? printable(error.message) : '';
      throw new UsageError(`-O source-address needs addresses or networks such as 192.0.2.0/24: ${why}`, { cause: error });
    }
  }
  return list;
}

function unknown(text: string): UsageError {
  const names = ['clear', 'force-command', 'source-address', 'verify-required', 'no-touch-required'].concat(
    PERMISSIONS.flatMap((name) => [`no-${name}`, `permit-${name}`]),
  );
  const close = nearest(text.replace(/=[\s\S]*/, ''), names);
  const hint = close === null ? '' : `; did you mean '${close}'?`;
  return new UsageError(`no option of certificates: '${printable(text)}'${hint}`);
}
