// zlib@openssh.com (OpenSSH PROTOCOL section 1.2): RFC 1950 streams that run on from packet to packet and start only after
// authentication, so an unknown peer never reaches the inflater. Each packet ends with a partial (here: sync) flush.
//
// Inflating stops at `limits.inflatedBytes` while it runs: a 200 KiB packet can announce 200 MiB (russh CVE-2026-46702).

import * as pako from 'pako';
import { concat } from '../bytes/bytes.ts';
import { ProtocolError } from '../errors.ts';
import { limits } from './limits.ts';

export const compressions = [
  { name: 'none', status: 'default' },
  { name: 'zlib@openssh.com', status: 'default' },
] as const;

export type CompressionName = (typeof compressions)[number]['name'];

const COMPRESSION_ERROR = 6;
const CHUNK = 32_768;

export class Compressor {
  readonly #deflate = new pako.Deflate({ level: 6, chunkSize: CHUNK });
  #pieces: Uint8Array[] = [];

  constructor() {
    this.#deflate.onData = (piece) => void this.#pieces.push(piece as Uint8Array);
  }

  compress(payload: Uint8Array): Uint8Array {
    this.#pieces = [];
    this.#deflate.push(payload, pako.Z_SYNC_FLUSH);
    return concat(...this.#pieces);
  }
}

export class Decompressor {
  readonly #inflate = new pako.Inflate({ chunkSize: CHUNK });
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor() {
    this.#inflate.onData = (piece) => {
      this.#bytes += (piece as Uint8Array).length;
      // Thrown from inside the inflater, so no more than one chunk beyond the limit is ever produced.
      if (this.#bytes > limits.inflatedBytes) {
        throw new ProtocolError('decompressed-too-long', 'a packet inflates beyond the limit', COMPRESSION_ERROR);
      }
      this.#pieces.push(piece as Uint8Array);
    };
  }

  decompress(payload: Uint8Array): Uint8Array {
    this.#pieces = [];
    this.#bytes = 0;
    if (!this.#inflate.push(payload, pako.Z_SYNC_FLUSH) || this.#inflate.ended) {
      throw new ProtocolError('decompression-failed', 'the compressed stream is damaged', COMPRESSION_ERROR);
    }
    return this.#pieces.length === 1 ? (this.#pieces[0] as Uint8Array) : concat(...this.#pieces);
  }
}
