// Lines of a file or of a pipe, as they come, so that a program at the other end can wait for what one of them does before it
// writes the next. Bytes that are not UTF-8 are kept, as everywhere in names (`names.ts`).

import { UsageError } from '../../errors.ts';
import { decodeName } from '../../sftp/protocol/names.ts';

/** A longer line is no command. Bytes. */
const LONGEST = 1_048_576;

/** @throws UsageError for a line that never ends, what `source` throws */
export async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const line = rest.subarray(0, end);
      rest = rest.subarray(end + 1);
      yield text(line);
    }
    if (rest.length > LONGEST) throw new UsageError(`a line of more than ${LONGEST} bytes`);
  }
  if (rest.length > 0) yield text(rest);
}

function text(line: Uint8Array): string {
  return decodeName(line.at(-1) === 0x0d ? line.subarray(0, -1) : line);
}
