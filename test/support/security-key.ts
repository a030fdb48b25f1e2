// A FIDO key without a device: signs what a device would (OpenSSH PROTOCOL.u2f), with the flags that a test wants.

import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { concat, encodeUtf8 } from '../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { PublicKey, type Signer } from '../../src/keys.ts';
import { Writer } from '../../src/wire/writer.ts';

const TYPE = 'sk-ssh-ed25519@openssh.com';

export function softwareDevice(flags: number, application = 'ssh:'): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const sha256 = (data: Uint8Array) => new Uint8Array(createHash('sha256').update(data).digest());
  const point = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const blob = new Writer().string(TYPE).string(point).string(application).finish();
  return {
    publicKey: PublicKey.parse(blob, nodeCrypto),
    algorithms: [TYPE],
    sign: (data) => {
      const stamp = Uint8Array.of(flags, 0, 0, 0, 1);
      const raw = sign(null, concat(sha256(encodeUtf8(application)), stamp, sha256(data)), privateKey);
      return new Writer().string(TYPE).string(new Uint8Array(raw)).raw(stamp).finish();
    },
  };
}
