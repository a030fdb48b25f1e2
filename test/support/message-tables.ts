// Every row of the message tables, and how to make values for it: by the very field objects that the row is made of, so that a new row
// or field that nobody made values for is noticed.
import fc from 'fast-check';
import { stripLeadingZeros } from '../../src/bytes/mpint.ts';
import { bool, bytes, mpint, name, nameList, rest, text, u8, u32, utf8 } from '../../src/wire/fields.ts';
import type { Message } from '../../src/wire/message.ts';
import * as auth from '../../src/wire/messages/auth.ts';
import * as connection from '../../src/wire/messages/connection.ts';
import * as gss from '../../src/wire/messages/gss.ts';
import * as kex from '../../src/wire/messages/kex.ts';
import * as transport from '../../src/wire/messages/transport.ts';

type AnyMessage = Message<string, Record<string, never>>;

function isMessage(value: unknown): value is AnyMessage {
  return typeof value === 'object' && value !== null && 'number' in value && 'encode' in value && 'decode' in value;
}

export const allMessages: readonly AnyMessage[] = [auth, connection, gss, kex, transport].flatMap((module) =>
  (Object.values(module) as unknown[]).filter(isMessage),
);

export const blob = (max = 300) => fc.uint8Array({ maxLength: max });
/** Printable US-ASCII without space and comma. */
const letters = fc.integer({ min: 0x21, max: 0x7e }).filter((code) => code !== 0x2c);
export const asciiName = fc.array(letters, { minLength: 1, maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
const unicode = fc.string({ unit: 'grapheme', maxLength: 60 });

const byField = new Map<unknown, fc.Arbitrary<unknown>>([
  [u8, fc.nat(255)],
  [u32, fc.nat(0xffff_ffff)],
  [bool, fc.boolean()],
  [bytes, blob()],
  [utf8, unicode],
  [text, unicode],
  [name, asciiName],
  [nameList, fc.array(asciiName, { maxLength: 30 })],
  [mpint, blob(80).map(stripLeadingZeros)],
  [rest, blob()],
  [transport.languageTag, unicode],
]);

/** Fields that belong to one message only, by its name and theirs. */
const byName: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  'SSH_MSG_KEXINIT.cookie': fc.uint8Array({ minLength: 16, maxLength: 16 }),
  'SSH_MSG_EXT_INFO.extensions': fc.array(fc.tuple(asciiName, blob(40)), { maxLength: 64 }).map((entries) => new Map(entries)),
  'SSH_MSG_KEXGSS_COMPLETE.token': fc.option(blob()),
  'SSH_MSG_KEXGSS_COMPLETE (curve).token': fc.option(blob()),
  'SSH_MSG_USERAUTH_INFO_REQUEST.prompts': fc.array(fc.record({ prompt: unicode, echo: fc.boolean() }), { maxLength: 64 }),
  'SSH_MSG_USERAUTH_INFO_RESPONSE.responses': fc.array(unicode, { maxLength: 64 }),
};

/** Values for every field of a message. @throws Error for a field that nobody has thought of. */
export function valuesFor(message: AnyMessage): fc.Arbitrary<Record<string, never>> {
  const record: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [field, type] of Object.entries(message.fields)) {
    const arbitrary = byField.get(type) ?? byName[`${message.name}.${field}`];
    if (arbitrary === undefined) throw new Error(`no values for ${message.name}.${field}`);
    record[field] = arbitrary;
  }
  return fc.record(record) as fc.Arbitrary<Record<string, never>>;
}

export function arbitraryFor(field: unknown): fc.Arbitrary<unknown> | undefined {
  return byField.get(field);
}
