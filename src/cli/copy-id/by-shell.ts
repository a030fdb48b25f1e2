// authorized_keys through a shell: two one-liners, the first of which only reads. So a server that runs something else instead (a
// forced command, SFTP only) is noticed by what it says before anything is given to it. Keys go by stdin, never in the command.

import { Client } from '../../client/client.ts';
import { ChannelRequestError, printable } from '../../errors.ts';
import type { Transport } from '../../transport/transport.ts';
import { Failure } from '../verb.ts';
import { type Account, FILE, FOLDER, MOST_CONTENT } from './account.ts';

/** A shell that reads a file and says nothing for so long, milliseconds, is none. */
const TIMEOUT = 60_000;
/** What our one-liners say first, or last: whatever else prints something is not one of them. */
const MARK = 'amiko-copy-id';

// For shells of all kinds: one line, in single quotes that none of them looks into, and without the `!` of csh.
const inShell = (script: string): string => `exec sh -c '${script}'`;
const READ = inShell(`cd && printf "%s\\n" ${MARK} && if test -e ${FILE}; then cat ${FILE}; fi`);
// What is created is the owner's alone. SELinux wants the label that belongs to the place, which a new file does not get by itself.
const APPEND = inShell(
  `cd && umask 077 && mkdir -p ${FOLDER} && ` +
    `{ test -z "$(tail -c 1 ${FILE} 2>/dev/null)" || echo; cat; } >> ${FILE} && printf "%s\\n" ${MARK} && ` +
    `if type restorecon >/dev/null 2>&1; then restorecon -F ${FOLDER} ${FILE}; fi`,
);

/** The account's file, or why there is no shell. @throws Failure where there is one but the file cannot be read; SSHError */
export async function accountByShell(transport: Transport): Promise<Account | string> {
  const client = new Client(transport);
  let said: { readonly stdout: string; readonly stderr: string; readonly code: number | null };
  try {
    said = await client.exec(READ, { check: false, maxOutput: MOST_CONTENT, timeout: TIMEOUT });
  } catch (error) {
    if (error instanceof ChannelRequestError) return 'it runs no commands';
    throw error;
  }
  const [, content] = new RegExp(`(?:^|\\n)${MARK}\\n([\\s\\S]*)$`).exec(said.stdout) ?? [];
  if (content === undefined)
    return `it answers a command with '${firstLine(said.stdout) || firstLine(said.stderr) || 'nothing'}'`;
  if (said.code !== 0) throw new Failure(`~/${FILE} cannot be read: ${firstLine(said.stderr)}`, 1);
  return {
    via: 'shell',
    file: `~/${FILE}`,
    content,
    async append(lines) {
      const { stdout, stderr } = await client.exec(APPEND, { input: lines, check: false, maxOutput: MOST_CONTENT });
      if (!stdout.includes(MARK)) throw new Failure(`~/${FILE} cannot be written: ${firstLine(stderr || stdout)}`, 1);
    },
  };
}

function firstLine(text: string): string {
  return printable(text.trim().split('\n', 1)[0] as string);
}
