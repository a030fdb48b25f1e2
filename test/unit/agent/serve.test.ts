// Our agent against clients that are broken, greedy or gone.
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AgentServer, Keyring, listenAgent, serveAgent } from '../../../src/agent.ts';
import { generateKey } from '../../../src/keys.ts';
import { Writer } from '../../../src/wire/writer.ts';
import * as raw from '../../support/agent-messages.ts';
import { tempDir } from '../../support/peers.ts';

const key = await generateKey('ed25519', { comment: 'k' });
const dir = tempDir();
const keyring = new Keyring();
let server: AgentServer;
beforeAll(async () => {
  server = await listenAgent(keyring, dir.join('agent'));
});
beforeEach(() => keyring.removeAll());
afterAll(async () => {
  await server.close();
  await dir.remove();
});
const open = (path = server.path) => raw.RawAgent.open(path);
const framed = ({ type, body }: raw.Request) =>
  new Writer()
    .u32(body.length + 1)
    .u8(type)
    .raw(body)
    .finish();

describe('a client', () => {
  it('that has no more to say gets its answers', async () => {
    await using client = await open();
    client.socket.write(framed(raw.list));
    client.socket.end(framed(raw.extension('query')));
    expect((await client.next())[0]).toBe(12);
    expect((await client.next())[0]).toBe(raw.EXTENSION_RESPONSE);
    await expect(client.next()).rejects.toThrow('hung up');
  });

  it('that has no more to say ends the serving, over any stream', async () => {
    const [ours, theirs] = duplexPair();
    const served = serveAgent(keyring, ours);
    theirs.end(framed(raw.list));
    const chunks = await theirs.toArray();
    expect(Buffer.concat(chunks)[4]).toBe(12);
    await served;
  });

  it('that breaks ends the serving', async () => {
    const [ours] = duplexPair();
    const served = serveAgent(keyring, ours);
    ours.destroy(new Error('broken'));
    await served;
  });

  it.each([
    ['nothing', [0, 0, 0, 0]],
    ['too much', [0, 4, 0, 1]],
    ['far too much', [255, 255, 255, 255]],
  ])('that announces %s is hung up on', async (_what, bytes) => {
    await using client = await open();
    client.socket.write(Buffer.from(bytes));
    await expect(client.next()).rejects.toThrow('hung up');
  });

  it('that cuts its bytes finely costs no more than the bytes', async () => {
    const [ours, theirs] = duplexPair();
    const served = serveAgent(keyring, ours);
    const request = framed({ type: 11, body: new Uint8Array(250_000) });
    for (const byte of request) theirs.write(Uint8Array.of(byte));
    theirs.end();
    expect(Buffer.concat(await theirs.toArray())).toEqual(Buffer.from([0, 0, 0, 1, raw.FAILURE]));
    await served;
  });

  it('that asks and does not listen is not read any more', async () => {
    keyring.add(key, { comment: 'x'.repeat(10_000) });
    const [ours, theirs] = duplexPair();
    const served = serveAgent(keyring, ours);
    const question = framed(raw.list);
    for (let index = 0; index < 1_000; index++) theirs.write(question);
    for (let turns = 0; turns < 100; turns++) await turn();
    // One answer waits, and what a stream holds before it says that it is full.
    expect(ours.writableLength).toBeLessThan(100_000);
    let received = 0;
    theirs.end();
    for await (const chunk of theirs) received += chunk.length;
    expect(received).toBe(1_000 * (10_000 + 4 + 1 + 4 + 4 + key.publicKey.blob.length + 4));
    await served;
  });

  it('that asks for what there is not hears so, and may go on', async () => {
    await using client = await open();
    const requests: readonly [raw.Request, number][] = [
      [{ type: 0, body: new Uint8Array(0) }, raw.FAILURE],
      [{ type: 200, body: new Uint8Array(9) }, raw.FAILURE],
      [{ type: 11, body: new Uint8Array(1) }, raw.FAILURE],
      [{ type: 13, body: new Uint8Array(3) }, raw.FAILURE],
      [{ type: 17, body: new Uint8Array(3) }, raw.FAILURE],
      [{ type: 20, body: new Uint8Array(8) }, raw.FAILURE],
      [{ type: 26, body: new Uint8Array(8) }, raw.FAILURE],
      [raw.removeKey(new Uint8Array(0)), raw.FAILURE],
      [raw.lock(''), raw.FAILURE],
      [raw.unlock('x'), raw.FAILURE],
      [raw.extension('no-such@example.com'), raw.FAILURE],
      [raw.extension('session-bind@openssh.com'), raw.EXTENSION_FAILURE],
      [raw.list, 12],
    ];
    for (const [request, expected] of requests)
      expect((await client.ask(request))[0], JSON.stringify(request.type)).toBe(expected);
    const query = await client.ask(raw.extension('query'));
    expect(query.subarray(1)).toEqual(Buffer.from(new Writer().string('query').string('session-bind@openssh.com').finish()));
  });
});

it('takes no more keys than a list can hold', async () => {
  await using client = await open();
  const add = async (type: 'ed25519' | 'ecdsa', bytes: number) => {
    const added = await generateKey(type, { comment: 'x'.repeat(bytes) });
    return { key: added, answer: (await client.ask(raw.addKey(added, new Uint8Array(0))))[0] };
  };
  const first = await add('ed25519', 100_000);
  expect(first.answer).toBe(raw.SUCCESS);
  expect((await add('ecdsa', 100_000)).answer).toBe(raw.SUCCESS);
  expect((await add('ed25519', 100_000)).answer).toBe(raw.FAILURE);
  expect((await add('ed25519', 10)).answer).toBe(raw.SUCCESS);
  // The same key again takes the place that it has.
  expect((await client.ask(raw.addKey(first.key, new Uint8Array(0))))[0]).toBe(raw.SUCCESS);
  const [found] = keyring.list().filter(({ publicKey }) => publicKey.equals(first.key.publicKey));
  expect(found?.comment.length).toBe(100_000);
  expect((await client.ask(raw.list)).length).toBeLessThan(262_144);
});

it('takes no more limits to hosts than it can look through', async () => {
  await using client = await open();
  const hop = { host: 'h', keys: [{ blob: key.publicKey.blob }] };
  const limits = raw.restrict(...Array.from({ length: 1_000 }, () => raw.destination(hop, hop)));
  const added = async () => (await client.ask(raw.addKey(await generateKey('ed25519'), limits)))[0];
  for (let count = 0; count < 8; count++) expect(await added()).toBe(raw.SUCCESS);
  expect(await added()).toBe(raw.FAILURE);
  expect((await client.ask(raw.addKey(key, new Uint8Array(0))))[0]).toBe(raw.SUCCESS);
});

it('hangs up on everybody when it is closed', async () => {
  const other = await listenAgent(keyring, dir.join('other'));
  await using client = await open(other.path);
  const closed = once(client.socket, 'end');
  client.socket.resume();
  await other.close();
  await closed;
  await other.close();
});
