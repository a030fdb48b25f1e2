// An SFTP server of a few lines, in memory: a function sees each request's packet and says which packets come back, and when. For
// what no real server does: lie, answer late, answer twice, answer something else.

import { concat, readU32 } from '../../src/bytes/bytes.ts';
import type { SSHError } from '../../src/errors.ts';
import type { ByteChannel } from '../../src/sftp/byte-channel.ts';
import { Framing, frame } from '../../src/sftp/protocol/framing.ts';
import { Init, Status, Version } from '../../src/sftp/protocol/messages.ts';

export interface ScriptedServer {
  readonly channel: ByteChannel;
  /** Every request but INIT, in order. */
  readonly requests: Uint8Array[];
  /** Sends any bytes. */
  send(bytes: Uint8Array): void;
  /** Sends packets, framed. */
  reply(...packets: Uint8Array[]): void;
  /** The channel ends: by the server, or with an error. */
  end(error?: SSHError): void;
  readonly closed: boolean;
}

export interface ScriptedOptions {
  readonly extensions?: ReadonlyMap<string, Uint8Array>;
  /** Answers INIT; default VERSION 3. */
  readonly greet?: (server: ScriptedServer) => void;
}

/** `answer` is called for each request, in a turn of its own behind the one that sent it. */
export function scriptedSftp(
  answer: (packet: Uint8Array, server: ScriptedServer) => void,
  { extensions = new Map(), greet }: ScriptedOptions = {},
): ScriptedServer {
  const chunks: Uint8Array[] = [];
  const framing = new Framing();
  let listener: (() => void) | null = null;
  let ended = false;
  let settleClosed: (error: SSHError | undefined) => void = () => {};
  const over = (error?: SSHError) => {
    if (ended) return;
    ended = true;
    settleClosed(error);
    listener?.();
  };
  const server: ScriptedServer = {
    requests: [],
    get closed() {
      return ended;
    },
    send(bytes) {
      if (ended) return;
      chunks.push(bytes);
      listener?.();
    },
    reply: (...packets) => server.send(concat(...packets.map(frame))),
    end: over,
    channel: {
      stdout: {
        take: () => chunks.shift() ?? null,
        watch: (next) => {
          listener = next;
          if (chunks.length > 0) queueMicrotask(() => listener?.());
        },
        get ended() {
          return ended && chunks.length === 0;
        },
      },
      post(data) {
        const copy = new Uint8Array(data);
        setImmediate(() =>
          framing.feed(copy, (packet) => {
            const request = new Uint8Array(packet);
            if (request[0] === Init.number) {
              if (greet === undefined) server.reply(Version.encode({ version: 3, extensions }));
              else greet(server);
              return;
            }
            server.requests.push(request);
            answer(request, server);
          }),
        );
        return true;
      },
      queuedBytes: 0,
      watchDrain: () => {},
      close: () => over(),
      closed: new Promise((resolve) => {
        settleClosed = resolve;
      }),
    },
  };
  return server;
}

export function idOf(packet: Uint8Array): number {
  return readU32(packet, 1);
}

/** A STATUS for a request. */
export function statusFor(packet: Uint8Array, status: number, message = ''): Uint8Array {
  return Status.encode({ id: idOf(packet), status, message, language: '' });
}
