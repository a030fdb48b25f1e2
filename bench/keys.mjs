// The keys of a bench run: one for the servers, one for the user, ed25519, in the format of OpenSSH that everybody reads. Made by
// amiko: about one in 256 of the keys that ssh2 1.17 makes has a public half of 31 bytes, which nobody else takes.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export async function makeKeys(dist) {
  const { formatPrivateKey, generateKey } = await import(pathToFileURL(join(dist, 'keys.js')).href);
  const make = async () => {
    const key = await generateKey('ed25519');
    return { private: await formatPrivateKey(key), public: key.publicKey.toString() };
  };
  return { hostKey: await make(), userKey: await make() };
}
