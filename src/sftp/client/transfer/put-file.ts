// One local file to the server.

import type { SFTPAttributes } from '../../protocol/attributes.ts';
import { setstat } from '../changes.ts';
import type { TransferCall } from './call.ts';
import { type KnownFile, LocalSource } from './local-source.ts';
import type { RemoteEnd } from './options.ts';
import type { FileCount } from './progress.ts';
import { preserved, RemoteTarget } from './remote-target.ts';
import { resumeRemote } from './resume.ts';
import { compareRemote, localDigest } from './verify.ts';

export interface PutFile {
  readonly local: string;
  readonly to: RemoteEnd;
  readonly path: string;
  /** For a file of a folder. */
  readonly known?: KnownFile;
  readonly count: FileCount;
}

/** Resolves with what the server says of the file, null where it was not asked. @throws Node's errors, SFTPError, TransferError */
export async function putFile(call: TransferCall, file: PutFile): Promise<SFTPAttributes | null> {
  const { local, path, to, count } = file;
  const { session } = to;
  const name = { operation: 'put', path: local, dest: path } as const;
  const source = await LocalSource.open(call, local, name, file.known);
  try {
    const { size, attributes } = source;
    call.tally.resize(count, size);
    let start = 0;
    if (call.options.resume) {
      const point = await resumeRemote(call, to, path, source, name);
      start = point.start;
      if (start > 0) call.tally.already(count, start);
      if (start === size && point.attributes !== null) {
        const changes = preserved(call, attributes);
        if (changes !== null) await setstat(session, path, changes, call.call);
        call.finished(count);
        return point.attributes;
      }
    }
    const target = await RemoteTarget.open(call, to, path, { start, size, mode: attributes.mode & 0o777 });
    try {
      const end = await source.send(call, start, target, (bytes) => call.count(count, bytes));
      const written = await target.finish(call, preserved(call, attributes), name);
      if (call.verifies === 'hash') {
        const expected = (algorithm: string) => localDigest(call, source.fd, end, algorithm);
        await compareRemote(call, session, path, end, expected, name);
      }
      call.finished(count);
      return written;
    } catch (error) {
      throw await target.abandon(call, error, name);
    }
  } finally {
    await source.close();
  }
}
