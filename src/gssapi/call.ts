// One call of GSS-API: made, waited for, and turned into a result or a GssError. Major status: the high half are errors, of the low
// half only GSS_S_CONTINUE_NEEDED matters here (RFC 2744 section 3.9.1).

import { decodeText } from '../bytes/bytes.ts';
import { GssError } from '../errors.ts';
import type { Argument, Functions, Library } from './library.ts';
import { Memory } from './memory.ts';

const ERRORS = 0xffff_0000;
const BY_MAJOR = 1;
const BY_MINOR = 2;
export const NULL = 0n;

/** 1.2.840.113554.1.2.2 without tag and length, as gssapi.h wants it. */
export const KERBEROS = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02);
/** GSS_C_NT_HOSTBASED_SERVICE, 1.2.840.113554.1.2.1.4 */
const HOST_BASED = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x01, 0x04);

export type Name = keyof Functions;

export class Calls {
  readonly library: Library;

  constructor(library: Library) {
    this.library = library;
  }

  memory(): Memory {
    return new Memory(this.library.koffi);
  }

  /** On this thread, for what computes and does not wait. The arguments are those after `minor`. @throws GssError */
  now(name: Name, what: string, ...args: readonly Argument[]): number {
    const memory = this.memory();
    const minor = memory.number();
    try {
      const major = this.library.functions[name](minor, ...args);
      if ((major & ERRORS) !== 0) throw this.error(what, major, memory.readNumber(minor));
      return major;
    } finally {
      memory.free();
    }
  }

  /** On another thread, for what may read files or ask the KDC. The statuses, errors too, are the caller's to judge. */
  later(name: Name, ...args: readonly Argument[]): Promise<{ major: number; minor: number }> {
    const memory = this.memory();
    const minor = memory.number();
    return new Promise((resolve, reject) => {
      this.library.functions[name].async(minor, ...args, (error, major) => {
        const code = memory.readNumber(minor);
        memory.free();
        if (error) reject(new GssError(`${name} could not be called`, { cause: error }));
        else resolve({ major, minor: code });
      });
    });
  }

  isError(major: number): boolean {
    return (major & ERRORS) !== 0;
  }

  error(what: string, major: number, minor: number, errorToken: Uint8Array | null = null): GssError {
    const majorText = this.#describe(major, BY_MAJOR);
    const minorText = minor === 0 ? '' : this.#describe(minor, BY_MINOR);
    return new GssError(what, { major: major >>> 0, minor, majorText, minorText, errorToken });
  }

  /** Takes what a function has put into an empty buffer, and gives the memory back to the library. */
  take(memory: Memory, buffer: bigint): Uint8Array {
    const data = memory.readBuffer(buffer);
    this.release('gss_release_buffer', buffer);
    return data;
  }

  /** What cannot fail, or does not matter if it does. */
  release(name: Name, ...args: readonly Argument[]): void {
    const memory = this.memory();
    this.library.functions[name](memory.number(), ...args);
    memory.free();
  }

  /** A host-based service name: into `cell`. @throws GssError */
  importName(memory: Memory, service: string, cell: bigint): void {
    const text = memory.buffer(new TextEncoder().encode(service));
    this.now('gss_import_name', `'${service}' is no name of a service`, text, memory.oid(HOST_BASED), cell);
  }

  displayName(name: bigint): string {
    const memory = this.memory();
    try {
      const text = memory.buffer();
      this.now('gss_display_name', 'the name of a principal', name, text, NULL);
      return decodeText(this.take(memory, text));
    } finally {
      memory.free();
    }
  }

  #describe(status: number, kind: typeof BY_MAJOR | typeof BY_MINOR): string {
    const memory = this.memory();
    try {
      const text = memory.buffer();
      const mechanism = memory.oid(KERBEROS);
      const more = memory.number();
      const { gss_display_status: display } = this.library.functions;
      if (this.isError(display(memory.number(), status, kind, mechanism, more, text))) return `status ${status}`;
      return decodeText(this.take(memory, text)).trim();
    } finally {
      memory.free();
    }
  }
}
