// docs/from-ssh2.md promises something for each option of ssh2's: the table is tried against connect(), and ssh2's own names, written
// down here, are looked up in it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Channel, Client, connect } from '../../src/index.ts';
import { SFTPClient, SFTPFile } from '../../src/sftp.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'from-ssh2.md'), 'utf8');

/** What is between a heading and the next. */
function section(title: string): string {
  const found = text.split(/^## /m).find((each) => each.startsWith(`${title}\n`));
  expect(found, title).toBeDefined();
  return found as string;
}

function rows(title: string): { ssh2: string; ours: string }[] {
  const lines = section(title).split('\n');
  return lines
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ssh2 |'))
    .map((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      expect(cells, line).toHaveLength(5);
      return { ssh2: cells[1] as string, ours: cells[2] as string };
    });
}

const ssh2Options =
  `host port localAddress localPort forceIPv4 forceIPv6 hostHash hostVerifier username password agent agentForward
  privateKey passphrase localHostname localUsername tryKeyboard authHandler keepaliveInterval keepaliveCountMax readyTimeout sock
  strictVendor algorithms debug ident`.split(/\s+/);

describe('options of connect', () => {
  const table = new Map(rows('Options of connect').map(({ ssh2, ours }) => [ssh2.replaceAll('`', ''), ours.replaceAll('`', '')]));

  it('are all there', () => expect([...table.keys()].sort()).toEqual([...ssh2Options].sort()));

  it.each([...table])('%s is %s', async (ssh2, ours) => {
    // A symbol is no value of any of them: what is known refuses the value, what is not the name.
    const refused = connect({ host: 'h', username: 'u', [ssh2]: Symbol('wrong') } as never);
    const known = ssh2 === ours;
    const says = known ? `'${ssh2}' must be` : `unknown option '${ssh2}'; `;
    const { message } = await refused.then(
      () => ({ message: 'it was let pass' }),
      (error: Error) => error,
    );
    expect(message).toContain(says);
    if (!known && ours !== 'absent') expect(message).toContain(`'${ours}'`);
    // A hint of its own, and not what happens to be spelt alike.
    if (!known) expect(message).not.toContain('did you mean');
  });
});

describe('what stands in the place of a method', () => {
  it.each([
    ['Client', Client],
    ['Channel', Channel],
    ['SFTP', SFTPClient],
  ] as const)('is there: %s', (title, owner) => {
    const classes: object[] = [owner.prototype, Channel.prototype, SFTPFile.prototype];
    const named = rows(title).flatMap(({ ours }) =>
      [...ours.matchAll(/`(?:await )?(?:channel\.)?(\w+)\(/g)].map(([, name]) => name as string),
    );
    expect(named.length).toBeGreaterThan(3);
    const others = ['connect', 'openDirect'];
    expect(named.filter((name) => !others.includes(name) && !classes.some((prototype) => name in prototype))).toEqual([]);
  });

  it('has the names of fs', () => {
    const names = [...(/The names of `node:fs\/promises`: ([^.]*)\./.exec(text)?.[1] ?? '').matchAll(/`(\w+)`/g)].map(
      ([, name]) => name as string,
    );
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !(name in SFTPClient.prototype))).toEqual([]);
  });
});
