// One file from the server to a local file.

import type { SFTPAttributes } from '../../protocol/attributes.ts';
import type { TransferCall } from './call.ts';
import { cutShort } from './failure.ts';
import { LocalTarget } from './local-target.ts';
import type { RemoteEnd } from './options.ts';
import type { FileCount } from './progress.ts';
import { RemoteSource } from './remote-source.ts';
import { resumeLocal } from './resume.ts';
import { compareWithLocal } from './verify.ts';

export interface GetFile {
  readonly from: RemoteEnd;
  readonly path: string;
  readonly local: string;
  /** From a listing; spares a request. */
  readonly attributes?: SFTPAttributes;
  readonly insideFolder: boolean;
  readonly count: FileCount;
}

/** @throws SFTPError, Node's errors, and where something is left, TransferError */
export async function getFile(call: TransferCall, file: GetFile): Promise<void> {
  const { path, local, insideFolder, count } = file;
  const name = { operation: 'get', path, dest: local } as const;
  const source = await RemoteSource.open(call, file.from.session, path, file.attributes);
  let target: LocalTarget | null = null;
  try {
    const { attributes, size } = source;
    if (size !== undefined) call.tally.resize(count, size);
    target = await LocalTarget.open(call, { path: local, insideFolder, resume: call.options.resume === true }, attributes, name);
    const start = call.options.resume ? await resumeLocal(call, source, target, name) : 0;
    if (start > 0) call.tally.already(count, start);
    const take = target.receive(call, start);
    let end = start;
    if (size === undefined || start < size || start === 0) {
      end = await source.pour(call, start, (data, position, done) =>
        take(data, position, (error) => {
          if (error === undefined) call.count(count, data.length);
          done(error);
        }),
      );
    }
    // More is a file that has grown; less is not the file.
    if (call.verifies !== false && size !== undefined && end < size) throw cutShort(name, end, size);
    await target.finish(call, end, attributes);
    if (call.verifies === 'hash') await compareWithLocal(call, source, local, end, name);
    call.finished(count);
  } catch (error) {
    throw target === null ? error : await target.abandon(call, error, name);
  } finally {
    source.close();
  }
}
