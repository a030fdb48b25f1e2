// Payloads that ride inside global requests, channel opens and channel requests: RFC 4254 sections 6 and 7. One row each, by
// the request's own name.

import { bool, bytes, type Field, name, text, u32, utf8, type ValuesOf } from './fields.ts';
import { DecodeError, Reader } from './reader.ts';
import { Writer } from './writer.ts';

export interface Payload<F> {
  encode(values: ValuesOf<F>): Uint8Array;
  /** The values, or null where the bytes are not exactly this payload: the request is then answered with failure. */
  decode(data: Uint8Array): ValuesOf<F> | null;
}

function payload<F extends { [K in keyof F]: Field<never> | Field<unknown> }>(fields: F): Payload<F> {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  return {
    encode(values) {
      const writer = new Writer();
      const record = values as Record<string, unknown>;
      for (const [key, field] of entries) field.write(writer, record[key]);
      return writer.finish();
    },
    decode(data) {
      try {
        const reader = new Reader(data);
        const values: Record<string, unknown> = {};
        for (const [key, field] of entries) values[key] = field.read(reader);
        reader.end();
        return values as ValuesOf<F>;
      } catch (error) {
        if (error instanceof DecodeError) return null;
        throw error;
      }
    },
  };
}

/** RFC 4254 section 6.2. Sizes in characters and pixels; `modes` as section 8 encodes them. */
export const ptyRequest = payload({ term: utf8, columns: u32, rows: u32, widthPixels: u32, heightPixels: u32, modes: bytes });
/** RFC 4254 section 6.3.1 */
export const x11Request = payload({ singleConnection: bool, authProtocol: name, authCookie: name, screenNumber: u32 });
/** RFC 4254 section 6.4. The value is bytes: environments need not be UTF-8. */
export const envRequest = payload({ variable: utf8, value: bytes });
/** RFC 4254 section 6.5. A command is bytes too. */
export const execRequest = payload({ command: bytes });
export const subsystemRequest = payload({ subsystem: utf8 });
/** shell, and every other request without a payload */
export const emptyRequest = payload({});
/** RFC 4254 section 6.7 */
export const windowChangeRequest = payload({ columns: u32, rows: u32, widthPixels: u32, heightPixels: u32 });
/** RFC 4254 section 6.8 */
export const xonXoffRequest = payload({ clientCanDo: bool });
/** RFC 4254 section 6.9: the name without "SIG" */
export const signalRequest = payload({ signal: name });
/** RFC 4254 section 6.10 */
export const exitStatusRequest = payload({ status: u32 });
export const exitSignalRequest = payload({ signal: name, coreDumped: bool, message: text, language: text });
/** RFC 4335: milliseconds */
export const breakRequest = payload({ length: u32 });
/** RFC 4254 section 7.2: direct-tcpip and forwarded-tcpip channels */
export const tcpipOpen = payload({ host: utf8, port: u32, originatorHost: utf8, originatorPort: u32 });
/** RFC 4254 section 6.3.2 */
export const x11Open = payload({ originatorHost: utf8, originatorPort: u32 });
/** RFC 4254 section 7.1 */
export const tcpipForward = payload({ address: utf8, port: u32 });
/** The answer to a tcpip-forward request for port 0 */
export const tcpipForwardReply = payload({ port: u32 });
/** OpenSSH PROTOCOL section 2.4: direct-streamlocal@openssh.com channels; the rest is reserved */
export const directStreamlocalOpen = payload({ path: utf8, reserved: bytes, reservedPort: u32 });
/** forwarded-streamlocal@openssh.com channels */
export const forwardedStreamlocalOpen = payload({ path: utf8, reserved: bytes });
/** streamlocal-forward@openssh.com and cancel-streamlocal-forward@openssh.com requests */
export const streamlocalForward = payload({ path: utf8 });
