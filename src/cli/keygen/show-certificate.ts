// `-L`: certificates in ssh-keygen's layout, which programs read. Their signatures have been checked, or they would not be shown;
// whether the authority is one to believe is not said here.

import { toHex } from '../../bytes/bytes.ts';
import { KeyFormatError, printable } from '../../errors.ts';
import { Certificate, optionText } from '../../keys/certificate.ts';
import { certifiedKeyType } from '../../keys/certificate-algorithms.ts';
import { parseCertificate } from '../../keys.ts';
import { Failure } from '../verb.ts';
import { identityOf } from './identity.ts';
import { keyInLine } from './key-line.ts';
import type { KeygenOptions } from './options.ts';
import { readAll } from './read-some.ts';
import { describeValidity } from './validity.ts';

const MOST_BYTES = 64 * 1024 * 1024;
const INDENT = '        ';

/** Shows the certificates in a file, one per line. */
export async function showCertificates(options: KeygenOptions): Promise<number> {
  const [operand] = options.operands;
  const file = options.value('f') ?? operand ?? (await identityOf(options));
  const name = file === '-' ? '(stdin)' : file;
  const lines = (await readAll(file, MOST_BYTES)).toString('utf8').split('\n');
  let shown = 0;
  let status = 0;
  for (const [index, line] of lines.entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const entry = keyInLine(text);
    if (!(entry?.key instanceof Certificate)) {
      process.stderr.write(`${name}:${index + 1}${whyNot(text)}\n`);
      status = 1;
      continue;
    }
    process.stdout.write(`${name}:${index === 0 ? '' : `${index + 1}:`}\n${describe(entry.key)}`);
    shown++;
  }
  if (shown === 0 && status === 0) throw new Failure(`there is no certificate in ${name}`, 1);
  return status;
}

/** What is wrong with a line that could not be shown. */
function whyNot(line: string): string {
  try {
    if (certifiedKeyType(line.split(/[ \t]/, 1)[0] ?? '') !== undefined) parseCertificate(line);
  } catch (error) {
    if (error instanceof KeyFormatError) return `: ${error.message}`;
    throw error;
  }
  return ' is not a certificate';
}

function describe(certificate: Certificate): string {
  const { publicKey, signatureKey, signatureAlgorithm, keyId, serial, validAfter, validBefore } = certificate;
  const lines = [
    `Type: ${certificate.type} ${certificate.kind} certificate`,
    `Public key: ${publicKey.algorithmName}-CERT ${publicKey.fingerprint}`,
    `Signing CA: ${signatureKey.algorithmName} ${signatureKey.fingerprint} (using ${signatureAlgorithm})`,
    `Key ID: "${printable(keyId)}"`,
    `Serial: ${serial}`,
    `Valid: ${describeValidity(validAfter, validBefore)}`,
    ...list('Principals', certificate.principals.map(printable)),
    ...list('Critical Options', [...certificate.criticalOptions].map(describeCritical)),
    ...list('Extensions', [...certificate.extensions].map(describeExtension)),
  ];
  return lines.map((line) => `${INDENT}${line}\n`).join('');
}

function list(title: string, entries: readonly string[]): string[] {
  return entries.length === 0 ? [`${title}: (none)`] : [`${title}: `, ...entries.map((entry) => `${INDENT}${entry}`)];
}

function describeCritical([name, value]: readonly [string, Uint8Array]): string {
  if (name === 'verify-required' && value.length === 0) return name;
  const text = name === 'force-command' || name === 'source-address' ? optionText(value) : null;
  return text === null ? unknown(name, value) : `${name} ${printable(text)}`;
}

function describeExtension([name, value]: readonly [string, Uint8Array]): string {
  const known = /^(?:permit-(?:X11-forwarding|agent-forwarding|port-forwarding|pty|user-rc)|no-touch-required)$/.test(name);
  return known && value.length === 0 ? name : unknown(name, value);
}

function unknown(name: string, value: Uint8Array): string {
  const what = value.length === 0 ? 'UNKNOWN FLAG OPTION' : `UNKNOWN OPTION: ${toHex(value)} (len ${value.length})`;
  return `${printable(name)} ${what}`;
}
