// Signals that end the program: what is under way is put in order first, the connections are closed, and 128 + n is the exit
// status. What breaks because of it is not told as an error.

import { constants } from 'node:os';
import type { Transport } from '../../transport/transport.ts';

/** How long an orderly end may take, milliseconds. */
export const CLOSE_TIMEOUT = 500;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type EndingSignal = (typeof SIGNALS)[number];

/** What a signal has to close. */
export interface Connections {
  /** In the order in which they were made: what runs through another one comes after it. */
  readonly transports: Set<Transport>;
  /** Work on files that should come to its end before the program does. */
  readonly pending: Set<Promise<void>>;
  /** A signal came: whatever breaks now breaks because of it. */
  signalled: boolean;
}

/**
 * Runs `work`; a signal ends it and becomes the exit status. `onSignal` is called first and may say false: then it was not for us.
 */
export async function withSignals(
  onSignal: (signal: EndingSignal) => boolean,
  work: (connections: Connections) => Promise<number>,
): Promise<number> {
  const connections: Connections = { transports: new Set(), pending: new Set(), signalled: false };
  let signalled = (_status: number) => {};
  const bySignal = new Promise<number>((resolve) => {
    signalled = resolve;
  });
  const handlers = SIGNALS.map((signal) => {
    const handler = async () => {
      if (!onSignal(signal)) return;
      connections.signalled = true;
      const closed = [...connections.transports].map((transport) => transport.close({ timeout: CLOSE_TIMEOUT }));
      await Promise.race([Promise.all(closed), timeout(CLOSE_TIMEOUT)]);
      signalled(128 + constants.signals[signal]);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  try {
    const worked = work(connections).then((status) => (connections.signalled ? bySignal : status));
    return await Promise.race([bySignal, worked]);
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
}

/** Lets what is pending end, for as long as that takes no time, and closes all connections, those that run through others first. */
export async function closeAll({ transports, pending }: Connections): Promise<void> {
  if (pending.size > 0) await Promise.race([Promise.allSettled(pending), timeout(CLOSE_TIMEOUT)]);
  for (const transport of [...transports].reverse()) await transport.close({ timeout: CLOSE_TIMEOUT });
}

function timeout(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
