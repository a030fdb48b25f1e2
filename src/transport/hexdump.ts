// Messages as hexadecimal text for the log, as `setHexdump` turns it on. Authentication messages (50 to 79) are named and
// measured but never shown: they hold passwords. What runs inside channels is shown, that is what a dump is for.

const AUTH_FIRST = 50;
const AUTH_LAST = 79;
const WIDTH = 16;

/** The lines for one message, the first of which says what it is. */
export function hexdump(direction: 'in' | 'out', payload: Uint8Array): string {
  const number = payload[0] as number;
  const title = `${direction === 'in' ? 'IN ' : 'OUT'} message ${number}, ${payload.length} bytes`;
  if (number >= AUTH_FIRST && number <= AUTH_LAST) return `${title} (authentication, not shown)`;
  const lines = [title];
  for (let offset = 0; offset < payload.length; offset += WIDTH) {
    const row = payload.subarray(offset, offset + WIDTH);
    let hex = '';
    let ascii = '';
    for (const byte of row) {
      hex += `${byte.toString(16).padStart(2, '0')} `;
      ascii += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    }
    lines.push(`${offset.toString(16).padStart(4, '0')}: ${hex.padEnd(3 * WIDTH)} ${ascii}`);
  }
  return lines.join('\n');
}
