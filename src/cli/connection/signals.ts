// Signals that end the program: what is under way is put in order first, the connections are closed, and 128 + n is the exit
// status. What breaks because of it is not told as an error.

import { constants } from 'node:os';
import type { Transport } from '../../transport/transport.ts';
import { CLOSE_TIMEOUT } from './connect.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type EndingSignal = (typeof SIGNALS)[number];

/** What a signal has to close. */
export interface Connections {
  readonly transports: Set<Transport>;
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
  const connections: Connections = { transports: new Set(), signalled: false };
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

function timeout(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
