// What the connection layer needs of the layers below it.

export interface ConnectionPort {
  /** The time of the last input or output, milliseconds. */
  now(): number;
  /** Sends a message, or holds it while keys are exchanged. */
  send(payload: Uint8Array): void;
  /** Sends channel data right away; only called while {@link canSendData}. */
  sendData(remoteId: number, type: number, data: Uint8Array): void;
  /** Not while keys are exchanged, nor while more than enough waits for the stream. */
  canSendData(): boolean;
  /** There is something to send that {@link canSendData} may allow later: have the driver come back. */
  outputReady(): void;
}
