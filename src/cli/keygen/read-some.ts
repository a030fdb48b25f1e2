// Files and stdin, never more of them than makes sense: a name may be one of a device that does not end.

import { open } from 'node:fs/promises';
import { Failure } from '../verb.ts';

/** The first bytes of a file. @throws Error of the file system */
export async function readSome(file: string, bytes: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    let length = 0;
    while (length < bytes) {
      const { bytesRead } = await handle.read(buffer, length, bytes - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

/** All of a file, or of stdin where it is called `-`. @throws Failure where that is more than `most` bytes */
export async function readAll(file: string, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const take = (chunk: Buffer) => {
    length += chunk.length;
    if (length > most) throw new Failure(`${file === '-' ? 'stdin' : file} is longer than ${most} bytes`);
    chunks.push(chunk);
  };
  if (file === '-') {
    for await (const chunk of process.stdin) take(chunk as Buffer);
  } else {
    const handle = await open(file, 'r');
    for await (const chunk of handle.createReadStream()) take(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
