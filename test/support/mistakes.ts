// What tests of calls without types have in common: the call, and the error that it must end with.

import { expect } from 'vitest';
import { UsageError } from '../../src/index.ts';

export type Loose = (...args: unknown[]) => unknown;
type LooseObject = Record<string, Loose>;

/** Without its types. */
export function loose(value: object): LooseObject {
  return value as LooseObject;
}

/** The message of the UsageError that a call throws or rejects with. */
export async function mistake(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: 'ERR_SSH_USAGE', name: 'UsageError' });
    return (error as UsageError).message;
  }
  throw new Error('it was let pass');
}
