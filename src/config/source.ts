// The files of a configuration: where they are, who may write to them, and their lines. A file is read once for each SSHConfig, so
// that both passes of a lookup see the same text.

import { type FileHandle, open } from 'node:fs/promises';

/** Where a configuration begins: a file, or a text that is no file. */
export interface Source {
  readonly path: string;
  readonly text?: string;
  /** The user's own configuration and not the system's. */
  readonly fromUser: boolean;
  /** What a relative `Include` is relative to; may begin with `~`. */
  readonly baseDir: string;
  /** Refuse a file that others can write to. */
  readonly checkOwner: boolean;
  /** An error if it is not there. */
  readonly required: boolean;
}

/** A bound on one file (bytes); nobody writes more by hand. */
const FILE_LIMIT = 4 << 20;

export class FileProblem extends Error {}

interface ReadFile {
  readonly lines: readonly string[];
  /** Why others can write to it, or null. */
  readonly ownerProblem: string | null;
}

export class Files {
  readonly #read = new Map<string, Promise<ReadFile | null>>();
  readonly #uid: number;

  constructor(uid: number) {
    this.#uid = uid;
  }

  /** The lines, or null if there is no such file. @throws FileProblem */
  async lines({ path, text, checkOwner }: Pick<Source, 'path' | 'text' | 'checkOwner'>): Promise<readonly string[] | null> {
    if (text !== undefined) return splitLines(text);
    let pending = this.#read.get(path);
    if (pending === undefined) {
      pending = this.#readFile(path);
      this.#read.set(path, pending);
    }
    const file = await pending;
    if (checkOwner && file !== null && file.ownerProblem !== null) throw new FileProblem(file.ownerProblem);
    return file === null ? null : file.lines;
  }

  async #readFile(path: string): Promise<ReadFile | null> {
    try {
      const handle = await open(path, 'r');
      try {
        const { uid, mode } = await handle.stat();
        // The same file that was looked at is read, whatever happens to the path meanwhile.
        return { lines: splitLines(await readBounded(handle)), ownerProblem: this.#ownerProblem(uid, mode) };
      } finally {
        await handle.close();
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return null;
      // Reading a directory gives nothing; so it does in ssh.
      if (code === 'EISDIR') return { lines: [], ownerProblem: null };
      if (error instanceof FileProblem) throw error;
      throw new FileProblem(`the file cannot be read (${code ?? String(error)})`);
    }
  }

  #ownerProblem(uid: number, mode: number): string | null {
    // Windows has neither; its files are guarded by other means.
    if (this.#uid < 0) return null;
    if (uid !== 0 && uid !== this.#uid) return 'the file belongs to another user, who could make ssh run anything';
    if ((mode & 0o022) !== 0) return 'others can write to the file and make ssh run anything; chmod go-w';
    return null;
  }
}

/** Pipes and devices have no size to look at first. */
async function readBounded(handle: FileHandle): Promise<string> {
  const chunks: Buffer[] = [];
  for (let total = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(65_536), 0, 65_536, null);
    if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
    total += bytesRead;
    if (total > FILE_LIMIT) throw new FileProblem(`the file is longer than ${FILE_LIMIT} bytes`);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
