// The question before a key that was added with -c is used. Only a program in SSH_ASKPASS can ask it: the terminal belongs to whoever
// is working there, who must not answer it by accident. No program, no answer, no permission.

import { spawn } from 'node:child_process';
import type { KeyUse } from '../../agent.ts';
import { printable } from '../../errors.ts';
import type { PublicKey } from '../../keys/public-key.ts';

/** Bytes of an answer. */
const ANSWER_LIMIT = 1_024;

/** Whether the user lets a key be used; `use` is where, if the key is limited to hosts. */
export function confirmUse(key: PublicKey, comment: string, use: KeyUse | null): Promise<boolean> {
  const program = process.env['SSH_ASKPASS'];
  if (!program) return Promise.resolve(false);
  const where = use === null ? '' : `\nIt logs in as ${printable(use.username)} at ${printable(use.hostname)}.`;
  const question = `Allow use of key ${printable(comment)}?\nKey fingerprint ${key.fingerprint}.${where}`;
  return new Promise((resolve) => {
    // As ssh-agent: so that a program knows to show two buttons instead of a line to type in.
    const env = { ...process.env, SSH_ASKPASS_PROMPT: 'confirm' };
    const child = spawn(program, [question], { stdio: ['ignore', 'pipe', 'inherit'], env });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (output.length < ANSWER_LIMIT) output += chunk.toString();
    });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0 && /^(?:yes)?$/i.test(output.trim())));
  });
}
