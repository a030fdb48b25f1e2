// Gives the memory of a buffer back at once, instead of when the garbage collector finds it. Ciphers and sockets bring a fresh
// buffer for every packet. Where its bytes have been looked at or copied and nobody else has it, the next packet may lie in the
// same memory, which is still in the processor's cache, and there is nothing to collect: in a process with a small heap buffers
// make V8 collect all of it every 15 to 30 MB of data. Invariant: a buffer that is larger than the view stays as it is, because
// somebody else may have the rest, as with Node's pool.

/** Giving back costs about a microsecond, which smaller buffers are not worth. Bytes. */
const WORTH = 4_096;

type Detach = (buffer: ArrayBuffer) => void;

let detach: Detach | undefined;

/** Node 20 has no `ArrayBuffer.prototype.transfer`. What is posted to a closed port is detached and dropped. */
function chooseDetach(): Detach {
  const { transfer } = ArrayBuffer.prototype as { transfer?: (length: number) => ArrayBuffer };
  if (transfer !== undefined) return (buffer) => void transfer.call(buffer, 0);
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  return (buffer) => port1.postMessage(undefined, [buffer]);
}

/** The caller has the only view of these bytes, and does not use it again: it is empty afterwards, or as it was. */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer, length } = bytes;
  if (length < WORTH || length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  detach ??= chooseDetach();
  try {
    detach(buffer);
  } catch {
    // Marked as untransferable: left to the collector.
  }
}
