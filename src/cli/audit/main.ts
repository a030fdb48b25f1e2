// `amiko audit`: what a server offers, and what of it is weak. The exit status says whether something is.

import { UsageError } from '../../errors.ts';
import { parseAddress } from '../../io/dial.ts';
import { parseOptions, wholeNumber } from '../getopt.ts';
import { runVerb } from '../verb.ts';
import { audit } from './audit.ts';
import { formatAudit } from './report.ts';
import { usage } from './usage.ts';

const TABLE = { p: 'value', T: 'value', json: 'flag', 4: 'flag', 6: 'flag', help: 'flag' } as const;

const SOMETHING_WEAK = 1;

/** Runs `amiko audit` with the arguments after `audit`; resolves with the exit status. */
export function main(args: readonly string[]): Promise<number> {
  return runVerb('audit', async () => {
    const options = parseOptions(args, TABLE);
    if (options.has('help')) {
      process.stdout.write(usage);
      return 0;
    }
    const [name, ...more] = options.operands;
    if (name === undefined || more.length > 0) throw new UsageError('one host, please');
    const address = parseAddress(name);
    const text = options.value('p');
    const port = text === null ? address.port : wholeNumber('-p', text, 1, 65_535);
    const timeout = 1_000 * wholeNumber('-T', options.value('T') ?? '10', 1, 86_400);
    const family = options.has('4') ? 4 : options.has('6') ? 6 : 0;
    const result = await audit({ host: address.host, port, family }, timeout);
    const colours = process.stdout.isTTY === true && !process.env['NO_COLOR'];
    process.stdout.write(options.has('json') ? `${JSON.stringify(result)}\n` : formatAudit(result, colours));
    return result.weaknesses.length > 0 ? SOMETHING_WEAK : 0;
  });
}
