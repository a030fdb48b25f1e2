// Names of users and groups for numbers, from passwd(5) and group(5): what `ls -l` shows to a client that asks.

import { open } from 'node:fs/promises';

/** Of a file that is longer only the beginning counts. */
const MAX_BYTES = 1024 * 1024;

/** '' for numbers that the file does not have; all of them where there is no such file. */
export async function namesOf(file: string, ids: readonly number[]): Promise<string[]> {
  const names = new Map<string, string>();
  for (const line of (await beginningOf(file)).split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (!names.has(id)) names.set(id, name);
  }
  return ids.map((id) => names.get(String(id)) ?? '');
}

async function beginningOf(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
