// Values of single keywords: numbers, times, sizes, ports and the other small forms of ssh_config(5). Each takes text and gives
// the value, or null where the text is none; nothing is guessed, and no number leaves the range that OpenSSH holds it in.

const INT_MAX = 0x7fff_ffff;

/** A decimal number, perhaps signed, within the limits. */
export function integer(text: string, min = 0, max = INT_MAX): number | null {
  if (text.length > 24 || !/^[ \t]*[+-]?\d+$/.test(text)) return null;
  const value = Number(text);
  return value >= min && value <= max ? value : null;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds, from a "TIME FORMATS" text such as `90`, `10m` or `1h30m`. */
export function seconds(text: string): number | null {
  const parts = text.length > 256 ? [] : (text.match(/\d+[a-z]?/gi) ?? []);
  if (parts.length === 0 || parts.join('') !== text) return null;
  let total = 0;
  for (const part of parts) {
    const unit = /\d$/.test(part) ? 1 : UNITS[part.slice(-1).toLowerCase()];
    const count = Number.parseInt(part, 10);
    if (unit === undefined || count * unit + total > INT_MAX) return null;
    total += count * unit;
  }
  return total;
}

/** Bytes, from a number with a unit up to `E`, such as `1G` or `1.5m` (scan_scaled(3)). */
export function scaledBytes(text: string): bigint | null {
  const match = /^[ \t]*(-?)\+?(\d{1,19})(?:\.(\d{0,18}))?([bkmgtpe]?)$/i.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', unit = ''] = match;
  const scale = 1024n ** BigInt(Math.max(0, 'bkmgtpe'.indexOf(unit.toLowerCase() || 'b')));
  const value = BigInt(whole) * scale + (fraction === '' ? 0n : (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length));
  if (value > 0x7fff_ffff_ffff_ffffn) return null;
  return sign === '-' ? -value : value;
}

/** Turns the name of a TCP service into its number, as services(5) has it. */
export type ServiceLookup = (name: string) => number | null;

/** A port of 0..65535, or a service's name. */
export function port(text: string, service: ServiceLookup): number | null {
  return integer(text, 0, 65_535) ?? service(text);
}

/** `any`, a number, or two of them around a colon, as `ssh -G` prints them. */
export function tunnelDevice(text: string): string | null {
  const [local = '', ...remote] = text.split(':');
  const unit = (part: string): string | null =>
    part.toLowerCase() === 'any' ? 'any' : (integer(part, 0, INT_MAX - 2)?.toString() ?? null);
  const [here, there] = [unit(local), remote.length === 0 ? 'any' : unit(remote.join(':'))];
  return here === null || there === null ? null : `${here}:${there}`;
}

/** In the order in which a number gets its name back: 4 is `le`, not `reliability`. */
const QOS: readonly (readonly [name: string, value: number])[] = [
  ['af11', 0x28],
  ['af12', 0x30],
  ['af13', 0x38],
  ['af21', 0x48],
  ['af22', 0x50],
  ['af23', 0x58],
  ['af31', 0x68],
  ['af32', 0x70],
  ['af33', 0x78],
  ['af41', 0x88],
  ['af42', 0x90],
  ['af43', 0x98],
  ['cs0', 0x00],
  ['cs1', 0x20],
  ['cs2', 0x40],
  ['cs3', 0x60],
  ['cs4', 0x80],
  ['cs5', 0xa0],
  ['cs6', 0xc0],
  ['cs7', 0xe0],
  ['ef', 0xb8],
  ['le', 0x04],
  ['lowdelay', 0x10],
  ['throughput', 0x08],
  ['reliability', 0x04],
];

/** A class of service by name or by number (0..255, also in hexadecimal), by the name that `ssh -G` gives it. */
export function qualityOfService(text: string): string | null {
  if (text.toLowerCase() === 'none') return 'none';
  const named = QOS.find(([name]) => name === text.toLowerCase())?.[1];
  const value = named ?? (/^0x[0-9a-f]{1,2}$/i.test(text) ? Number(text) : integer(text, 0, 255));
  if (value === null) return null;
  return QOS.find(([, number]) => number === value)?.[0] ?? `0x${value.toString(16).padStart(2, '0')}`;
}

/** `none`, a character, or `^` with a letter: the character itself. */
export function escapeCharacter(text: string): string | null {
  if (text === 'none') return 'none';
  const code = text.charCodeAt(1);
  if (text.length === 2 && text[0] === '^' && code >= 64 && code < 128) return String.fromCharCode(code & 31);
  return text.length === 1 && text.charCodeAt(0) < 128 ? text : null;
}

/** A mode in octal, as `ssh -G` prints it: a zero and the digits. Digits end where the octal ones do. */
export function octalMode(text: string): string | null {
  const digits = /^\+?([0-7]{1,11})/.exec(text)?.[1];
  if (digits === undefined) return null;
  const mode = Number.parseInt(digits, 8);
  return mode > 0o777 ? null : `0${mode.toString(8)}`;
}

/** A domain name in lower case and without the dot at its end, or null with what OpenSSH refuses in one. */
export function domainName(text: string): string | null {
  if (text === '' || text.length > 1024 || text.includes('..') || !/^[a-z0-9_][a-z0-9_.-]*$/i.test(text)) return null;
  return (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
}
