// Listings of folders: read as the client asks and no further, closed when nobody wants the rest, and sound whatever is in them.
import { describe, expect, it } from 'vitest';
import { Close, Name, Opendir, Readdir } from '../../../src/sftp/protocol/messages.ts';
import { type Listing, SFTP_FAILURE, SFTP_OK, SFTPAttributes, SFTPServerInterface } from '../../../src/sftp.ts';
import type { ServerInterface } from '../../../src/transport/server-interface.ts';
import { handleOf, namesOf, serveInMemory, statusAndText, statusOf } from '../../support/sftp-raw.ts';

describe('a listing', () => {
  const entry = (filename: string, longname?: string) =>
    Object.assign(new SFTPAttributes(), longname === undefined ? { filename } : { filename, longname });

  async function listing(entries: () => Listing) {
    class Files extends SFTPServerInterface {
      override listFolder() {
        return entries();
      }
    }
    const served = await serveInMemory(new Files({} as ServerInterface));
    const handle = handleOf(await served.client.ask(Opendir, { path: '/' }));
    return { ...served, handle, next: () => served.client.ask(Readdir, { handle }) };
  }

  it('is read as the client asks, 100 names at a time', async () => {
    let made = 0;
    let returned = 0;
    const { client, handle, next } = await listing(async function* () {
      try {
        for (;;) yield entry(`${made++}`);
      } finally {
        returned++;
      }
    });
    expect(made).toBe(0);
    expect(namesOf(await next())).toHaveLength(100);
    expect(made).toBe(100);
    expect(namesOf(await next()).at(-1)?.filename).toBe('199');
    expect(returned).toBe(0);
    expect(statusOf(await client.ask(Close, { handle }))).toBe(SFTP_OK);
    expect(returned).toBe(1);
    expect(made).toBe(200);
  });

  it('is cut at 64 KiB, and holds names of any kind', async () => {
    const long = 'ü'.repeat(1_000);
    const { next } = await listing(() => Array.from({ length: 150 }, (_, i) => entry(`${i}${long}`, 'line')));
    const first = await next();
    expect(first.length).toBeGreaterThan(65_536);
    expect(first.length).toBeLessThan(65_536 + 2_200);
    let count = namesOf(first).length;
    for (let answer = await next(); answer[0] === Name.number; answer = await next()) count += namesOf(answer).length;
    expect(count).toBe(150);
  });

  it('leaves out what has no name, and keeps lines that the hook has made', async () => {
    const nameless = new SFTPAttributes();
    const { next } = await listing(() => [nameless, entry(''), entry('x'.repeat(20_000)), entry('a\udcff', 'my line \udcfe')]);
    const [only, ...rest] = namesOf(await next());
    expect(rest).toEqual([]);
    expect(only?.filename).toBe('a\udcff');
    expect(only?.longname).toBe('my line \ufffd');
  });

  it('sends what there was before an error, then the error, then the rest', async () => {
    const bad = Object.assign(entry('bad'), { stSize: Number.NaN });
    const { next, log } = await listing(() => [entry('a'), bad, entry('half\ud800'), entry('b')]);
    expect(namesOf(await next()).map((name) => name.filename)).toEqual(['a']);
    expect(statusAndText(await next())).toEqual([SFTP_FAILURE, 'Failure']);
    expect(statusAndText(await next())).toEqual([SFTP_FAILURE, 'Failure']);
    expect(namesOf(await next()).map((name) => name.filename)).toEqual(['b']);
    expect(statusOf(await next())).toBe(1);
    expect(log).toHaveLength(2);
  });

  it('that fails at once says why', async () => {
    const { next } = await listing(async function* () {
      yield* [] as SFTPAttributes[];
      throw Object.assign(new Error('x'), { code: 'EACCES' });
    });
    expect(statusAndText(await next())).toEqual([3, 'Permission denied']);
    expect(statusOf(await next())).toBe(1);
  });

  it('that is none is a failure of the hook', async () => {
    class Files extends SFTPServerInterface {
      override listFolder() {
        return { entries: [] } as unknown as Listing;
      }
    }
    const { client, log } = await serveInMemory(new Files({} as ServerInterface), { maxOpenHandles: 1 });
    expect(statusOf(await client.ask(Opendir, { path: '/' }))).toBe(SFTP_FAILURE);
    expect(statusOf(await client.ask(Opendir, { path: '/' }))).toBe(SFTP_FAILURE);
    expect(log).toHaveLength(2);
  });
});
