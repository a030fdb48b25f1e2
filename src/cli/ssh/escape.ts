// The escape character of interactive sessions, `~` unless another was chosen, right after a line's start. `~.` ends the session, `~?`
// explains, `~~` is one `~`. Anything else after it goes to the remote side, tilde included. Works across the borders of chunks.

export type Typed =
  /** For the remote side. */
  | { readonly kind: 'data'; readonly data: Uint8Array }
  /** `~.` */
  | { readonly kind: 'end' }
  /** `~?` */
  | { readonly kind: 'help' };

const CR = 0x0d;
const LF = 0x0a;
const PERIOD = 0x2e;
const QUESTION_MARK = 0x3f;

export class EscapeFilter {
  #atLineStart = true;
  #pending = false;
  readonly #escape: number;

  /** @param character one ASCII character */
  constructor(character = '~') {
    this.#escape = character.charCodeAt(0);
  }

  /** What the bytes mean, in order. Nothing after `end` counts. */
  push(bytes: Uint8Array): Typed[] {
    const typed: Typed[] = [];
    let data: number[] = [];
    const flush = () => {
      if (data.length > 0) typed.push({ kind: 'data', data: Uint8Array.from(data) });
      data = [];
    };
    for (const byte of bytes) {
      if (this.#pending) {
        this.#pending = false;
        if (byte === PERIOD || byte === QUESTION_MARK) {
          flush();
          typed.push({ kind: byte === PERIOD ? 'end' : 'help' });
          if (byte === PERIOD) return typed;
          this.#atLineStart = true;
          continue;
        }
        if (byte !== this.#escape) data.push(this.#escape);
      } else if (this.#atLineStart && byte === this.#escape) {
        this.#pending = true;
        continue;
      }
      data.push(byte);
      this.#atLineStart = byte === CR || byte === LF;
    }
    flush();
    return typed;
  }
}
