// What several tests about keys share.
import { spawnSync } from 'node:child_process';
import { describe, it } from 'vitest';
import { encodeUtf8 } from '../../../src/bytes/bytes.ts';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { PublicKey } from '../../../src/keys/public-key.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { publicKeys as known, type publicKeys } from './vectors.ts';

/** The data that the signatures in vectors.ts are over. */
export const data = encodeUtf8('amiko');

export function bytes(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

export function knownKey(name: keyof typeof publicKeys): PublicKey {
  return PublicKey.fromText(known[name].line, nodeCrypto);
}

/** An SSH signature: string algorithm, string blob. */
export function sshSignature(algorithm: string, blob: Uint8Array): Uint8Array {
  return new Writer().string(algorithm).string(blob).finish().slice();
}

/** The error that `run` throws or rejects with. */
export async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** Runs openssl to its end; throws what it wrote to stderr if it failed. */
export function openssl(args: readonly string[], input: Uint8Array | string = ''): Buffer {
  const result = spawnSync('openssl', args, { input, timeout: 60_000 });
  if (result.status !== 0) throw new Error(`openssl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

/** `describe` for tests that need openssl: skipped visibly without it, failing with AMIKO_REQUIRE_PEERS=1. */
export function describeOpenssl(title: string, body: () => void): void {
  if (spawnSync('openssl', ['version']).status === 0) describe(title, body);
  else if (process.env['AMIKO_REQUIRE_PEERS'] !== '1') describe.skip(`${title} (openssl is missing)`, body);
  else {
    it(title, () => {
      throw new Error('openssl is missing');
    });
  }
}
