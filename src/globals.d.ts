// The few globals that the core may use beyond ES2023. They exist in Node, Bun, Deno, workers and browsers alike; nothing
// else does, so tsconfig.core.json compiles the core with no ambient types at all.
declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, target: Uint8Array): { read: number; written: number };
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}
