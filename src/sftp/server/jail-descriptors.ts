// Held by descriptor, on Linux: `/proc/self/fd/<n>/<name>` looks <name> up in the folder that descriptor n stands for, as
// openat(2) does, wherever that folder has been moved and whatever stands at its old path by now. With O_NOFOLLOW, or with a
// function that does not follow, the system walks no link for us but the one in /proc that we made ourselves.
//
// Invariant: no path that is given to the system has more than one component of the client's, and that one is not followed.

import { closeSync, constants, fstat, fstatSync, open, openSync, type PathLike, type Stats, statSync } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { encodeName, isText } from '../protocol/names.ts';
import type { Held } from './jail-held.ts';

/**
 * Linux's, on every architecture that Node runs on; `fs.constants` lacks it. Such a descriptor only names a thing: getting it
 * needs no permission on the thing itself, does not wake a FIFO's other end and does not touch a device.
 */
const O_PATH = 0o10000000;
const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK } = constants;

const openDescriptor = promisify(open);
const statDescriptor = promisify(fstat);

export class DescriptorHeld implements Held {
  #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * The root of a jail; what is at `path` now, links followed. Null where this mechanism is not to be had: another system, or
   * no /proc. @throws an error of Node's where there is no such folder
   */
  static root(path: string): DescriptorHeld | null {
    if (process.platform !== 'linux' && process.platform !== 'android') return null;
    const root = new DescriptorHeld(openSync(path, O_PATH | O_DIRECTORY));
    if (root.#works()) return root;
    root.release();
    return null;
  }

  get path(): string {
    return `/proc/self/fd/${this.#descriptor}`;
  }

  entry(name: string): PathLike {
    if (isText(name)) return `${this.path}/${name}`;
    return Buffer.concat([Buffer.from(`${this.path}/`), encodeName(name)]);
  }

  async enter(name: string): Promise<Held> {
    return new DescriptorHeld(await openDescriptor(this.entry(name), O_PATH | O_DIRECTORY | O_NOFOLLOW));
  }

  async hold(name: string): Promise<Held> {
    if (name === '') return new DescriptorHeld(await openDescriptor(this.path, O_PATH));
    return new DescriptorHeld(await openDescriptor(this.entry(name), O_PATH | O_NOFOLLOW));
  }

  stat(): Promise<Stats> {
    return statDescriptor(this.#descriptor);
  }

  open(flags: number): Promise<FileHandle> {
    // What is held does not change its kind. O_NONBLOCK: another program's lease on the file must not hold up a thread.
    return openFile(this.path, flags | O_NOCTTY | O_NONBLOCK);
  }

  create(name: string, flags: number, mode: number): Promise<FileHandle> {
    return openFile(this.entry(name), flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, mode);
  }

  pathOfFile(file: FileHandle): PathLike {
    return `/proc/self/fd/${file.fd}`;
  }

  release(): void {
    const descriptor = this.#descriptor;
    // The number will soon stand for something else, so a use after this must not find it.
    this.#descriptor = -1;
    // In this turn: closing an O_PATH descriptor waits for nothing.
    closeSync(descriptor);
  }

  /** Whether /proc is there and means what it should. */
  #works(): boolean {
    try {
      const { dev, ino } = fstatSync(this.#descriptor, { bigint: true });
      const seen = statSync(this.path, { bigint: true });
      return seen.dev === dev && seen.ino === ino;
    } catch {
      return false;
    }
  }
}
