// Binding a forwarded agent connection: what an agent may answer, and that no byte of the answer reaches whom it is handed to.
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bindForwarded } from '../../../src/forward/agent-binding.ts';
import type { Transport } from '../../../src/index.ts';

const proof = { hostKey: Uint8Array.of(1, 2), sessionId: Uint8Array.of(3), signature: Uint8Array.of(4, 5, 6) };
const transport = (sessionProof: typeof proof | null) => ({ sessionProof }) as Transport;

/** A stream whose other end is the test: what was written, and a way to answer. */
function stream() {
  const written: Buffer[] = [];
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  return { duplex, written: () => Buffer.concat(written), answer: (bytes: readonly number[]) => duplex.push(Buffer.from(bytes)) };
}

const string = (bytes: string | Uint8Array) => {
  const data = Buffer.from(bytes as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, data]);
};

describe('a forwarded agent connection', () => {
  it('is bound to the session, for forwarding', async () => {
    const { duplex, written, answer } = stream();
    const bound = bindForwarded(duplex, transport(proof));
    for (const byte of [0, 0, 0, 1, 6]) answer([byte]);
    expect(await bound).toBe(true);
    const { hostKey, sessionId, signature } = proof;
    const fields = [string('session-bind@openssh.com'), string(hostKey), string(sessionId), string(signature), Buffer.from([1])];
    expect(written()).toEqual(string(Buffer.concat([Buffer.from([27]), ...fields])));
  });

  it('goes on unbound where the agent does not know how; what follows stays for the other side', async () => {
    const { duplex, answer } = stream();
    const bound = bindForwarded(duplex, transport(proof));
    answer([0, 0, 0, 3, 5, 7, 7, 9, 9]);
    expect(await bound).toBe(false);
    const rest = once(duplex, 'data');
    duplex.resume();
    expect(await rest).toEqual([Buffer.from([9, 9])]);
  });

  it.each([
    ['an empty message', [0, 0, 0, 0]],
    ['one that is too long', [0, 4, 0, 1]],
    ['one that is huge', [255, 255, 255, 255]],
  ])('fails at %s', async (_what, bytes) => {
    const { duplex, answer } = stream();
    const bound = bindForwarded(duplex, transport(proof));
    answer(bytes);
    await expect(bound).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
  });

  it.each(['ends', 'breaks'])('fails where the agent %s', async (how) => {
    const { duplex, answer } = stream();
    const bound = bindForwarded(duplex, transport(proof));
    answer([0, 0]);
    if (how === 'ends') duplex.push(null);
    else duplex.destroy();
    await expect(bound).rejects.toMatchObject({ code: 'ERR_SSH_AGENT' });
  });

  it('says nothing where there is nothing to bind to', async () => {
    const { duplex, written } = stream();
    expect(await bindForwarded(duplex, transport(null))).toBe(false);
    expect(written().length).toBe(0);
  });
});
