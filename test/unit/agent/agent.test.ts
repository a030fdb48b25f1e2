// The client's end against agents that lie, dawdle or go away, over a stream whose other end is the test.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Agent, openAgent } from '../../../src/agent.ts';
import { SSHTimeoutError, UsageError } from '../../../src/errors.ts';
import { generateKey } from '../../../src/keys.ts';
import { Writer } from '../../../src/wire/writer.ts';
import { tempDir } from '../../support/peers.ts';

const key = await generateKey('ed25519', { comment: 'k' });

/** An agent's answer. */
function answer(type: number, body: Uint8Array = new Uint8Array(0)): Buffer {
  return Buffer.from(
    new Writer()
      .u32(body.length + 1)
      .u8(type)
      .raw(body)
      .finish(),
  );
}
const identities = (comment: string, count = 1, trailing = '') =>
  answer(12, new Writer().u32(count).string(key.publicKey.blob).string(comment).raw(Buffer.from(trailing)).finish());

function agentPair() {
  const [ours, theirs] = duplexPair();
  theirs.resume();
  return { agent: new Agent(ours), theirs, ours };
}

const agentError = (message: RegExp) => ({ code: 'ERR_SSH_AGENT', message: expect.stringMatching(message) });

describe('answers', () => {
  it('in pieces, and several at once', async () => {
    const { agent, theirs } = agentPair();
    const first = agent.getKeys();
    const second = agent.getKeys();
    const bytes = Buffer.concat([identities('one'), identities('two')]);
    for (const at of [0, 2, 4, 5, 40]) theirs.write(bytes.subarray(at, { 0: 2, 2: 4, 4: 5, 5: 40 }[at]));
    expect([(await first)[0]?.comment, (await second)[0]?.comment]).toEqual(['one', 'two']);
  });

  it('byte by byte cost no more than their bytes', async () => {
    const { agent, theirs } = agentPair();
    const keys = agent.getKeys();
    for (const byte of identities('x'.repeat(250_000))) theirs.write(Uint8Array.of(byte));
    expect((await keys)[0]?.comment.length).toBe(250_000);
  });

  it('that come too late are not taken for the next one', async () => {
    const { agent, theirs } = agentPair();
    await expect(agent.getKeys({ timeout: 10 })).rejects.toThrow(SSHTimeoutError);
    const reason = new Error('enough');
    const abort = new AbortController();
    const given = agent.getKeys({ signal: abort.signal });
    abort.abort(reason);
    await expect(given).rejects.toBe(reason);
    const next = agent.getKeys();
    theirs.write(Buffer.concat([identities('late'), identities('later'), identities('now')]));
    expect((await next)[0]?.comment).toBe('now');
  });

  it.each([
    ['of no length', Buffer.from([0, 0, 0, 0]), /a message of 0 bytes/],
    ['of too many bytes', Buffer.from([0, 4, 0, 1]), /a message of 262145 bytes/],
    ['of another kind', answer(6), /did not list its keys/],
    ['that refuse', answer(5), /did not list its keys/],
    ['with more keys than there are', identities('x', 2), /malformed/],
    ['with more keys than anybody has', identities('x', 0xffff_ffff), /malformed/],
    ['with bytes too many', identities('x', 1, 'x'), /malformed/],
    ['that are cut off', answer(12, Uint8Array.of(0, 0)), /malformed/],
  ])('%s are errors', async (_what, bytes, message) => {
    const { agent, theirs } = agentPair();
    const keys = agent.getKeys();
    theirs.write(bytes);
    await expect(keys).rejects.toMatchObject(agentError(message));
  });

  it('without a question end the connection', async () => {
    const { agent, theirs, ours } = agentPair();
    theirs.write(answer(6));
    await once(ours, 'close');
    await expect(agent.getKeys()).rejects.toMatchObject(agentError(/an answer without a question/));
  });

  it.each(['by another key', 'of something else', 'that are none'])('with signatures %s are errors', async (how) => {
    const { agent, theirs } = agentPair();
    const other = await generateKey('ed25519');
    const data = Uint8Array.of(1, 2, 3);
    const signature = agent.sign(key.publicKey, data, 'ssh-ed25519');
    const signed =
      how === 'by another key'
        ? await other.sign(data, 'ssh-ed25519')
        : how === 'of something else'
          ? await key.sign(Uint8Array.of(1, 2), 'ssh-ed25519')
          : Uint8Array.of(1);
    theirs.write(answer(14, new Writer().string(signed).finish()));
    await expect(signature).rejects.toMatchObject(agentError(/signature is not one of ssh-ed25519/));
  });
});

describe('an agent that goes away', () => {
  it.each(['ends', 'breaks'])('%s all that waits', async (how) => {
    const { agent, theirs, ours } = agentPair();
    const waiting = [agent.getKeys(), agent.removeAll()];
    if (how === 'ends') theirs.end();
    else ours.destroy(new Error('broken'));
    for (const one of waiting) await expect(one).rejects.toMatchObject(agentError(/hung up/));
    await expect(agent.getKeys()).rejects.toMatchObject(agentError(/hung up/));
  });

  it('by our own doing', async () => {
    const { agent } = agentPair();
    const waiting = agent.getKeys();
    agent.close();
    await expect(waiting).rejects.toMatchObject(agentError(/was closed/));
    await expect(agent.getKeys()).rejects.toMatchObject(agentError(/was closed/));
  });
});

it('an agent that accepts and says nothing is given up in time, and its connection with it', async () => {
  await using dir = tempDir();
  const server = createServer();
  server.listen(dir.join('agent'));
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  {
    await using agent = await openAgent(dir.join('agent'), { timeout: 10_000 });
    await expect(agent.getKeys({ timeout: 10 })).rejects.toThrow(SSHTimeoutError);
  }
  const [socket] = await accepted;
  socket.resume();
  await once(socket, 'close');
  server.close();
  await once(server, 'close');
});

describe('limits that no agent would take are refused here', () => {
  const host = { hostname: 'h', hostKeys: [key.publicKey] };
  it.each([
    ['none at all', []],
    ['a host without keys', [{ to: { hostname: 'h', hostKeys: [] } }]],
    ['a host to come from without keys', [{ from: { hostname: 'h', hostKeys: [] }, to: host }]],
    ['a host without a name', [{ to: { ...host, hostname: '' } }]],
    ['a NUL', [{ to: host, username: 'a\0' }]],
    ['a user of 257 bytes', [{ to: host, username: 'ä'.repeat(129) }]],
    ['a host of 1025 bytes', [{ to: { ...host, hostname: 'x'.repeat(1025) } }]],
    ['1025 of them', Array.from({ length: 1025 }, () => ({ to: host }))],
  ])('%s', async (_what, destinations) => {
    const { agent } = agentPair();
    await expect(agent.add(key, { destinations })).rejects.toThrow(UsageError);
  });
});
