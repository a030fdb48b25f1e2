// An audit for people to read. Names and reasons come from the server in part, and are escaped.

import { printable } from '../../errors.ts';
import type { Audit, AuditedAlgorithm, AuditedHostKey } from './audit.ts';
import { type AuditCategory, auditCategories } from './weakness.ts';

const TITLES: Readonly<Record<AuditCategory, string>> = {
  kex: 'Key exchange',
  keys: 'Host key algorithms',
  ciphers: 'Ciphers',
  macs: 'MACs',
  compression: 'Compression',
};

const WIDTH = 44;

/** The report. @param colours Whether the terminal may show some */
export function formatAudit(audit: Audit, colours: boolean): string {
  const { host, port, version, negotiated, negotiationFailure, weaknesses } = audit;
  const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  const verdict = ({ grade, reason }: Pick<AuditedAlgorithm, 'grade' | 'reason'>): string => {
    if (grade === 'good') return '';
    if (grade === 'weak') return paint(31, `WEAK: ${printable(reason)}`);
    return grade === 'dated' ? paint(33, `dated: ${printable(reason)}`) : printable(reason);
  };
  const algorithm = (entry: AuditedAlgorithm): string => {
    const about = [entry.postQuantum ? 'post-quantum' : '', verdict(entry)].filter(Boolean).join(', ');
    return `  ${printable(entry.name).padEnd(WIDTH)} ${about}`.trimEnd();
  };
  const hostKey = (entry: AuditedHostKey): string => {
    const key = entry.fingerprint === null ? '' : `${entry.bits} ${entry.fingerprint}`;
    return `  ${entry.type.padEnd(22)} ${key.padEnd(55)} ${verdict(entry)}`.trimEnd();
  };
  const lines = [`${printable(host)} port ${port}: ${printable(version)}`];
  for (const category of auditCategories) {
    lines.push('', TITLES[category], ...audit.algorithms[category].map(algorithm));
    if (category === 'keys') lines.push('', 'Host keys', ...audit.hostKeys.map(hostKey));
  }
  lines.push('', 'A connection of amiko');
  if (negotiated === null) lines.push(`  fails: ${negotiationFailure}`);
  else {
    const { kex, hostKey: key, clientToServer, serverToClient } = negotiated;
    const way = ({ cipher, mac }: typeof clientToServer) => `${cipher}${mac && ` + ${mac}`}`;
    const ways = [...new Set([way(clientToServer), way(serverToClient)])].join(' out, ');
    lines.push(`  ${kex}, ${key}, ${ways}`, `  ${negotiated.postQuantum ? 'post-quantum' : 'not post-quantum'}`);
  }
  lines.push(`Post-quantum key exchange: ${audit.postQuantum ? 'yes' : 'no'}`);
  lines.push(`Strict key exchange: ${audit.strictKex ? 'yes' : 'no'}`);
  lines.push('', weaknesses.length === 0 ? 'Nothing is weak.' : `${weaknesses.length} weak:`);
  lines.push(...weaknesses.map((line) => `  ${paint(31, printable(line))}`));
  return `${lines.join('\n')}\n`;
}
