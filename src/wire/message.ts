// One row of a message table: name, number and fields in wire order. Encoding, decoding, and the fuzz and property tests all
// come from the row, so a field is written down once.

import { ProtocolError } from '../errors.ts';
import type { Field, Fields, ValuesOf } from './fields.ts';
import { DecodeError, Reader } from './reader.ts';
import { Writer } from './writer.ts';

export interface Message<N extends string = string, F extends object = object> {
  /** As the RFC writes it: `SSH_MSG_CHANNEL_OPEN`. */
  readonly name: N;
  readonly number: number;
  readonly fields: F;
  /** The payload: message number, then the fields. */
  encode(values: ValuesOf<F>): Uint8Array;
  /** @throws ProtocolError `malformed-message` for any payload that is not exactly this message. */
  decode(payload: Uint8Array): ValuesOf<F>;
}

export function message<const N extends string, F extends { [K in keyof F]: Field<never> | Field<unknown> }>(
  name: N,
  number: number,
  fields: F,
): Message<N, F> {
  const entries = Object.entries(fields as unknown as Fields);
  return {
    name,
    number,
    fields,
    encode(values) {
      const writer = new Writer();
      writer.u8(number);
      const record = values as Record<string, unknown>;
      for (const [key, field] of entries) field.write(writer, record[key]);
      return writer.finish();
    },
    decode(payload) {
      try {
        const reader = new Reader(payload);
        if (reader.u8() !== number) throw new DecodeError('another message number');
        const values: Record<string, unknown> = {};
        for (const [key, field] of entries) values[key] = field.read(reader);
        reader.end();
        return values as ValuesOf<F>;
      } catch (error) {
        if (error instanceof DecodeError) throw new ProtocolError('malformed-message', `${name}: ${error.message}`);
        throw error;
      }
    },
  };
}

/** The values of a message, by the message's own name: `type ChannelOpen = Values<typeof ChannelOpen>`. */
export type Values<M> = M extends Message<string, infer F> ? ValuesOf<F> : never;
