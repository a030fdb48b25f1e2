// `amiko keygen`: which of its many things is to be done. Each is in a file of its own, loaded when it is asked for.

import { UsageError } from '../../errors.ts';
import { runVerb } from '../verb.ts';
import { type KeygenOptions, parseKeygenOptions } from './options.ts';
import { usage } from './usage.ts';

type Task = (options: KeygenOptions) => Promise<number>;

/** Runs `amiko keygen` with the arguments after `keygen`; resolves with the exit status. */
export function main(args: readonly string[]): Promise<number> {
  return runVerb('keygen', async () => {
    const options = parseKeygenOptions(args);
    if (options.has('help')) {
      process.stdout.write(usage);
      return 0;
    }
    return (await taskOf(options))(options);
  });
}

/** In the order in which one letter explains another: `-Y` has an `-s`, `-k` as well, `-F` may have `-l` and `-H`. */
async function taskOf(options: KeygenOptions): Promise<Task> {
  const asked = (['Y', 'k', 'Q', 'F', 'R', 'L', 's', 'i', 'e', 'y', 'p', 'l', 'H'] as const).filter((name) => options.has(name));
  const [task] = asked;
  const alone = asked.filter(
    (name) =>
      !(task === 'F' && (name === 'l' || name === 'H')) &&
      !(task === 'Q' && name === 'l') &&
      !('Yk'.includes(task ?? ' ') && name === 's'),
  );
  if (alone.length > 1) throw new UsageError(`-${alone.join(' and -')} are different things to do`);
  if (options.has('u') && task !== 'k') throw new UsageError('-u goes with -k: it adds to a revocation list');
  switch (task) {
    case 'Y':
      return (await import('./signatures.ts')).signatures;
    case 'k':
      return (await import('./revocation.ts')).makeRevocationList;
    case 'Q':
      return (await import('./revocation.ts')).queryRevocationList;
    case 'F':
      return (await import('./known-hosts-file.ts')).findHost;
    case 'R':
      return (await import('./known-hosts-file.ts')).removeHost;
    case 'H':
      return (await import('./known-hosts-file.ts')).hashHosts;
    case 'L':
      return (await import('./show-certificate.ts')).showCertificates;
    case 's':
      return (await import('./certify.ts')).certify;
    case 'i':
      return (await import('./convert.ts')).importKey;
    case 'e':
      return (await import('./convert.ts')).exportKey;
    case 'y':
      return (await import('./convert.ts')).printPublicKey;
    case 'p':
      return (await import('./convert.ts')).changePassphrase;
    case 'l':
      return (await import('./fingerprints.ts')).showFingerprints;
    default:
      return (await import('./generate.ts')).generate;
  }
}
