// The command `amiko` of a given build, which need not be that of this checkout. Arguments: its dist/, then those of the command.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, ...args] = process.argv.slice(2);
const { main } = await import(pathToFileURL(join(dist, 'cli/main.js')).href);
process.exit(await main(args));
