// The authorized_keys file of the account that we have logged in to, as it is and with lines at its end. There are two ways to it, a
// shell and SFTP, which do the same: what is in the file is never written again, so it cannot be lost, and a line is added in one write.

/** The file, however it is reached. */
export interface Account {
  readonly via: 'shell' | 'sftp';
  /** Its path there, for messages. */
  readonly file: string;
  /** What it holds; empty where it does not exist yet. */
  readonly content: string;
  /**
   * Adds whole lines at the end, after a line end where one is missing. A folder or file that did not exist is made for its owner
   * alone.
   * @throws Failure, SSHError
   */
  append(lines: string): Promise<void>;
}

/** Where it is, below the home directory. */
export const FOLDER = '.ssh';
export const FILE = `${FOLDER}/authorized_keys`;

/** Bytes of a file that is looked at. One that is longer is not of keys. */
export const MOST_CONTENT = 16 * 1024 * 1024;
