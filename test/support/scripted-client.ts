// An SFTP client whose server is a table: what comes back for each kind of request. What is not in the table is answered as by a
// server with one file and one folder that behaves.

import { SFTPAttributes } from '../../src/sftp/protocol/attributes.ts';
import {
  Attrs,
  Close,
  Data,
  Fstat,
  Handle,
  Lstat,
  Name,
  Open,
  Opendir,
  Read,
  Readdir,
  Readlink,
  Realpath,
  Stat,
} from '../../src/sftp/protocol/messages.ts';
import { SFTP_EOF, SFTP_OK } from '../../src/sftp/protocol/status.ts';
import { SFTPClient } from '../../src/sftp.ts';
import { idOf, type ScriptedServer, scriptedSftp, statusFor } from './scripted-sftp.ts';

/** The answers to a request; none leaves it unanswered. */
export type Answers = (packet: Uint8Array, server: ScriptedServer) => readonly Uint8Array[];

export interface ScriptedClient {
  readonly sftp: SFTPClient;
  readonly server: ScriptedServer;
  /** Requests of a kind so far. */
  count(message: { readonly number: number }): number;
  /** Resolves when the server has seen everything that was sent. */
  settled(): Promise<void>;
}

export async function scriptedClient(
  answers: Iterable<readonly [message: { readonly number: number }, answers: Answers]>,
  extensions?: ReadonlyMap<string, Uint8Array>,
): Promise<ScriptedClient> {
  const byNumber = new Map([...answers].map(([message, answer]) => [message.number, answer]));
  const server = scriptedSftp(
    (packet, self) => {
      const replies = (byNumber.get(packet[0] as number) ?? behave)(packet, self);
      if (replies.length > 0) self.reply(...replies);
    },
    extensions === undefined ? {} : { extensions },
  );
  const sftp = await SFTPClient.open(server.channel);
  return {
    sftp,
    server,
    count: ({ number }) => server.requests.filter((packet) => packet[0] === number).length,
    async settled() {
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    },
  };
}

const CONTENT = new TextEncoder().encode('content');

/** One file everywhere, of seven bytes, and folders with nothing in them. */
export const behave: Answers = (packet) => {
  const id = idOf(packet);
  switch (packet[0]) {
    case Open.number:
    case Opendir.number:
      return [Handle.encode({ id, handle: Uint8Array.of(1) })];
    case Fstat.number:
    case Stat.number:
    case Lstat.number:
      return [Attrs.encode({ id, attributes: attributesOf({ stMode: 0o100644, stSize: CONTENT.length }) })];
    case Read.number: {
      const { offset } = Read.decode(packet);
      if (offset >= CONTENT.length) return [statusFor(packet, SFTP_EOF)];
      return [Data.encode({ id, data: CONTENT.subarray(offset) })];
    }
    case Readdir.number:
      return [statusFor(packet, SFTP_EOF)];
    case Realpath.number:
    case Readlink.number:
      return [nameFor(packet, entry('/real'))];
    case Close.number:
      return [statusFor(packet, SFTP_OK)];
    default:
      return [statusFor(packet, SFTP_OK)];
  }
};

export function attributesOf(values: Partial<SFTPAttributes>): SFTPAttributes {
  return Object.assign(new SFTPAttributes(), values);
}

export function entry(filename: string, stMode: number | undefined = 0o100644): SFTPAttributes {
  return attributesOf({ filename, longname: '', stMode, stSize: 1 });
}

export function nameFor(packet: Uint8Array, ...names: readonly SFTPAttributes[]): Uint8Array {
  return Name.encode({ id: idOf(packet), names });
}

/** READDIR gives these entries once, and then the end. */
export function folderOf(...names: readonly SFTPAttributes[]): Answers {
  let given = false;
  return (packet) => {
    if (given) return [statusFor(packet, SFTP_EOF)];
    given = true;
    return [nameFor(packet, ...names)];
  };
}
