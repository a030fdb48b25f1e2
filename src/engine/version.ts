// The identification exchange (RFC 4253 section 4.2): one line each way before the first packet. A server may send other lines
// first, a client may not. Everything is bounded: an endless banner must not be read for ever (russh CVE-2026-48108).

import type { ByteQueue } from '../bytes/byte-queue.ts';
import { ProtocolError } from '../errors.ts';
import { DisconnectReason } from '../wire/messages/transport.ts';

/** "The maximum length of the string is 255 characters, including the Carriage Return and Line Feed." */
const IDENT_BYTES = 255;
/** Lines that a server may send before its identification; OpenSSH's figures. */
const LINES = 1_024;
const LINE_BYTES = 8_192;
const TOTAL_BYTES = 65_536;

const PREFIX = [0x53, 0x53, 0x48, 0x2d]; // "SSH-"

export class VersionExchange {
  readonly #role: 'client' | 'server';
  #lines = 0;
  #total = 0;
  /** Bytes of the current line that have been searched for its end. */
  #scanned = 0;

  constructor(role: 'client' | 'server') {
    this.#role = role;
  }

  /** The peer's identification without its line end, or null where more bytes are needed. */
  receive(input: ByteQueue): Uint8Array | null {
    for (;;) {
      const end = this.#lineEnd(input);
      if (end < 0) return null;
      const line = stripLineEnd(input.take(end + 1).slice());
      this.#scanned = 0;
      if (startsLikeIdent(line)) return checked(line);
      this.#lines++;
      this.#total += end + 1;
      if (this.#lines > LINES || this.#total > TOTAL_BYTES) throw tooLong();
    }
  }

  /** Index of the line feed, or -1 while the line may still become acceptable. */
  #lineEnd(input: ByteQueue): number {
    for (; this.#scanned < input.length; this.#scanned++) {
      const index = this.#scanned;
      const byte = input.at(index);
      const ident = index < PREFIX.length ? byte === PREFIX[index] : isIdent(input);
      if (!ident && this.#role === 'server') {
        throw new ProtocolError(
          'bad-identification',
          'the client did not begin with "SSH-"',
          DisconnectReason.protocolVersionNotSupported,
        );
      }
      if (byte === 0x0a) return index;
      if (index + 1 >= (ident && index >= PREFIX.length ? IDENT_BYTES : LINE_BYTES)) throw tooLong();
      if (this.#total + index > TOTAL_BYTES) throw tooLong();
    }
    return -1;
  }
}

function isIdent(input: ByteQueue): boolean {
  return PREFIX.every((byte, index) => input.at(index) === byte);
}

function startsLikeIdent(line: Uint8Array): boolean {
  return PREFIX.every((byte, index) => line[index] === byte);
}

function stripLineEnd(line: Uint8Array): Uint8Array {
  // A bare line feed is let pass, as every implementation does; the CR is not part of what is hashed.
  const end = line[line.length - 2] === 0x0d ? line.length - 2 : line.length - 1;
  return line.subarray(0, end);
}

function checked(line: Uint8Array): Uint8Array {
  for (const byte of line) {
    if (byte < 0x20 || byte >= 0x7f) {
      throw new ProtocolError(
        'bad-identification',
        'the identification holds control or non-ASCII characters',
        DisconnectReason.protocolVersionNotSupported,
      );
    }
  }
  const text = String.fromCharCode(...line);
  // RFC 4253 section 5.1: 1.99 means 2.0 with a taste for the past.
  if (!text.startsWith('SSH-2.0-') && !text.startsWith('SSH-1.99-')) {
    throw new ProtocolError(
      'bad-identification',
      `the peer speaks another version: ${text}`,
      DisconnectReason.protocolVersionNotSupported,
    );
  }
  return line;
}

function tooLong(): ProtocolError {
  return new ProtocolError(
    'identification-too-long',
    'no identification within the limits',
    DisconnectReason.protocolVersionNotSupported,
  );
}
