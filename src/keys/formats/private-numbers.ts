// A private key as OpenSSH writes it inside of its files and sends it to agents (OpenSSH PROTOCOL.key section 3, draft-ietf-sshm-
// ssh-agent section 3.2): the type, then all numbers, public and secret.

import { equalBytes } from '../../bytes/bytes.ts';
import type { PrivateComponents } from '../../crypto/provider.ts';
import { printable } from '../../errors.ts';
import { DecodeError, type Reader } from '../../wire/reader.ts';
import type { Writer } from '../../wire/writer.ts';
import { curves } from '../curves.ts';
import { type KeyNumbers, padScalar } from './key-file.ts';

/** The type and its numbers. Give the writer room enough beforehand: growing leaves copies of the secret behind. */
export function writePrivateNumbers(writer: Writer, components: PrivateComponents): void {
  switch (components.kind) {
    case 'ed25519':
      writer.string('ssh-ed25519').string(components.point);
      writer.u32(64).raw(components.seed).raw(components.point);
      break;
    case 'ecdsa':
      writer.string(`ecdsa-sha2-${components.curve}`).string(components.curve).string(components.point).mpint(components.scalar);
      break;
    case 'rsa':
      writer.string('ssh-rsa').mpint(components.n).mpint(components.e).mpint(components.d);
      writer.mpint(components.iqmp).mpint(components.p).mpint(components.q);
      break;
  }
}

/** The numbers behind the type. The result shares no memory with the reader's. @throws DecodeError */
export function readPrivateNumbers(type: string, reader: Reader): KeyNumbers {
  if (type === 'ssh-ed25519') {
    const point = new Uint8Array(reader.string());
    const secret = reader.string();
    if (point.length !== 32 || secret.length !== 64) throw new DecodeError('an Ed25519 key of wrong length');
    // The public key a third time: seed || public (the form of NaCl).
    if (!equalBytes(secret.subarray(32), point)) throw new DecodeError('the public key stands there in two versions');
    return { kind: 'ed25519', seed: new Uint8Array(secret.subarray(0, 32)), point };
  }
  if (type === 'ssh-rsa') {
    const [n, e, d, iqmp, p, q] = [0, 0, 0, 0, 0, 0].map(() => new Uint8Array(reader.mpint())) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    return { kind: 'rsa', n, e, d, p, q, iqmp };
  }
  const curve = curves.find((row) => row.keyType === type);
  if (curve === undefined) throw new DecodeError(`unsupported key type '${printable(type)}'`);
  if (reader.name() !== curve.name) throw new DecodeError('the type and the curve differ');
  const point = new Uint8Array(reader.string());
  return { kind: 'ecdsa', curve: curve.name, point, scalar: padScalar(reader.mpint(), curve.fieldBytes) };
}
