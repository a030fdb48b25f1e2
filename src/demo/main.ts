// `npm run demo`: a server and a client in one process, over TCP on loopback. It shows what a program does with amiko, and checks
// every byte on the way: exit status 0 means that all of it worked. Read it from main() down.

import { createHash, randomBytes } from 'node:crypto';
import { generateKey, type PublicKey, type Signer, Transport } from '../index.ts';
import { createServer } from '../server.ts';
import { DemoServer } from './demo-server.ts';
import { Progress } from './progress.ts';

const MEBIBYTE = 2 ** 20;
const TOTAL = 256 * MEBIBYTE;
const PIECE = MEBIBYTE / 4;
const BLOCK = randomBytes(4 * MEBIBYTE);

async function main(): Promise<void> {
  const hostKey = await generateKey('ed25519');
  const userKey = await generateKey('ed25519');

  await using server = createServer({
    hostKeys: [hostKey],
    server: () => new DemoServer(userKey.publicKey, stream),
  });
  const { host, port } = await server.listen();
  say(`server    ${host}:${port}, host key ${hostKey.publicKey.fingerprint}`);

  await using client = await connect(host, port, hostKey.publicKey, userKey);
  await runCommand(client);
  await upload(client);
  await download(client);
}

/** Connects to a server whose key is known, and logs in with a key. */
async function connect(host: string, port: number, hostKey: PublicKey, userKey: Signer): Promise<Transport> {
  const client = new Transport({ host, port });
  // A server that cannot prove this host key is refused before anything is said about the user.
  await client.connect({ hostKey, username: 'demo', privateKey: userKey });
  const { negotiated } = client;
  const { cipher, mac } = negotiated?.clientToServer ?? {};
  say(`client    host key verified, logged in as '${client.getUsername()}' with ${userKey.publicKey.fingerprint}`);
  say(`kex       ${negotiated?.kex} (${negotiated?.postQuantum ? 'post-quantum' : 'not post-quantum'})`);
  say(`cipher    ${cipher}${mac ? ` with ${mac}` : ''}`);
  return client;
}

/** A command: stdout, stderr and the exit status come apart. */
async function runCommand(client: Transport): Promise<void> {
  await using channel = await client.openSession();
  await channel.execCommand('greet');
  const [stdout, stderr, { code }] = await Promise.all([channel.stdout.readAll(), channel.stderr.readAll(), channel.exited]);
  say(`command   stdout ${JSON.stringify(text(stdout))}, stderr ${JSON.stringify(text(stderr))}, exit status ${code}`);
  check(text(stdout) === 'hello from stdout\n' && text(stderr) === 'hello from stderr\n' && code === 7, 'the command');
}

/** Sends the stream; in the middle of it the keys are exchanged anew. The server answers with the digest of what it got. */
async function upload(client: Transport): Promise<void> {
  await using channel = await client.openSession();
  await channel.execCommand('upload');
  const rekeyed = rekeyInTheMiddle(client);
  const progress = new Progress('upload', TOTAL);
  const hash = createHash('sha256');
  for (const chunk of stream()) {
    hash.update(chunk);
    await channel.write(chunk);
    progress.add(chunk.length);
    rekeyed.progress(chunk.length);
  }
  channel.shutdownWrite();
  const received = text(await channel.stdout.readAll());
  const rate = progress.done();
  await rekeyed.finished();
  say(`upload    256 MiB at ${rate}, keys exchanged anew on the way, sha256 ${received.slice(0, 16)}...`);
  check(received === hash.digest('hex'), 'the digest of the upload');
}

/** Receives the same stream. */
async function download(client: Transport): Promise<void> {
  await using channel = await client.openSession();
  await channel.execCommand('download');
  const rekeyed = rekeyInTheMiddle(client);
  const progress = new Progress('download', TOTAL);
  const hash = createHash('sha256');
  for await (const chunk of channel) {
    hash.update(chunk);
    progress.add(chunk.length);
    rekeyed.progress(chunk.length);
  }
  const rate = progress.done();
  await rekeyed.finished();
  const received = hash.digest('hex');
  say(`download  256 MiB at ${rate}, keys exchanged anew on the way, sha256 ${received.slice(0, 16)}...`);
  const expected = createHash('sha256');
  for (const chunk of stream()) expected.update(chunk);
  check(received === expected.digest('hex'), 'the digest of the download');
}

/** Exchanges keys when half of the stream has passed. Data keeps flowing meanwhile: nothing waits for it here. */
function rekeyInTheMiddle(client: Transport): { progress(bytes: number): void; finished(): Promise<void> } {
  let passed = 0;
  let exchange: Promise<unknown> | null = null;
  return {
    progress(bytes) {
      passed += bytes;
      if (passed < TOTAL / 2 || exchange !== null) return;
      exchange = client.renegotiateKeys();
      // Should the connection break, the transfer says so first; `finished` is what looks at the exchange.
      exchange.catch(() => {});
    },
    async finished() {
      check(exchange !== null, 'the key exchange in the middle');
      await exchange;
    },
  };
}

/** 256 MiB, the same each time: pieces of one random block from ever other places, so that no byte can get lost or out of place. */
function* stream(): Generator<Uint8Array> {
  for (let piece = 0; piece < TOTAL / PIECE; piece++) {
    const at = (piece * 4_099) % (BLOCK.length - PIECE);
    yield BLOCK.subarray(at, at + PIECE);
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`${what}: not as expected`);
}

main().then(
  () => say('done      everything as expected'),
  (error: unknown) => {
    process.stderr.write(`the demo failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
