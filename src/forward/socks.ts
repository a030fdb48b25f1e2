// The server's half of SOCKS, without I/O: bytes in, an answer and a destination out. SOCKS 4 (with its 4A extension for names)
// and SOCKS 5 (RFC 1928), CONNECT only, no authentication: it listens on loopback for the user's own programs.

import { decodeUtf8 } from '../bytes/bytes.ts';

/** What to do next. `consumed` bytes of the input have been understood. */
export type SocksStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'answer'; readonly bytes: Uint8Array; readonly consumed: number }
  | { readonly kind: 'connect'; readonly host: string; readonly port: number; readonly consumed: number }
  /** The request can't be served: send `bytes` and close. */
  | { readonly kind: 'refuse'; readonly bytes: Uint8Array; readonly why: string };

/** A client that sends more than this without a request is not one. */
const LONGEST = 1_024;
const CONNECT = 1;

export class SocksHandshake {
  #version: 4 | 5 | null = null;
  #greeted = false;

  /** Looks at everything that has come since the last consumed byte. */
  step(input: Uint8Array): SocksStep {
    const version = input[0];
    if (version === undefined) return { kind: 'more' };
    if (version !== 4 && version !== 5) return refusal(new Uint8Array(0), `SOCKS version ${version}`);
    this.#version ??= version;
    const step = version === 4 ? this.#four(input) : this.#greeted ? this.#five(input) : this.#greeting(input);
    if (step.kind === 'more' && input.length > LONGEST) return refusal(new Uint8Array(0), 'an endless SOCKS request');
    return step;
  }

  /** The answer once it is known whether the destination could be reached. */
  outcome(connected: boolean): Uint8Array {
    // Status, then an address and port that no client looks at.
    if (this.#version === 4) return Uint8Array.of(0, connected ? 0x5a : 0x5b, 0, 0, 0, 0, 0, 0);
    return Uint8Array.of(5, connected ? 0 : 5, 0, 1, 0, 0, 0, 0, 0, 0);
  }

  /** version, command, port, address, user name, NUL (, host name, NUL where the address is 0.0.0.x). */
  #four(input: Uint8Array): SocksStep {
    if (input.length < 9) return { kind: 'more' };
    if (input[1] !== CONNECT) return refusal(this.outcome(false), `SOCKS 4 command ${input[1]}`);
    const port = ((input[2] as number) << 8) | (input[3] as number);
    const address = input.subarray(4, 8);
    const userEnd = input.indexOf(0, 8);
    if (userEnd < 0) return { kind: 'more' };
    const byName = address[0] === 0 && address[1] === 0 && address[2] === 0 && address[3] !== 0;
    if (!byName) return { kind: 'connect', host: address.join('.'), port, consumed: userEnd + 1 };
    const nameEnd = input.indexOf(0, userEnd + 1);
    if (nameEnd < 0) return { kind: 'more' };
    return this.#connect(input.subarray(userEnd + 1, nameEnd), port, nameEnd + 1);
  }

  /** RFC 1928 section 3: version, number of methods, methods. */
  #greeting(input: Uint8Array): SocksStep {
    const count = input[1];
    if (count === undefined || input.length < 2 + count) return { kind: 'more' };
    const NONE = 0;
    if (!input.subarray(2, 2 + count).includes(NONE)) return refusal(Uint8Array.of(5, 0xff), 'no authentication is not offered');
    this.#greeted = true;
    return { kind: 'answer', bytes: Uint8Array.of(5, NONE), consumed: 2 + count };
  }

  /** RFC 1928 section 4: version, command, reserved, address type, address, port. */
  #five(input: Uint8Array): SocksStep {
    if (input.length < 5) return { kind: 'more' };
    if (input[1] !== CONNECT) return refusal(Uint8Array.of(5, 7, 0, 1, 0, 0, 0, 0, 0, 0), `SOCKS 5 command ${input[1]}`);
    const type = input[3];
    const start = type === 3 ? 5 : 4;
    const lengths: Record<number, number> = { 1: 4, 3: input[4] as number, 4: 16 };
    const length = lengths[type as number];
    if (length === undefined) return refusal(Uint8Array.of(5, 8, 0, 1, 0, 0, 0, 0, 0, 0), `SOCKS 5 address type ${type}`);
    const end = start + length;
    if (input.length < end + 2) return { kind: 'more' };
    const address = input.subarray(start, end);
    const port = ((input[end] as number) << 8) | (input[end + 1] as number);
    if (type === 1) return { kind: 'connect', host: address.join('.'), port, consumed: end + 2 };
    if (type === 4) return { kind: 'connect', host: ipv6(address), port, consumed: end + 2 };
    return this.#connect(address, port, end + 2);
  }

  #connect(name: Uint8Array, port: number, consumed: number): SocksStep {
    let host: string;
    try {
      host = decodeUtf8(name);
    } catch {
      return refusal(this.outcome(false), 'a host name that is not UTF-8');
    }
    // The name goes to the server as it is: nothing in it may end a string or a line there.
    if (!/^[^\0-\x20\x7f-][^\0-\x20\x7f]*$/.test(host)) return refusal(this.outcome(false), 'not a host name');
    return { kind: 'connect', host, port, consumed };
  }
}

function refusal(bytes: Uint8Array, why: string): SocksStep {
  return { kind: 'refuse', bytes, why };
}

function ipv6(address: Uint8Array): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((address[i] as number) << 8) | (address[i + 1] as number)).toString(16));
  return groups.join(':');
}
