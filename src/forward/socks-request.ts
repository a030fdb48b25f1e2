// Reads what a SOCKS client asks for, from whatever it comes over: a socket of this machine (dynamic.ts), or a channel of the server's
// (remote-dynamic.ts). One that says nothing must not hold its place for ever, and nothing behind the request is lost.

import { concat } from '../bytes/bytes.ts';
import { SSHTimeoutError, UsageError } from '../errors.ts';
import { SocksHandshake } from './socks.ts';

/** Milliseconds that a program has to say what it wants. */
const HANDSHAKE_TIMEOUT = 30_000;

/** Where a SOCKS client is heard and answered. */
export interface SocksPeer {
  /** The next bytes, null at the end. */
  read(): Promise<Uint8Array | null>;
  write(bytes: Uint8Array): Promise<void>;
}

export interface SocksRequest {
  readonly host: string;
  readonly port: number;
  /** What came behind the request, which is for the destination. */
  readonly rest: Uint8Array;
  /** Says whether the destination could be reached. */
  answer(connected: boolean): Promise<void>;
}

/**
 * Reads up to the request. Where this throws, all that the peer should hear has been written, and whoever called closes.
 * @throws UsageError for what is no request that can be served, SSHTimeoutError
 */
export async function readSocksRequest(peer: SocksPeer): Promise<SocksRequest> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new SSHTimeoutError('the SOCKS request', HANDSHAKE_TIMEOUT)), HANDSHAKE_TIMEOUT);
  });
  try {
    return await Promise.race([late, converse(peer)]);
  } finally {
    clearTimeout(timer);
  }
}

async function converse(peer: SocksPeer): Promise<SocksRequest> {
  const handshake = new SocksHandshake();
  let input: Uint8Array = new Uint8Array(0);
  for (;;) {
    const step = handshake.step(input);
    if (step.kind === 'more') {
      const chunk = await peer.read();
      if (chunk === null) throw new UsageError('the SOCKS client went away');
      input = concat(input, chunk);
      continue;
    }
    if (step.kind === 'refuse') {
      await peer.write(step.bytes);
      throw new UsageError(step.why);
    }
    input = input.subarray(step.consumed);
    if (step.kind === 'answer') {
      await peer.write(step.bytes);
      continue;
    }
    const { host, port } = step;
    return { host, port, rest: input, answer: (connected) => peer.write(handshake.outcome(connected)) };
  }
}
