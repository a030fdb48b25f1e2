// What arguments and options of public calls may be, as values: check-arguments.ts holds callers without types to them. Kinds go by
// shape and never by class, since an object may come from another copy of the package or another realm.

/** What a value may be. `undefined` stands for an absent one and is no business of a kind's. */
export interface Kind {
  /** In words, behind "must be". */
  readonly wanted: string;
  readonly fits: (value: unknown) => boolean;
  /** The value may be a secret: errors say its type and no more. */
  readonly secret?: boolean;
  /** It must be there. */
  readonly needed?: boolean;
  /** Where it may be an object of options: what they may be. */
  readonly options?: Options;
}

/** The options of a call by their names. */
export interface Options<Table extends Readonly<Record<string, Kind>> = Readonly<Record<string, Kind>>> {
  readonly table: Table;
  /** Names that others have for it (ssh2, paramiko, habit), with the words that lead to ours. */
  readonly others: Readonly<Record<string, string>>;
}

/** A kind for each option that a type has, so that none is forgotten where one comes in. */
export type TableOf<T> = { readonly [Name in keyof T]-?: Kind };

export function kind(wanted: string, fits: (value: unknown) => boolean): Kind {
  return { wanted, fits };
}

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isCount = (value: unknown, least: number, most: number) =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
export const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
export const isOptions = (value: unknown): value is object => isObject(value) && !Array.isArray(value) && !isBytes(value);
export const isMethod = (value: unknown, name: string) => typeof (value as Record<string, unknown>)[name] === 'function';

export const text = kind('a string', (value) => typeof value === 'string');
export const textOrBytes = kind('a string or a Uint8Array', (value) => typeof value === 'string' || isBytes(value));
/** What ends as a C string over there: OpenSSH hangs up over a NUL in one. */
export const cString = kind('a string without NUL', (value) => typeof value === 'string' && !value.includes('\0'));
/** Bytes are the caller's own affair. */
export const cStringOrBytes = kind('a string without NUL, or a Uint8Array', (value) => cString.fits(value) || isBytes(value));
export const bytes = kind('a Uint8Array', isBytes);
export const flag = kind('true or false', (value) => typeof value === 'boolean');
export const callback = kind('a function', (value) => typeof value === 'function');
export const none = kind('null', (value) => value === null);
export const anything = kind('anything', () => true);
export const count = kind('a whole number from 0', (value) => isCount(value, 0, Number.MAX_SAFE_INTEGER));
export const atLeastOne = kind('a whole number from 1', (value) => isCount(value, 1, Number.MAX_SAFE_INTEGER));
export const positive = kind('a number above 0', (value) => typeof value === 'number' && value > 0);
export const port = kind('a whole number from 1 to 65535', (value) => isCount(value, 1, 65_535));
export const portOrAny = kind('a whole number from 0 (any that is free) to 65535', (value) => isCount(value, 0, 65_535));
export const milliseconds = kind('a number of milliseconds from 0', (value) => typeof value === 'number' && value >= 0);
export const endpoint = kind(
  'an array [host, port] of a string and a number',
  (value) => Array.isArray(value) && typeof value[0] === 'string' && isCount(value[1], 0, 0xffff_ffff),
);
/** By its shape: it may come from another realm. */
export const signal = kind(
  'an AbortSignal (of an AbortController its `signal`)',
  (value) => isObject(value) && isMethod(value, 'throwIfAborted') && isMethod(value, 'addEventListener'),
);
export const iterable = kind('an array or another iterable', (value) => isObject(value) && Symbol.iterator in value);
export const signer = kind('a key that can sign (readPrivateKey and parsePrivateKey make one)', isSigner);

export function isSigner(value: unknown): boolean {
  return isObject(value) && isMethod(value, 'sign') && Array.isArray((value as { algorithms?: unknown }).algorithms);
}

/** An object that has these methods. */
export function having(wanted: string, ...methods: readonly string[]): Kind {
  return kind(wanted, (value) => isObject(value) && methods.every((name) => isMethod(value, name)));
}

export function oneOf(...words: readonly (string | boolean)[]): Kind {
  const list = words.map((word) => (typeof word === 'string' ? `'${word}'` : `${word}`));
  return kind(list.join(' or '), (value) => (words as readonly unknown[]).includes(value));
}

/** Any of them. The options are those of the first that has some. */
export function either(...kinds: readonly Kind[]): Kind {
  const options = kinds.find((one) => one.options !== undefined)?.options;
  return {
    wanted: kinds.map(({ wanted }) => wanted).join(', or '),
    fits: (value) => kinds.some((one) => one.fits(value)),
    ...(kinds.some((one) => one.secret) && { secret: true }),
    ...(options && { options }),
  };
}

export function listOf(each: Kind, wanted: string, least = 0): Kind {
  return kind(wanted, (value) => Array.isArray(value) && value.length >= least && value.every((one) => each.fits(one)));
}

export function secret(of: Kind): Kind {
  return { ...of, secret: true };
}

export function needed(of: Kind): Kind {
  return { ...of, needed: true };
}

/** An object of options. */
export function options(table: Readonly<Record<string, Kind>>, others: Options['others'] = {}): Kind {
  return {
    ...kind('an object of options', isOptions),
    options: { table, others },
  };
}

/** How long a call may wait: what most calls take. */
export const CALL = { timeout: milliseconds, signal };
