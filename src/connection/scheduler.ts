// Who may send next: channels with data and window take turns, one packet each, so that one busy channel can't starve the
// others. While keys are exchanged, or the stream below is full, nobody is granted anything and data stays in the channels'
// own queues.

import type { ChannelMachine } from './channel-machine.ts';
import type { ConnectionPort } from './port.ts';

export class Scheduler {
  readonly #port: ConnectionPort;
  readonly #channels: ReadonlyMap<number, ChannelMachine>;
  /** The channel after which the next round begins. */
  #last = -1;

  constructor(port: ConnectionPort, channels: ReadonlyMap<number, ChannelMachine>) {
    this.#port = port;
    this.#channels = channels;
  }

  /** Sends while it may. */
  pump(): void {
    if (!this.#port.canSendData()) return;
    let ready = this.#readyInTurn();
    while (ready.length > 0) {
      for (const channel of ready) {
        if (!this.#port.canSendData()) return;
        // An earlier one's onDrain may have closed this one.
        if (!channel.ready) continue;
        channel.pump();
        this.#last = channel.localId;
      }
      ready = ready.length === 1 && ready[0]?.ready ? ready : this.#readyInTurn();
    }
  }

  #readyInTurn(): ChannelMachine[] {
    const before: ChannelMachine[] = [];
    const after: ChannelMachine[] = [];
    for (const channel of this.#channels.values()) {
      if (channel.ready) (channel.localId > this.#last ? after : before).push(channel);
    }
    return after.concat(before);
  }
}
