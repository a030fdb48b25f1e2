/**
 * chacha20-poly1305@openssh.com (OpenSSH PROTOCOL.chacha20poly1305). node:crypto has the cipher but no Poly1305 that takes
 * a key (only the IETF AEAD, whose MAC covers other bytes), so the MAC, and small packets altogether, run in WebAssembly.
 *
 * Invariants: the tag is compared in constant time before any of the body is decrypted; what `open` returns belongs to the
 * caller; the module's memory holds no key, and no plaintext it decrypted, once a call has returned.
 */
import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { freeBytes } from '../../memory/free.ts';
import { dropLitter } from '../../memory/litter.ts';
import type { ChachaPoly } from '../provider.ts';
import { type ChachaModule, chachaModule } from './chacha-module.ts';

const KEY_BYTES = 64;
const LENGTH_BYTES = 4;
const TAG_BYTES = 16;

/**
 * From this packet size on node's cipher, which runs at 5 GB/s but costs about 3 microseconds to create, beats WebAssembly's
 * 1.1 GB/s. Without node's cipher every packet stays below it.
 */
const NODE_CIPHER_FROM = 4096;

/** node's `chacha20` takes 16 bytes: the block counter, 64 bits little-endian, then the nonce. Bodies start at block 1. */
function newBodyIv(): Uint8Array {
  const iv = new Uint8Array(16);
  iv[0] = 1;
  return iv;
}

let nodeHasCipher: boolean | undefined;

/** Bun and engines built on BoringSSL lack `chacha20`; what has it must agree with the module on counter and nonce. */
function detectNodeCipher(): boolean {
  if (nodeHasCipher === undefined) {
    try {
      const module = chachaModule();
      const zeros = new Uint8Array(KEY_BYTES);
      const iv = newBodyIv();
      iv[15] = 2;
      const theirs = createCipheriv('chacha20', createSecretKey(zeros.subarray(0, 32)), iv).update(zeros);
      module.memory.set(zeros, module.keys);
      module.memory.set(zeros, module.data);
      module.exports.cryptBody(2, 1, KEY_BYTES);
      module.exports.wipe();
      nodeHasCipher = theirs.equals(module.memory.subarray(module.data, module.data + KEY_BYTES));
    } catch {
      nodeHasCipher = false;
    }
  }
  return nodeHasCipher;
}

export interface ChachaPolyOptions {
  /** Defaults to the module this process shares. */
  readonly module?: ChachaModule;
  /** Packets of at least this many bytes use node's cipher; Infinity for none. */
  readonly nodeCipherFrom?: number;
}

class HybridChachaPoly implements ChachaPoly {
  readonly #keys: Uint8Array;
  readonly #bodyKey: KeyObject | undefined;
  readonly #iv = newBodyIv();
  readonly #module: ChachaModule;
  readonly #nodeCipherFrom: number;

  constructor(key: Uint8Array, options: ChachaPolyOptions) {
    if (key.length !== KEY_BYTES) throw new RangeError(`a chacha20-poly1305@openssh.com key is 64 bytes long, not ${key.length}`);
    this.#keys = Uint8Array.from(key);
    this.#module = options.module ?? chachaModule();
    this.#nodeCipherFrom = options.nodeCipherFrom ?? (detectNodeCipher() ? NODE_CIPHER_FROM : Number.POSITIVE_INFINITY);
    if (this.#nodeCipherFrom !== Number.POSITIVE_INFINITY) this.#bodyKey = createSecretKey(this.#keys.subarray(0, 32));
  }

  openLength(sequence: number, encrypted: Uint8Array): number {
    const { memory, keys, data, exports } = this.#module;
    memory.set(this.#keys, keys);
    for (let i = 0; i < LENGTH_BYTES; i++) memory[data + i] = encrypted[i] ?? 0;
    exports.cryptLength(sequence);
    return (
      (((memory[data] ?? 0) << 24) |
        ((memory[data + 1] ?? 0) << 16) |
        ((memory[data + 2] ?? 0) << 8) |
        (memory[data + 3] ?? 0)) >>>
      0
    );
  }

  seal(sequence: number, packet: Uint8Array, target: Uint8Array): void {
    const length = packet.length;
    if (length < LENGTH_BYTES) throw new RangeError('a packet starts with a length field of 4 bytes');
    const { memory, keys, data, dataBytes, tag, exports } = this.#module;
    const withNode = length >= this.#nodeCipherFrom;
    memory.set(this.#keys, keys);
    if (!withNode && length + TAG_BYTES <= dataBytes) {
      memory.set(packet, data);
      exports.seal(sequence, length);
      target.set(memory.subarray(data, data + length + TAG_BYTES));
      return;
    }
    for (let i = 0; i < LENGTH_BYTES; i++) memory[data + i] = packet[i] ?? 0;
    exports.cryptLength(sequence);
    target.set(memory.subarray(data, data + LENGTH_BYTES));
    const body = this.#cryptBody(sequence, packet.subarray(LENGTH_BYTES), withNode);
    target.set(body, LENGTH_BYTES);
    freeBytes(body);
    this.#macBegin(sequence, target.subarray(0, LENGTH_BYTES), target.subarray(LENGTH_BYTES, length));
    exports.macEnd();
    target.set(memory.subarray(tag, tag + TAG_BYTES), length);
  }

  open(sequence: number, packet: Uint8Array): Uint8Array | null {
    const length = packet.length - TAG_BYTES;
    if (length < LENGTH_BYTES) return null;
    const { memory, keys, data, dataBytes, exports } = this.#module;
    const withNode = length >= this.#nodeCipherFrom;
    if (!withNode && packet.length <= dataBytes) {
      memory.set(this.#keys, keys);
      memory.set(packet, data);
      if (exports.open(sequence, length) === 0) return null;
      const body = memory.slice(data + LENGTH_BYTES, data + length);
      memory.fill(0, data + LENGTH_BYTES, data + length); // passwords travel in small packets
      return body;
    }
    this.#macBegin(sequence, packet.subarray(0, LENGTH_BYTES), packet.subarray(LENGTH_BYTES, length));
    memory.set(packet.subarray(length), data);
    if (exports.macFits(0) === 0) return null;
    dropLitter(length);
    return this.#cryptBody(sequence, packet.subarray(LENGTH_BYTES, length), withNode);
  }

  /** Feeds length and body in cipher to the MAC; the caller ends it, which wipes the key. */
  #macBegin(sequence: number, length: Uint8Array, body: Uint8Array): void {
    const { memory, keys, data, dataBytes, exports } = this.#module;
    memory.set(this.#keys, keys);
    exports.macBegin(sequence);
    memory.set(length, data);
    // The module takes whole blocks until the last piece, so the length goes along with the first of the body.
    let filled = LENGTH_BYTES;
    for (let start = 0; start < body.length || filled > 0; filled = 0) {
      const end = Math.min(body.length, start + dataBytes - filled);
      memory.set(body.subarray(start, end), data + filled);
      exports.macUpdate(filled + end - start);
      start = end;
    }
  }

  /** Encrypts or decrypts a body into a fresh buffer. */
  #cryptBody(sequence: number, body: Uint8Array, withNode: boolean): Uint8Array {
    if (withNode && this.#bodyKey !== undefined) {
      const iv = this.#iv;
      iv[12] = sequence >>> 24;
      iv[13] = sequence >>> 16;
      iv[14] = sequence >>> 8;
      iv[15] = sequence;
      return createCipheriv('chacha20', this.#bodyKey, iv).update(body);
    }
    const { memory, keys, data, dataBytes, exports } = this.#module;
    const result = new Uint8Array(body.length);
    memory.set(this.#keys, keys);
    for (let start = 0; start < body.length; start += dataBytes) {
      const end = Math.min(body.length, start + dataBytes);
      memory.set(body.subarray(start, end), data);
      exports.cryptBody(sequence, 1 + start / 64, end - start);
      result.set(memory.subarray(data, data + end - start), start);
    }
    exports.wipe();
    memory.fill(0, data, data + Math.min(body.length, dataBytes));
    return result;
  }
}

export function newChachaPoly(key: Uint8Array, options: ChachaPolyOptions = {}): ChachaPoly {
  return new HybridChachaPoly(key, options);
}
