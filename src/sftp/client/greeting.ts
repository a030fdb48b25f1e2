// The first answer of an SFTP server: VERSION (draft-ietf-secsh-filexfer-02 section 4). What commonly comes in its place is text
// that the server's shell start-up files print; the error then says so and shows it.

import { ProtocolError, printable } from '../../errors.ts';
import type { Settle } from '../../io/waiting.ts';
import type { ByteChannel } from '../byte-channel.ts';
import type { Framing } from '../protocol/framing.ts';
import { VERSION, Version } from '../protocol/messages.ts';

/** Takes what has come, and settles with the extensions of VERSION once it is there. */
export function greet(channel: ByteChannel, framing: Framing, settle: Settle<ReadonlyMap<string, Uint8Array>>): void {
  let piece = channel.stdout.take();
  let first = '';
  try {
    for (; piece !== null; piece = channel.stdout.take()) {
      first ||= String.fromCharCode(...piece.subarray(0, 200));
      framing.feed(piece, (packet) => settle.resolve(extensionsOf(packet)));
    }
  } catch (error) {
    const text = /^[\t\r\n\x20-\x7e]{4}/.test(first);
    settle.reject(text ? chatty(first, error) : error);
  }
}

/** What VERSION announces. @throws ProtocolError, DecodeError for anything else */
export function extensionsOf(packet: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const { version, extensions } = Version.decode(packet);
  if (version !== VERSION) {
    throw new ProtocolError(
      'malformed-message',
      `the server speaks SFTP version ${version}; this client speaks version ${VERSION}`,
    );
  }
  return new Map([...extensions].map(([name, data]) => [name, new Uint8Array(data)]));
}

function chatty(text: string, cause: unknown): ProtocolError {
  const line = printable(text.trim().split('\n', 1)[0] ?? '');
  const message = `the server printed text where SFTP should begin: '${line}'. The start-up files of its shell must be quiet`;
  return new ProtocolError('malformed-message', message, 2, { cause });
}
