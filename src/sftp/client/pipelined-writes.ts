// Writes that nobody waits for one by one (`SFTPFile.setPipelined`): the caller's buffer is free when it has been taken, and what
// the server refuses is kept for whoever asks next.

import type { CallOptions } from '../../io/waiting.ts';
import { GatheredWrites } from './gathered-writes.ts';
import type { Lanes } from './lanes.ts';
import { waitUntil } from './time-limit.ts';
import type { Upload } from './upload.ts';
import { uploadTo, type WritableFile } from './writing.ts';

export class PipelinedWrites {
  readonly #file: WritableFile;
  #upload: Upload;
  #lanes: Lanes | null;
  #gathered: GatheredWrites;

  constructor(file: WritableFile) {
    this.#file = file;
    const { upload, lanes } = uploadTo(file);
    this.#upload = upload;
    this.#lanes = lanes;
    this.#gathered = new GatheredWrites(upload, () => {});
  }

  /** Resolves when there is room for more. @throws SFTPError, the first refusal so far */
  async write(bytes: Uint8Array, position: number, call: CallOptions): Promise<void> {
    if (this.#upload.error !== null) throw this.#upload.error;
    this.#gathered.write(bytes, position);
    if (!this.#upload.roomy) await waitUntil('writing', call, this.#upload.room());
  }

  /** Sends what has been gathered, so that requests to come find it written. */
  flush(): void {
    this.#gathered.flush();
  }

  /** Resolves when all has been acknowledged; then, or after a refusal, it begins anew. @throws SFTPError, the first refusal */
  async finish(call?: CallOptions): Promise<void> {
    this.#gathered.flush();
    const upload = this.#upload;
    const lanes = this.#lanes;
    try {
      await waitUntil('writing', call, upload.finish());
      await lanes?.finish(call);
    } finally {
      lanes?.close();
      if (this.#upload === upload) {
        const next = uploadTo(this.#file);
        this.#upload = next.upload;
        this.#lanes = next.lanes;
        this.#gathered = new GatheredWrites(next.upload, () => {});
      }
    }
  }
}
