// Packets out of a byte stream (draft-ietf-secsh-filexfer-02 section 3): uint32 length, then as many bytes. The length is bounded
// before anything is allocated. A packet that came in one piece is a view of it; one that straddles pieces, as all bulk data does,
// is put together in a buffer from a small pool, which whoever is done with it may give back.

import { readU32, writeU32 } from '../../bytes/bytes.ts';
import { ProtocolError } from '../../errors.ts';

/** The longest packet that we take, bytes: OpenSSH's SFTP_MAX_MSG_LENGTH. Nobody sends more. */
export const MAX_PACKET_BYTES = 262_144;

/** Pooled buffers hold the longest packet; smaller packets than this are not worth one. Bytes. */
const POOL_FROM_BYTES = 16_384;
/** Free buffers that are kept: they are in use for the moment between the last piece and the write to a file. */
const POOL_BUFFERS = 16;

export class Framing {
  readonly #free: ArrayBuffer[] = [];
  /** The length field, as far as it has come. */
  readonly #header = new Uint8Array(4);
  #headerBytes = 0;
  /** The packet that is being put together. */
  #packet: Uint8Array | null = null;
  #filled = 0;

  /**
   * Takes the next piece and calls `onPacket` for each packet that it completes. The packet is a view that the receiver may keep.
   * @throws ProtocolError for a length of 0 or above 256 KiB; nothing may be fed after that.
   */
  feed(piece: Uint8Array, onPacket: (packet: Uint8Array) => void): void {
    let at = 0;
    while (at < piece.length) {
      if (this.#packet !== null) {
        const count = Math.min(this.#packet.length - this.#filled, piece.length - at);
        this.#packet.set(count === piece.length ? piece : piece.subarray(at, at + count), this.#filled);
        this.#filled += count;
        at += count;
        if (this.#filled < this.#packet.length) return;
        const packet = this.#packet;
        this.#packet = null;
        onPacket(packet);
        continue;
      }
      if (this.#headerBytes > 0 || piece.length - at < 4) {
        this.#header[this.#headerBytes++] = piece[at++] as number;
        if (this.#headerBytes < 4) continue;
        this.#headerBytes = 0;
        this.#begin(readU32(this.#header, 0));
        continue;
      }
      const length = readU32(piece, at);
      at += 4;
      if (length > 0 && length <= piece.length - at) {
        if (length > MAX_PACKET_BYTES) throw tooLong(length);
        const packet = piece.subarray(at, at + length);
        at += length;
        onPacket(packet);
      } else {
        this.#begin(length);
      }
    }
  }

  /** Whether the stream may end here. */
  get complete(): boolean {
    return this.#packet === null && this.#headerBytes === 0;
  }

  /** Takes back the buffer of a packet that nobody looks at any more. Any packet may be given, whatever it is a view of. */
  recycle(packet: Uint8Array): void {
    const { buffer } = packet;
    if (buffer.byteLength === MAX_PACKET_BYTES && packet.byteOffset === 0 && this.#free.length < POOL_BUFFERS) {
      this.#free.push(buffer as ArrayBuffer);
    }
  }

  #begin(length: number): void {
    if (length === 0 || length > MAX_PACKET_BYTES) throw tooLong(length);
    this.#filled = 0;
    if (length < POOL_FROM_BYTES) this.#packet = new Uint8Array(length);
    else this.#packet = new Uint8Array(this.#free.pop() ?? new ArrayBuffer(MAX_PACKET_BYTES), 0, length);
  }
}

/** A packet with its length before it. */
export function frame(packet: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + packet.length);
  writeU32(framed, 0, packet.length);
  framed.set(packet, 4);
  return framed;
}

function tooLong(length: number): ProtocolError {
  return new ProtocolError('malformed-message', length === 0 ? 'an empty SFTP packet' : `an SFTP packet of ${length} bytes`);
}
