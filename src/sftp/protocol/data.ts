// READ, its answer DATA, and WRITE, by hand: these carry nearly all bytes, and a decoder that makes objects would cost more than
// the copy. Offsets in the bytes of a packet, without its length field.

import { readU32, writeU32 } from '../../bytes/bytes.ts';
import { DecodeError } from '../../wire/reader.ts';
import { Attrs, Data, Read, Status, Write } from './messages.ts';
import { SFTP_EOF, SFTP_OK } from './status.ts';

/** Bytes before the data in a framed WRITE, for a handle of so many bytes. */
export function writeHeaderBytes(handleBytes: number): number {
  return 4 + 1 + 4 + 4 + handleBytes + 8 + 4;
}

/** Writes the length field and all of WRITE up to its data into the beginning of `target`. */
export function putWriteHeader(target: Uint8Array, id: number, handle: Uint8Array, offset: number, count: number): void {
  const end = writeHeaderBytes(handle.length);
  writeU32(target, 0, end - 4 + count);
  target[4] = Write.number;
  writeU32(target, 5, id);
  writeU32(target, 9, handle.length);
  target.set(handle, 13);
  putOffset(target, 13 + handle.length, offset);
  writeU32(target, end - 4, count);
}

/** READ with its length field. */
export function framedRead(id: number, handle: Uint8Array, offset: number, count: number): Uint8Array {
  const framed = new Uint8Array(4 + 1 + 4 + 4 + handle.length + 8 + 4);
  writeU32(framed, 0, framed.length - 4);
  framed[4] = Read.number;
  writeU32(framed, 5, id);
  writeU32(framed, 9, handle.length);
  framed.set(handle, 13);
  putOffset(framed, 13 + handle.length, offset);
  writeU32(framed, framed.length - 4, count);
  return framed;
}

/** A request that has nothing but a handle, CLOSE or FSTAT, with its length field. */
export function framedHandleRequest(number: number, id: number, handle: Uint8Array): Uint8Array {
  const framed = new Uint8Array(4 + 1 + 4 + 4 + handle.length);
  writeU32(framed, 0, framed.length - 4);
  framed[4] = number;
  writeU32(framed, 5, id);
  writeU32(framed, 9, handle.length);
  framed.set(handle, 13);
  return framed;
}

/** Whether an answer is STATUS with OK. */
export function isOk(packet: Uint8Array): boolean {
  return packet[0] === Status.number && packet.length >= 9 && readU32(packet, 5) === SFTP_OK;
}

/** Whether an answer is STATUS with EOF. */
export function isEnd(packet: Uint8Array): boolean {
  return packet[0] === Status.number && packet.length >= 9 && readU32(packet, 5) === SFTP_EOF;
}

/** The size in an answer that is ATTRS, undefined where it says none or is another. */
export function sizeIn(packet: Uint8Array): number | undefined {
  // The first flag is that of the size, which comes first (section 5).
  if (packet[0] !== Attrs.number || packet.length < 17 || ((packet[8] as number) & 1) === 0) return undefined;
  return readU32(packet, 9) * 0x1_0000_0000 + readU32(packet, 13);
}

/** Bytes before the data in DATA, without the length field. */
export const DATA_HEADER_BYTES = 9;

/** The length field and all of DATA up to its data. */
export function putDataHeader(target: Uint8Array, id: number, count: number): void {
  writeU32(target, 0, DATA_HEADER_BYTES + count);
  target[4] = Data.number;
  writeU32(target, 5, id);
  writeU32(target, 9, count);
}

/** The data of a DATA packet, a view. @throws DecodeError */
export function dataOf(packet: Uint8Array): Uint8Array {
  if (packet.length < DATA_HEADER_BYTES || readU32(packet, 5) !== packet.length - DATA_HEADER_BYTES) {
    throw new DecodeError('DATA of the wrong length');
  }
  return packet.subarray(DATA_HEADER_BYTES);
}

/**
 * The fields of a WRITE packet; `data` is a view. What stands behind the data is ignored, as OpenSSH's server does: Go's pkg/sftp
 * up to 1.13.5 (rclone up to 1.61) sends its whole buffer, of which only so many bytes as the length says are meant.
 * @throws DecodeError
 */
export function writeOf(packet: Uint8Array): { id: number; handle: Uint8Array; offset: number; data: Uint8Array } {
  if (packet.length < 9) throw new DecodeError('WRITE is too short');
  const handleBytes = readU32(packet, 5);
  const start = 9 + handleBytes + 8 + 4;
  if (start > packet.length) throw new DecodeError('WRITE is too short');
  const end = start + readU32(packet, start - 4);
  if (end > packet.length) throw new DecodeError('WRITE says more data than it has');
  const handle = packet.subarray(9, 9 + handleBytes);
  return { id: readU32(packet, 1), handle, offset: offsetAt(packet, 9 + handleBytes), data: packet.subarray(start, end) };
}

function putOffset(target: Uint8Array, at: number, offset: number): void {
  writeU32(target, at, Math.floor(offset / 0x1_0000_0000));
  writeU32(target, at + 4, offset >>> 0);
}

function offsetAt(packet: Uint8Array, at: number): number {
  const offset = readU32(packet, at) * 0x1_0000_0000 + readU32(packet, at + 4);
  if (!Number.isSafeInteger(offset)) throw new DecodeError('an offset beyond 2^53');
  return offset;
}
