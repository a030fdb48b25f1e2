// The parts of a session that need no connection: escapes, exit statuses, variables, and the terminal's settings.
import { describe, expect, it } from 'vitest';
import { EscapeFilter } from '../../../src/cli/ssh/escape.ts';
import { exitCode } from '../../../src/cli/ssh/session.ts';
import { parseStty } from '../../../src/cli/ssh/terminal.ts';

function type(...chunks: string[]): string[] {
  const filter = new EscapeFilter();
  return chunks
    .flatMap((chunk) => filter.push(Buffer.from(chunk)))
    .map((typed) => (typed.kind === 'data' ? Buffer.from(typed.data).toString() : typed.kind.toUpperCase()));
}

describe('escapes', () => {
  it.each([
    [['ls\r'], ['ls\r']],
    [['~.'], ['END']],
    [['~', '.'], ['END']],
    [['ls\r~.more'], ['ls\r', 'END']],
    [
      ['ls\n', '~', '.'],
      ['ls\n', 'END'],
    ],
    [['a~.'], ['a~.']],
    [['~~.'], ['~.']],
    [
      ['~~', '\r~~~.\r'],
      ['~', '\r~~.\r'],
    ],
    [['~?x'], ['HELP', 'x']],
    [['~?~.'], ['HELP', 'END']],
    [['~x'], ['~x']],
    [['~\r~.'], ['~\r', 'END']],
    [['cd ~\r'], ['cd ~\r']],
    [['~/bin\r'], ['~/bin\r']],
  ])('%j', (chunks, expected) => {
    expect(type(...chunks)).toEqual(expected);
  });

  it('do not harm other bytes', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const typed = new EscapeFilter().push(bytes);
    expect(typed).toEqual([{ kind: 'data', data: bytes }]);
  });
});

describe('the exit status', () => {
  const status = { code: null, signal: null, coreDumped: false, message: '' };
  it.each([
    [{ ...status, code: 0 }, 0],
    [{ ...status, code: 42 }, 42],
    [{ ...status, code: 255 }, 255],
    [{ ...status, code: 256 }, 255],
    [{ ...status, code: 0xc0000005 }, 255],
    [{ ...status, signal: 'TERM' }, 143],
    [{ ...status, signal: 'KILL' }, 137],
    [{ ...status, signal: 'whatever@example.com' }, 255],
    [{ ...status, signal: 'constructor' }, 255],
    [status, 255],
  ])('of %j is %i', (given, expected) => {
    expect(exitCode(given)).toBe(expected);
  });
});

describe('the settings of the terminal', () => {
  it('are those of GNU stty', () => {
    const modes = parseStty(
      'speed 38400 baud; rows 24; columns 80; line = 0;\n' +
        'intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; eol = <undef>; eol2 = <undef>; swtch = <undef>; start = ^Q;\n' +
        'stop = ^S; susp = ^Z; rprnt = ^R; werase = ^W; lnext = ^V; discard = ^O; min = 1; time = 0;\n' +
        '-parenb -parodd -cmspar cs8 -hupcl -cstopb cread -clocal -crtscts\n' +
        '-ignbrk -brkint -ignpar icrnl ixon -ixoff -iuclc -ixany -imaxbel iutf8\nopost -olcuc onlcr\nisig icanon iexten echo echoe\n',
    );
    expect(modes).toMatchObject({
      ...{ TTY_OP_ISPEED: 38_400, TTY_OP_OSPEED: 38_400, VINTR: 3, VQUIT: 28, VERASE: 127, VKILL: 21, VEOF: 4, VEOL: 255 },
      ...{ VSTART: 17, VSTOP: 19, VSUSP: 26, VREPRINT: 18, VWERASE: 23, VLNEXT: 22, VDISCARD: 15 },
      ...{ PARENB: 0, PARODD: 0, CS8: 1, IGNPAR: 0, ICRNL: 1, IXON: 1, IXOFF: 0, IMAXBEL: 0, IUTF8: 1, OPOST: 1, ONLCR: 1 },
      ...{ ISIG: 1, ICANON: 1, IEXTEN: 1, ECHO: 1, ECHOE: 1 },
    });
  });

  it('are those of BSD stty', () => {
    const modes = parseStty(
      'speed 9600 baud; 24 rows; 80 columns;\nlflags: icanon isig iexten echo -echonl\niflags: -istrip icrnl iutf8\n' +
        'cchars: discard = ^O; dsusp = ^Y; eof = ^D; erase = ^?; intr = ^C; reprint = ^R; status = ^T;\n',
    );
    const expected = { VDSUSP: 25, VSTATUS: 20, VREPRINT: 18, ICANON: 1, ECHONL: 0, ISTRIP: 0, IUTF8: 1, TTY_OP_ISPEED: 9600 };
    expect(modes).toMatchObject(expected);
  });

  it('are none where the text makes no sense', () => {
    expect(parseStty('constructor = x; __proto__ -toString -')).toEqual({});
  });
});
