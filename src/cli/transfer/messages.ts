// Errors as one line for people, the same whether a file is here or there: `stat '/x': no such file or directory`.

import { SSHError } from '../../errors.ts';
import { shown } from './shown.ts';

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return shown(String(error));
  if (error instanceof SSHError) return shown(error.message);
  const { syscall, path, code } = error as NodeJS.ErrnoException;
  // An error of ours looks like one, and tells where.
  if (syscall === undefined || code === undefined) return `internal error: ${error.stack ?? error.message}`;
  const [, text = error.message] = /^[A-Z0-9_]+: (.*?), /.exec(error.message) ?? [];
  return `${syscall}${path === undefined ? '' : ` '${shown(path)}'`}: ${shown(text)}`;
}
