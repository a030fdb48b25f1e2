// CanonicalizeHostname: which name is meant by a short one (ssh_config(5), CanonicalDomains to CanonicalizePermittedCNAMEs). The
// resolver is the caller's; it is asked only where the configuration wants it, since a name that DNS makes up decides which keys
// and options apply. What it answers is checked like any name from outside.

import { lookup, resolveCname } from 'node:dns/promises';
import { matchesPatternList } from '../keys/pattern-list.ts';
import { canonicalAddress, type Family, looksLikeAddress } from './address.ts';
import { LineError } from './line.ts';
import { hostnameProblem } from './safe-names.ts';
import type { Settings } from './settings.ts';
import { domainName } from './values.ts';

/** What a lookup of a name has found. */
export interface ResolvedName {
  /** The name at the end of the CNAMEs; null where it is not known. */
  readonly canonicalName: string | null;
}

/**
 * Looks a name up. A dot at its end means that no search domain may be added. `wantCname` is true where the answer's
 * `canonicalName` matters. Null where there is no such host.
 */
export type Resolver = (name: string, options: { family: Family; wantCname: boolean }) => Promise<ResolvedName | null>;

/** The system's resolver; CNAMEs are asked of DNS only where they matter. */
export const systemResolver: Resolver = async (name, { family, wantCname }) => {
  try {
    await lookup(name, { family: { any: 0, inet: 4, inet6: 6 }[family] });
  } catch {
    return null;
  }
  let canonicalName: string | null = null;
  let current = name;
  // A chain that is longer than this is a loop.
  for (let hops = 0; wantCname && hops < 16; hops++) {
    const [next] = await resolveCname(current).catch(() => [] as string[]);
    if (next === undefined) break;
    current = canonicalName = next;
  }
  return { canonicalName };
};

/** The host's final name. @throws LineError where there is none and CanonicalizeFallbackLocal is off. */
export async function canonicalize(host: string, settings: Settings, resolve: Resolver): Promise<string> {
  const mode = settings.get('canonicalizehostname') ?? 'false';
  const family = (settings.get('addressfamily') ?? 'any') as Family;
  const address = canonicalAddress(host, family);
  if (address !== null) return address;
  if (looksLikeAddress(host)) return host;
  const name = host.toLowerCase();
  const direct = !isProxied(settings);
  const wantCname = hasCnameRules(settings);
  const allowed = direct || mode === 'always';
  if (mode !== 'false' && allowed) {
    const found = await search(name, settings, (each) => resolve(each, { family, wantCname }));
    if (found !== null) return follow(found.name, found.canonicalName, settings);
  }
  // A CNAME may matter even where nothing else was changed; but only for a host that we look up ourselves.
  if (wantCname && allowed) {
    const found = await resolve(name, { family, wantCname });
    if (found === null && direct) throw new LineError(`cannot resolve '${name}'`);
    if (found !== null && mode !== 'false') return follow(name, found.canonicalName, settings);
  }
  return name;
}

/** Whether something else than we ourselves will look the name up. */
function isProxied(settings: Settings): boolean {
  const command = settings.get('proxycommand');
  return (command !== undefined && command.toLowerCase() !== 'none') || (settings.jump !== null && settings.jump !== 'none');
}

function hasCnameRules({ cnameRules }: Settings): boolean {
  const [first] = cnameRules;
  return first !== undefined && !(cnameRules.length === 1 && first.from.toLowerCase() === 'none' && first.to === '');
}

async function search(
  name: string,
  settings: Settings,
  resolve: (name: string) => Promise<ResolvedName | null>,
): Promise<{ readonly name: string; readonly canonicalName: string | null } | null> {
  const anchored = name.endsWith('.');
  if (!anchored && name.split('.').length - 1 > Number(settings.get('canonicalizemaxdots') ?? 1)) return null;
  const domains = settings.list('canonicaldomains');
  const candidates = anchored ? [name] : domains[0]?.toLowerCase() === 'none' ? [] : domains.map((each) => `${name}.${each}.`);
  for (const candidate of candidates) {
    const found = await resolve(candidate);
    if (found !== null) return { name: candidate.slice(0, -1), canonicalName: found.canonicalName };
  }
  if ((settings.get('canonicalizefallbacklocal') ?? 'yes') === 'no') {
    throw new LineError(`cannot resolve '${name}' in any of CanonicalDomains, and CanonicalizeFallbackLocal is off`);
  }
  return null;
}

/** The name that a CNAME leads to, where a rule permits it. */
function follow(name: string, cname: string | null, { cnameRules }: Settings): string {
  if (cname === null || hostnameProblem(cname) !== null || domainName(cname) === null) return name;
  const target = cname.endsWith('.') ? cname.slice(0, -1) : cname;
  if (target === '' || target === name) return name;
  const permits = cnameRules.some(
    ({ from, to }) =>
      matchesPatternList(from.toLowerCase(), name.toLowerCase()) && matchesPatternList(to.toLowerCase(), target.toLowerCase()),
  );
  return permits ? target : name;
}
