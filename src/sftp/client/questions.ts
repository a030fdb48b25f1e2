// Requests that only ask: one message, one answer, and nothing on the server changes.

import type { CallOptions } from '../../io/waiting.ts';
import { DecodeError } from '../../wire/reader.ts';
import type { SFTPAttributes } from '../protocol/attributes.ts';
import { Attrs, Fstat, Lstat, Name, Readlink, Realpath, Stat } from '../protocol/messages.ts';
import type { Answer, SFTPSession } from './session.ts';

const attributesAnswer: Answer<SFTPAttributes> = { decode: (packet) => Attrs.decode(packet).attributes };

/** NAME with one name in it. */
export const nameAnswer: Answer<string> = {
  decode(packet) {
    const [first] = Name.decode(packet).names;
    if (first?.filename === undefined) throw new DecodeError('an answer without a name');
    return first.filename;
  },
};

/** Of what a symbolic link leads to. */
export function stat(session: SFTPSession, path: string, options?: CallOptions): Promise<SFTPAttributes> {
  return session.ask({ operation: 'stat', path }, (id) => Stat.encode({ id, path }), attributesAnswer, options);
}

/** Of a symbolic link itself. */
export function lstat(session: SFTPSession, path: string, options?: CallOptions): Promise<SFTPAttributes> {
  return session.ask({ operation: 'lstat', path }, (id) => Lstat.encode({ id, path }), attributesAnswer, options);
}

export function fstat(session: SFTPSession, handle: Uint8Array, path: string, options?: CallOptions): Promise<SFTPAttributes> {
  return session.ask({ operation: 'fstat', path }, (id) => Fstat.encode({ id, handle }), attributesAnswer, options);
}

/** The absolute path, as the server sees it. */
export function realpath(session: SFTPSession, path: string, options?: CallOptions): Promise<string> {
  return session.ask({ operation: 'realpath', path }, (id) => Realpath.encode({ id, path }), nameAnswer, options);
}

/** What a symbolic link says. */
export function readlink(session: SFTPSession, path: string, options?: CallOptions): Promise<string> {
  return session.ask({ operation: 'readlink', path }, (id) => Readlink.encode({ id, path }), nameAnswer, options);
}
