// Asks a person on the terminal; answers that must not be seen are not echoed.

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { AuthenticationError, printable, UsageError } from '../errors.ts';

/** Prints what the server says, asks each question, returns the answers. Control characters in the server's text are escaped. */
export async function askOnTerminal(
  title: string,
  instructions: string,
  prompts: readonly (readonly [prompt: string, echo: boolean])[],
): Promise<string[]> {
  for (const text of [title, instructions])
    if (text !== '') process.stderr.write(`${text.split('\n').map(printable).join('\n')}\n`);
  const answers: string[] = [];
  for (const [prompt, echo] of prompts) answers.push(await ask(prompt, echo));
  return answers;
}

/** One question. @throws UsageError where stdin is not a terminal, AuthenticationError where it is not answered (^C, ^D). */
export async function ask(prompt: string, echo: boolean): Promise<string> {
  if (!process.stdin.isTTY) throw new UsageError(`cannot ask '${printable(prompt)}': stdin is not a terminal`);
  process.stderr.write(printable(prompt));
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: echo ? process.stderr : silent, terminal: true });
  // Without a listener ^C and ^D close the interface and leave the question waiting for ever.
  const unanswered = new Promise<never>((_resolve, reject) => {
    const gaveUp = () => reject(new AuthenticationError("the server's question was not answered"));
    terminal.once('SIGINT', gaveUp);
    terminal.once('close', gaveUp);
  });
  unanswered.catch(() => {});
  try {
    return await Promise.race([terminal.question(''), unanswered]);
  } finally {
    terminal.close();
    if (!echo) process.stderr.write('\n');
  }
}
