// Folders of a server, as the source and as the target of a transfer.

import { SFTPError } from '../../../errors.ts';
import type { SFTPAttributes } from '../../protocol/attributes.ts';
import { Mkdir } from '../../protocol/messages.ts';
import { attributesOf, remove, setstat, symlink } from '../changes.ts';
import { FolderReader } from '../listing.ts';
import { join, parentOf } from '../paths.ts';
import { lstat, readlink, realpath, stat } from '../questions.ts';
import type { SFTPSession } from '../session.ts';
import type { TransferCall } from './call.ts';
import { isLocalName } from './local-path.ts';
import { creationMode } from './local-target.ts';
import type { Entry, SourceTree, TargetTree } from './trees.ts';

export class RemoteSourceTree implements SourceTree {
  readonly #call: TransferCall;
  readonly #session: SFTPSession;

  constructor(call: TransferCall, session: SFTPSession) {
    this.#call = call;
    this.#session = session;
  }

  join(folder: string, name: string): string {
    return join(folder, name);
  }

  async *list(folder: string): AsyncGenerator<readonly Entry[], void> {
    const reader = await FolderReader.open(this.#session, folder, this.#call.call);
    try {
      for (let entries = await reader.next(); entries !== null; entries = await reader.next()) {
        yield entries.map((attributes) => ({ name: attributes.filename ?? '', attributes }));
      }
    } finally {
      reader.close();
    }
  }

  stat(path: string): Promise<SFTPAttributes> {
    return stat(this.#session, path, this.#call.call);
  }

  readlink(path: string): Promise<string> {
    return readlink(this.#session, path, this.#call.call);
  }

  realpath(path: string): Promise<string> {
    return realpath(this.#session, path, this.#call.call);
  }
}

export class RemoteTargetTree implements TargetTree {
  readonly #call: TransferCall;
  readonly #session: SFTPSession;
  readonly #strangers: boolean;

  /** `strangers`: the source is not this machine's, so that links which an earlier transfer has made are not to be followed. */
  constructor(call: TransferCall, session: SFTPSession, strangers: boolean) {
    this.#call = call;
    this.#session = session;
    this.#strangers = strangers;
  }

  join(folder: string, name: string): string {
    if (isLocalName(name, false)) return join(folder, name);
    throw new SFTPError('EINVAL', 'not the name of a file', { operation: 'put', path: name });
  }

  async makeFolder(path: string, { stMode }: SFTPAttributes, topmost: boolean): Promise<void> {
    const mode = creationMode(stMode ?? 0o777) | 0o700;
    try {
      await this.#mkdir(path, mode);
    } catch (error) {
      this.#call.signal.throwIfAborted();
      if (!(error instanceof SFTPError)) throw error;
      // Version 3 has no word for "exists".
      const look = this.#strangers && !topmost ? lstat : stat;
      const there = await look(this.#session, path, this.#call.call).catch(() => null);
      if (there?.isDirectory()) return;
      if (there !== null) throw obstacle(path, there, error);
      const above = parentOf(path);
      if (!topmost || error.code !== 'ENOENT' || above === path || above === '.') throw error;
      await this.makeFolder(above, attributesOf({ stMode: 0o777 }), true);
      await this.#mkdir(path, mode);
    }
  }

  async makeLink(path: string, target: string): Promise<void> {
    const { call } = this.#call;
    try {
      await symlink(this.#session, target, path, call);
    } catch (error) {
      // One of an earlier transfer is replaced; a file is not.
      if (!(error instanceof SFTPError) || error.code !== 'EEXIST') throw error;
      if (!(await lstat(this.#session, path, call)).isSymbolicLink()) throw error;
      if ((await readlink(this.#session, path, call)) === target) return;
      await remove(this.#session, path, call);
      await symlink(this.#session, target, path, call);
    }
  }

  async finishFolder(path: string, { stMode, stAtime, stMtime }: SFTPAttributes): Promise<void> {
    const mode = stMode === undefined ? undefined : stMode & 0o777;
    await setstat(this.#session, path, { stMode: mode, stAtime, stMtime }, this.#call.call);
  }

  #mkdir(path: string, mode: number): Promise<void> {
    const attributes = attributesOf({ stMode: mode });
    return this.#session.perform({ operation: 'mkdir', path }, (id) => Mkdir.encode({ id, path, attributes }), this.#call.call);
  }
}

/** @throws SFTPError ELOOP where a link is in the place of a file that comes from another server */
export async function refuseLink(call: TransferCall, session: SFTPSession, path: string): Promise<void> {
  const there = await lstat(session, path, call.call).catch((error: unknown) => {
    if (error instanceof SFTPError && error.code === 'ENOENT') return null;
    throw error;
  });
  if (there?.isSymbolicLink()) throw obstacle(path, there, undefined);
}

function obstacle(path: string, there: SFTPAttributes, cause: unknown): SFTPError {
  const link = there.isSymbolicLink();
  const reason = link ? 'a symbolic link stands in the way' : 'not a directory';
  return new SFTPError(link ? 'ELOOP' : 'ENOTDIR', reason, { operation: 'put', path, cause });
}
