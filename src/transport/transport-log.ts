// Where a transport's log lines go: to its `log` option, to whoever subscribes to its diagnostics channel, and to stderr under
// NODE_DEBUG=amiko. With nobody listening a line costs three checks. Lines never hold secrets: whoever logs sees to that.

import { type Channel as DiagnosticsChannel, channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import { UsageError } from '../errors.ts';
import type { Transport } from './transport.ts';

/** What a subscriber of a transport's diagnostics channel gets. */
export interface TransportLogMessage {
  /** 1 phases and results, 2 details, 3 everything. */
  readonly level: 1 | 2 | 3;
  readonly message: string;
  readonly transport: Transport;
}

/** The channel that transports publish on unless told otherwise. */
export const DEFAULT_LOG_CHANNEL = 'amiko:transport';

const toStderr = debuglog('amiko');

export class TransportLog {
  readonly #transport: Transport;
  readonly #sink: ((level: 1 | 2 | 3, message: string) => void) | undefined;
  #name = DEFAULT_LOG_CHANNEL;
  #channel: DiagnosticsChannel = diagnosticsChannel(DEFAULT_LOG_CHANNEL);

  constructor(transport: Transport, sink: ((level: 1 | 2 | 3, message: string) => void) | undefined) {
    this.#transport = transport;
    this.#sink = sink;
  }

  get name(): string {
    return this.#name;
  }

  set name(name: string) {
    if (typeof name !== 'string' || name === '') throw new UsageError('a log channel needs a name');
    this.#name = name;
    this.#channel = diagnosticsChannel(name);
  }

  write(level: 1 | 2 | 3, message: string): void {
    try {
      this.#sink?.(level, message);
    } catch {
      // A log that fails is no reason to end a connection, and there is nowhere to say so.
    }
    if (this.#channel.hasSubscribers) {
      const line: TransportLogMessage = { level, message, transport: this.#transport };
      this.#channel.publish(line);
    }
    if (toStderr.enabled) toStderr('%s: %s', this.#name, message);
  }
}
