// Whether ssh2's optional native addon is in use: it is what the goals compare with.
import { createRequire } from 'node:module';

export const native = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js').bindingAvailable;
