// What `ls` prints, in sftp(1)'s own forms, so that scripts which read them go on working: columns, one name a line, and long
// lines. Differences on purpose: a name never spans lines; `-n` shows numbers where OpenSSH 9.2 shows names; columns are measured
// by what is printed, not by the length of the whole path.

import { modeText, type SFTPAttributes } from '../../sftp/protocol/attributes.ts';
import { scaled } from '../transfer/amounts.ts';
import { byName } from '../transfer/glob.ts';
import { padded, shown, widthOf } from '../transfer/shown.ts';

export interface ListingOptions {
  /** -l, or anything that implies it. */
  readonly long: boolean;
  /** -n */
  readonly numeric: boolean;
  /** -h */
  readonly human: boolean;
  /** -1 */
  readonly single: boolean;
  /** -a */
  readonly all: boolean;
  readonly sort: 'name' | 'time' | 'size' | 'none';
  /** -r */
  readonly reversed: boolean;
}

/** The flags of ls. */
export function listingOptions(flags: ReadonlySet<string>): ListingOptions {
  // -n and -h change long lines only, and -n asks for them, as in OpenSSH.
  const long = flags.has('l') || flags.has('n');
  const sort = flags.has('f') ? 'none' : flags.has('t') ? 'time' : flags.has('S') ? 'size' : 'name';
  return {
    long,
    numeric: flags.has('n'),
    human: flags.has('h'),
    single: flags.has('1'),
    all: flags.has('a'),
    sort,
    reversed: flags.has('r'),
  };
}

/** One line to be: `name` as it is to be shown, escaped only when it is. */
export interface Entry {
  readonly name: string;
  readonly attributes: SFTPAttributes;
}

/** In the order that was asked for: newest first, largest first, or by name. */
export function sorted(entries: readonly Entry[], { sort, reversed }: ListingOptions): Entry[] {
  const list = [...entries];
  if (sort !== 'none') {
    const first = (a: Entry, b: Entry) => {
      if (sort === 'time') return b.attributes.mtimeMs - a.attributes.mtimeMs;
      return sort === 'size' ? b.attributes.size - a.attributes.size : 0;
    };
    list.sort((a, b) => first(a, b) || byName(a.name, b.name));
  }
  return reversed ? list.reverse() : list;
}

/** Names of owners, where the server tells them. */
export interface Owners {
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}

export const nobody: Owners = { users: new Map(), groups: new Map() };

/** The listing as text; `columns` wide where it has columns, `now` in milliseconds since 1970. */
export function formatListing(
  entries: readonly Entry[],
  options: ListingOptions,
  columns: number,
  now: number,
  owners: Owners = nobody,
): string {
  if (entries.length === 0) return '';
  if (options.long) return entries.map((entry) => `${longLine(entry, options, now, owners)}\n`).join('');
  if (options.single) return entries.map(({ name }) => `${shown(name)}\n`).join('');
  return inColumns(
    entries.map(({ name }) => shown(name)),
    columns,
  );
}

/** Row by row, each name filled up to its column, the last one of a row too. */
function inColumns(names: readonly string[], width: number): string {
  const longest = names.reduce((most, name) => Math.max(most, widthOf(name)), 0);
  const count = Math.max(1, Math.floor(width / (longest + 2)));
  const space = Math.min(Math.floor(width / count), width);
  let text = '';
  for (const [index, name] of names.entries()) {
    text += padded(name, space);
    if ((index + 1) % count === 0 || index === names.length - 1) text += '\n';
  }
  return text;
}

function longLine({ name, attributes }: Entry, options: ListingOptions, now: number, owners: Owners): string {
  const told = options.numeric || options.human ? null : toldLine(attributes);
  return (told ?? ownLine(attributes, options, now, owners)) + shown(name);
}

/**
 * The server's line up to the name: it knows the owner's name. The line may say anything; where the entry's name is not at its
 * end it is not believed, and the name itself is always ours.
 */
function toldLine({ longname, filename }: SFTPAttributes): string | null {
  if (longname === undefined || filename === undefined || filename === '') return null;
  if (longname.endsWith(` ${filename}`)) return shown(longname.slice(0, -filename.length));
  const link = longname.indexOf(` ${filename} -> `);
  return link < 0 ? null : shown(longname.slice(0, link + 1));
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** What is younger is shown with its time, else with its year, milliseconds. */
const RECENT = (365 / 2) * 86_400_000;

/** In the form of the server's line. How many links there are is not known to the protocol. */
function ownLine(attributes: SFTPAttributes, { numeric, human }: ListingOptions, now: number, owners: Owners): string {
  const { stMode, stUid, stGid, stSize } = attributes;
  const name = (id: number | undefined, names: ReadonlyMap<number, string>) =>
    padded(shown((numeric || id === undefined ? '' : names.get(id)) || String(id ?? '?')), 8);
  const bytes = stSize === undefined ? '?' : human ? scaled(stSize) : String(stSize);
  const owner = `${name(stUid, owners.users)} ${name(stGid, owners.groups)}`;
  return `${modeText(stMode)}    ? ${owner} ${bytes.padStart(8)} ${date(attributes, now)} `;
}

/** In local time. */
function date(attributes: SFTPAttributes, now: number): string {
  if (attributes.stMtime === undefined) return '           ?';
  const { mtime, mtimeMs } = attributes;
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${MONTHS[mtime.getMonth()]} ${String(mtime.getDate()).padStart(2)}`;
  const recent = mtimeMs <= now && now - mtimeMs < RECENT;
  return recent ? `${day} ${two(mtime.getHours())}:${two(mtime.getMinutes())}` : `${day}  ${mtime.getFullYear()}`;
}
