/**
 * Instantiates the WebAssembly module of wasm/chacha-poly.c, lazily and synchronously (it is 7 KB: well under a
 * millisecond). One instance serves the whole process, as every call into it runs to its end before the next begins.
 *
 * Invariant: the memory never grows, so a view of it stays valid.
 */
import { scalarModule, simdModule } from './wasm/chacha-poly-bytes.ts';

/** The functions of wasm/chacha-poly.c; addresses are offsets into the memory. */
export interface ChachaExports {
  keysAddress(): number;
  tagAddress(): number;
  dataAddress(): number;
  dataBytes(): number;
  wipe(): void;
  macBegin(sequence: number): void;
  macUpdate(length: number): void;
  macEnd(): void;
  macFits(offset: number): number;
  polyBegin(): void;
  cryptBody(sequence: number, counter: number, length: number): void;
  cryptLength(sequence: number): void;
  seal(sequence: number, length: number): void;
  open(sequence: number, length: number): number;
}

/** The little of WebAssembly that is used; its types are otherwise in the DOM library alone. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
  ) => { readonly exports: ChachaExports & { readonly memory: { readonly buffer: ArrayBuffer } } };
};

export class ChachaModule {
  readonly memory: Uint8Array;
  readonly exports: ChachaExports;
  readonly keys: number;
  readonly tag: number;
  readonly data: number;
  readonly dataBytes: number;

  constructor(bytes: Uint8Array) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    this.memory = new Uint8Array(exports.memory.buffer);
    this.exports = exports;
    this.keys = exports.keysAddress();
    this.tag = exports.tagAddress();
    this.data = exports.dataAddress();
    this.dataBytes = exports.dataBytes();
  }
}

/** An instance of its own, for tests that compare the two builds. */
export function newChachaModule(kind: 'simd' | 'scalar'): ChachaModule {
  return new ChachaModule(Buffer.from(kind === 'simd' ? simdModule : scalarModule, 'base64'));
}

let shared: ChachaModule | undefined;

/** The shared instance; the build without SIMD where the processor or the engine lacks it. */
export function chachaModule(): ChachaModule {
  if (shared === undefined) {
    if (typeof WebAssembly === 'undefined')
      throw new Error('chacha20-poly1305@openssh.com needs WebAssembly (node --jitless has none)');
    const simd = Buffer.from(simdModule, 'base64');
    shared = WebAssembly.validate(simd) ? new ChachaModule(simd) : newChachaModule('scalar');
  }
  return shared;
}
