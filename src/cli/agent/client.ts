// What one does with an agent, ours or another: add, list, remove, lock, unlock. What it prints is what ssh-add prints.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { openAgent } from '../../agent.ts';
import { whyExposed } from '../../client/identity-files.ts';
import { nodeCrypto } from '../../crypto/node/index.ts';
import { AgentError, printable, SSHError, UsageError } from '../../errors.ts';
import { readCertificate, readPublicKey } from '../../keys/node/read.ts';
import { PrivateKey, secretComponents } from '../../keys/private-key.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { parseOptions } from '../getopt.ts';
import { looksPrivate } from '../keygen/convert.ts';
import { fingerprintHash } from '../keygen/fingerprints.ts';
import { answer, exists, newPassphrase, openKey } from '../keygen/passphrase.ts';
import { Failure, warn } from '../verb.ts';
import { readDestinations } from './destinations.ts';
import { lifetimeOf } from './serve.ts';

/** `add`: private keys, and the certificates that lie beside them. 1 where one could not be added. */
export async function add(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, ADD_OPTIONS, { notSupported: ADD_NOT_SUPPORTED });
  const lifetime = options.value('t') === null ? undefined : lifetimeOf(options.value('t') as string);
  const confirm = options.has('c');
  const destinations = await readDestinations(options.values('h'), options.values('H'));
  const constraints = { ...(lifetime !== undefined && { lifetime }), confirm, ...(destinations && { destinations }) };
  const files = options.operands.length > 0 ? options.operands : await usualKeys();
  const say = (text: string) => void (options.has('q') || process.stderr.write(`${text}\n`));
  await using agent = await openAgent();
  return await eachFile(files, async (file) => {
    const why = file === '-' ? null : await whyExposed(file);
    if (why !== null) throw new Failure(`${file} is not added: ${why}`, 1);
    const { key } = await openKey(file);
    // Old formats have no comment, and something has to tell the keys apart.
    const named = key.comment === '' ? new PrivateKey(secretComponents(key), nodeCrypto, file) : key;
    await refusable(agent.add(named, constraints));
    say(`Identity added: ${file} (${printable(named.comment)})`);
    if (lifetime !== undefined) say(`Lifetime set to ${lifetime} seconds`);
    if (confirm) say('The user must confirm each use of the key');
    for (const limit of options.values('h')) say(`Limited to ${printable(limit)}`);
    const beside = `${file}-cert.pub`;
    if (!(await exists(beside))) return;
    const certificate = await readCertificate(beside);
    await refusable(agent.add(named, { ...constraints, certificate }));
    say(`Certificate added: ${beside} (${printable(certificate.keyId)})`);
  });
}

const ADD_OPTIONS = { t: 'value', c: 'flag', q: 'flag', h: 'value', H: 'value' } as const;
const ADD_NOT_SUPPORTED = { s: 'PKCS#11', e: 'PKCS#11', d: "removing; that is 'remove'" };

/** `list`: what the agent has. 1 where that is nothing. */
export async function list(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, { l: 'flag', L: 'flag', E: 'value', json: 'flag' } as const);
  noOperands(options.operands);
  const hash = fingerprintHash({ value: () => options.value('E') });
  await using agent = await openAgent();
  const keys = await agent.getKeys();
  for (const { publicKey, comment } of keys) {
    const { certificate } = publicKey;
    const line = `${certificate?.type ?? publicKey.type} ${Buffer.from(certificate?.blob ?? publicKey.blob).toString('base64')}`;
    const kind = `${publicKey.algorithmName}${certificate === null ? '' : '-CERT'}`;
    const fingerprint = publicKey.getFingerprint(hash);
    if (options.has('json')) {
      const { bits } = publicKey;
      process.stdout.write(`${JSON.stringify({ kind, bits, fingerprint, comment, key: line })}\n`);
    } else if (options.has('L')) {
      process.stdout.write(`${`${line} ${printable(comment)}`.trimEnd()}\n`);
    } else {
      process.stdout.write(`${publicKey.bits} ${fingerprint} ${printable(comment)} (${kind})\n`);
    }
  }
  if (keys.length > 0) return 0;
  process.stderr.write('The agent has no identities.\n');
  return 1;
}

/** `remove`: keys by their files, with their certificates, or all. */
export async function remove(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, { all: 'flag', D: 'flag', q: 'flag' } as const);
  const all = options.has('all') || options.has('D');
  if (all && options.operands.length > 0) throw new UsageError('either files or --all');
  if (!all && options.operands.length === 0) throw new UsageError('which keys? Their files, or --all');
  const say = (text: string) => void (options.has('q') || process.stderr.write(`${text}\n`));
  await using agent = await openAgent();
  if (all) {
    await refusable(agent.removeAll());
    say('All identities removed.');
    return 0;
  }
  return await eachFile(options.operands, async (file) => {
    const key = await publicHalf(file);
    // A key and its certificates are entries of their own.
    const there = (await agent.getKeys()).filter(({ publicKey }) => publicKey.equals(key));
    if (there.length === 0) throw new Failure(`the agent does not have ${file}`, 1);
    for (const { publicKey, comment } of there) {
      await refusable(agent.remove(publicKey));
      const kind = `${publicKey.algorithmName}${publicKey.certificate === null ? '' : '-CERT'}`;
      say(`Identity removed: ${file} ${kind} (${printable(comment)})`);
    }
  });
}

/** `lock`: nothing can be listed or used until it is unlocked. */
export async function lock(args: readonly string[]): Promise<number> {
  noOperands(parseOptions(args, {}).operands);
  await using agent = await openAgent();
  const passphrase = await newPassphrase('lock passphrase');
  if (passphrase === undefined) throw new Failure('a lock without a passphrase locks nothing', 1);
  await refusable(agent.lock(passphrase));
  process.stderr.write('Agent locked.\n');
  return 0;
}

/** `unlock`: by the passphrase of `lock`. */
export async function unlock(args: readonly string[]): Promise<number> {
  noOperands(parseOptions(args, {}).operands);
  await using agent = await openAgent();
  await refusable(agent.unlock(await answer('Enter lock passphrase: ', 'the passphrase of the lock is needed')));
  process.stderr.write('Agent unlocked.\n');
  return 0;
}

/** Goes on with the next where one fails; 1 then. */
async function eachFile(files: readonly string[], work: (file: string) => Promise<void>): Promise<number> {
  let status = 0;
  for (const file of files) {
    try {
      await work(file);
    } catch (error) {
      if (!(error instanceof SSHError || error instanceof Failure || isSystemError(error))) throw error;
      warn('agent', error.message);
      status = 1;
    }
  }
  return status;
}

async function usualKeys(): Promise<readonly string[]> {
  const files: string[] = [];
  for (const kind of ['ed25519', 'ecdsa', 'rsa']) {
    const file = join(homedir(), '.ssh', `id_${kind}`);
    if (await exists(file)) files.push(file);
  }
  if (files.length === 0) throw new UsageError('there is no key of the usual names; which file?');
  return files;
}

async function publicHalf(file: string): Promise<PublicKey> {
  if (!(await looksPrivate(file))) return readPublicKey(file);
  return (await exists(`${file}.pub`)) ? readPublicKey(`${file}.pub`) : (await openKey(file)).key.publicKey;
}

function noOperands(operands: readonly string[]): void {
  if (operands.length > 0) throw new UsageError(`unexpected argument '${printable(operands[0] as string)}'`);
}

/** What the agent does not want to do is a result; that it cannot be reached is an error. */
async function refusable<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof AgentError) throw new Failure(error.message, 1);
    throw error;
  }
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
