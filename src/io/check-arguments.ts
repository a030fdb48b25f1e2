// Holds the callers of public functions to what their arguments may be. Without types a wrong value must not fail deep inside, and
// an option that is not known must not be passed over: a check of the host key under another library's name would never run.

import { nearest } from '../algorithms/nearest.ts';
import { printable, UsageError } from '../errors.ts';
import { isBytes, isMethod, isObject, isOptions, type Kind, type Options } from './kinds.ts';

/** @throws UsageError that names the call, what it is about, what is wanted and what was given */
export function check(call: string, name: string, value: unknown, wanted: Kind): void {
  if (value === undefined) {
    if (wanted.needed) throw new UsageError(`${call}: ${name} is missing; it must be ${wanted.wanted}`);
    return;
  }
  if (!wanted.fits(value)) {
    const given = describe(value, wanted);
    throw new UsageError(`${call}: ${name} must be ${wanted.wanted}, not ${given}`);
  }
  if (wanted.options !== undefined && isOptions(value)) checkOptions(call, value, wanted.options, '');
}

/** `inside` leads from the outermost options to these. */
function checkOptions(call: string, given: object, options: Options, inside: string): void {
  const values = given as Readonly<Record<string, unknown>>;
  // Inherited ones too: they are read like own ones.
  for (const name in values) {
    // What stands for nothing can't be believed in, and comes along where the fields of another object are spread.
    if (values[name] !== undefined && values[name] !== null && !Object.hasOwn(options.table, name))
      throw unknownOption(call, name, options, inside);
  }
  for (const [name, wanted] of Object.entries(options.table)) {
    const value = values[name];
    const { options: deeper, ...itself } = wanted;
    check(call, `the option '${inside}${name}'`, value, itself);
    if (deeper !== undefined && isOptions(value)) checkOptions(call, value, deeper, `${inside}${name}.`);
  }
}

function unknownOption(call: string, name: string, { table, others }: Options, inside: string): UsageError {
  const names = Object.keys(table);
  const close = name.length > 64 ? null : nearest(name, names);
  const hint = Object.hasOwn(others, name) ? others[name] : close && `did you mean '${close}'?`;
  const known = names.length === 0 ? 'it takes none' : `it takes ${names.join(', ')}`;
  return new UsageError(`${call}: unknown option '${printable(inside + name)}'; ${hint ?? known}`);
}

/** What was given, without secrets, so that its giver recognises it. */
function describe(value: unknown, wanted: Kind): string {
  if (value === null) return wanted.needed ? 'null' : 'null (leave it out instead)';
  if (typeof value === 'function') {
    return wanted.wanted.includes('function') ? 'a class' : 'a function (there are no callbacks: calls return promises)';
  }
  if (Array.isArray(value)) return 'an array';
  if (isBytes(value)) return Buffer.isBuffer(value) ? 'a Buffer' : 'a Uint8Array';
  if (isObject(value)) {
    if (isMethod(value, 'then')) return 'a promise (await it first)';
    const name = value.constructor?.name ?? 'Object';
    return name === 'Object' ? 'an object' : `an object of the class ${printable(name)}`;
  }
  if (wanted.secret) return `a ${typeof value}`;
  if (typeof value !== 'string') return `the ${typeof value} ${String(value)}`;
  return value.length > 60 ? 'a longer string' : `the string '${printable(value)}'`;
}

// ---- whole classes ------------------------------------------------------------------------------------------------

/** The arguments of a method by their names, in order. */
type Arguments = Readonly<Record<string, Kind>>;

/**
 * Has the arguments of methods checked before they run. `fail` is how a method says no: those that return a promise reject.
 * What is left out of the table goes unchecked.
 */
export function guard<Class extends object>(
  prototype: Class,
  methods: { readonly [Name in Exclude<keyof Class, 'toString'>]?: Arguments },
  fail: (error: unknown) => unknown,
): void {
  for (const [name, wanted] of Object.entries(methods) as [string, Arguments][]) {
    const method = (prototype as Record<string, unknown>)[name] as (...args: unknown[]) => unknown;
    const guarded = function (this: unknown, ...args: unknown[]): unknown {
      try {
        checkArguments(name, args, wanted);
      } catch (error) {
        return fail(error);
      }
      return method.apply(this, args);
    };
    Object.defineProperty(guarded, 'name', { value: name });
    Object.defineProperty(prototype, name, { value: guarded, writable: true, configurable: true });
  }
}

export function rejects(error: unknown): Promise<never> {
  return Promise.reject(error);
}

export function throws(error: unknown): never {
  throw error;
}

/** The arguments of one call. @throws UsageError for one that can't be meant, and for a callback that would never be called */
export function checkArguments(call: string, given: readonly unknown[], wanted: Arguments): void {
  let known = 0;
  for (const name in wanted) check(call, name, given[known++], wanted[name] as Kind);
  for (; known < given.length; known++) {
    if (typeof given[known] === 'function') throw new UsageError(`${call} takes no callback: it returns a promise`);
  }
}
