// C memory for one call, or for one context: everything that is allocated here is freed together. The structures are those of
// gssapi.h (RFC 2744): buffers and sets are two words, an OID is a 32-bit length and a pointer on a word's boundary.

import type { Koffi } from './library.ts';

export class Memory {
  readonly #koffi: Koffi;
  readonly #word: number;
  readonly #littleEndian: boolean;
  #blocks: bigint[] = [];

  constructor(koffi: Koffi) {
    this.#koffi = koffi;
    this.#word = koffi.sizeof('void *');
    this.#littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  }

  /** Zeroed bytes; at least one, so that an address is never NULL. */
  block(length: number): bigint {
    const address = this.#koffi.alloc('uint8_t', Math.max(length, 1));
    this.#blocks.push(address);
    new Uint8Array(this.#koffi.view(address, Math.max(length, 1))).fill(0);
    return address;
  }

  /** A place for one pointer, NULL at first. */
  cell(): bigint {
    return this.block(this.#word);
  }

  /** A place for an OM_uint32. */
  number(): bigint {
    return this.block(4);
  }

  bytes(data: Uint8Array): bigint {
    const address = this.block(data.length);
    new Uint8Array(this.#koffi.view(address, Math.max(data.length, 1))).set(data);
    return address;
  }

  /** gss_buffer_desc; without data an empty one for a function to fill. */
  buffer(data?: Uint8Array): bigint {
    return data === undefined ? this.#words(0n, 0n) : this.#words(BigInt(data.length), this.bytes(data));
  }

  /** gss_OID_desc: the OID without tag and length. */
  oid(contents: Uint8Array): bigint {
    const address = this.#words(0n, this.bytes(contents));
    this.#view(address, 4).setUint32(0, contents.length, this.#littleEndian);
    return address;
  }

  /** gss_OID_set_desc with one member. */
  oidSet(oid: bigint): bigint {
    return this.#words(1n, oid);
  }

  /** gss_key_value_set_desc with one element: which cache or keytab to use. */
  store(key: string, value: string): bigint {
    const text = (string: string) => this.bytes(new TextEncoder().encode(`${string}\0`));
    const element = this.#words(text(key), text(value));
    const address = this.#words(0n, element);
    this.#view(address, 4).setUint32(0, 1, this.#littleEndian);
    return address;
  }

  readNumber(address: bigint): number {
    return this.#view(address, 4).getUint32(0, this.#littleEndian);
  }

  readCell(address: bigint, index = 0): bigint {
    const view = this.#view(address, this.#word * (index + 1));
    const offset = this.#word * index;
    return this.#word === 8 ? view.getBigUint64(offset, this.#littleEndian) : BigInt(view.getUint32(offset, this.#littleEndian));
  }

  /** A copy of what a gss_buffer_desc holds. */
  readBuffer(address: bigint): Uint8Array {
    const length = Number(this.readCell(address));
    return length === 0 ? new Uint8Array(0) : new Uint8Array(this.#koffi.view(this.readCell(address, 1), length)).slice();
  }

  /** A copy of what the gss_OID_desc at this address holds. */
  readOid(address: bigint): Uint8Array {
    const length = this.readNumber(address);
    return new Uint8Array(this.#koffi.view(this.readCell(address, 1), length)).slice();
  }

  free(): void {
    for (const address of this.#blocks.splice(0)) this.#koffi.free(address);
  }

  #words(first: bigint, second: bigint): bigint {
    const address = this.block(2 * this.#word);
    const view = this.#view(address, 2 * this.#word);
    if (this.#word === 8) {
      view.setBigUint64(0, first, this.#littleEndian);
      view.setBigUint64(8, second, this.#littleEndian);
    } else {
      view.setUint32(0, Number(first), this.#littleEndian);
      view.setUint32(4, Number(second), this.#littleEndian);
    }
    return address;
  }

  #view(address: bigint, length: number): DataView {
    return new DataView(this.#koffi.view(address, length));
  }
}
