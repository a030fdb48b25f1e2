// The progress display: what a line says, how often it is drawn, and that it never breaks the terminal.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rate, scaled, size, time } from '../../../../src/cli/transfer/amounts.ts';
import { followProgress } from '../../../../src/cli/transfer/follow.ts';
import { Meter } from '../../../../src/cli/transfer/meter.ts';
import { Progress } from '../../../../src/cli/transfer/progress.ts';
import { fitted, padded, shown, widthOf } from '../../../../src/cli/transfer/shown.ts';

describe('amounts', () => {
  it.each([
    [0, '0B', '0', '0B/s'],
    [1, '1B', '1', '1B/s'],
    [1023, '1023B', '1023', '1023B/s'],
    [1024, '1.0K', '1.0KB', '1.0KB/s'],
    [3_000_000, '2.9M', '2.9MB', '2.9MB/s'],
    [104_857_600, '100M', '100MB', '100MB/s'],
    [1_048_575, '1.0M', '1.0MB', '1.0MB/s'],
    [252 * 2 ** 30, '252G', '252GB', '252GB/s'],
    [2 ** 53 - 1, '8.0P', '8.0PB', '8.0PB/s'],
  ])('%i', (bytes, short, long, fast) => {
    expect([scaled(bytes), size(bytes), rate(bytes)]).toEqual([short, long, fast]);
  });

  it.each([
    [0, '00:00'],
    [0.6, '00:01'],
    [307, '05:07'],
    [3_599.6, '1:00:00'],
    [3_907, '1:05:07'],
    [183_600, '2d03h'],
    [-5, '00:00'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(time(seconds)).toBe(text);
  });
});

describe('names', () => {
  it.each([
    ['a.txt', 'a.txt'],
    ['日本 語', '日本 語'],
    ['a\x1b[2Jb', 'a\\033[2Jb'],
    ['a\nb\tc', 'a\\012b\\011c'],
    ['\x7f\x9b', '\\177\\302\\233'],
    ['lat\udce9n', 'lat\\351n'],
    ['x\u202etxt.exe', 'x\\342\\200\\256txt.exe'],
    ['😀', '😀'],
  ])('%j is shown as %s', (name, expected) => {
    expect(shown(name)).toBe(expected);
  });

  it('are as wide as they look', () => {
    expect(['abc', '日本', 'e\u0301', '😀', ''].map(widthOf)).toEqual([3, 4, 1, 2, 0]);
    expect(padded('日本', 6)).toBe('日本  ');
    expect(fitted('a/long/path/name.txt', 10)).toBe('…/name.txt');
    expect(fitted('日本日本', 5)).toBe('…日本');
    expect(fitted('short', 10)).toBe('short');
    expect(fitted('short', 0)).toBe('');
  });
});

describe('a meter', () => {
  it('says how much, how fast and how long still', () => {
    const meter = new Meter('file.iso', 100 * 2 ** 20, 0);
    for (let second = 1; second <= 20; second++) meter.update(second * 2 ** 20, 100 * 2 ** 20, second * 1_000);
    expect(meter.line(20_000, 60)).toBe('file.iso                 20%   20.0MB    1.0MB/s   01:20 ETA');
  });

  it('is exactly as wide as it may be, in the middle and at the end', () => {
    const meter = new Meter('目录/ein sehr langer Name mit vielen Zeichen.tar.gz', 1_000, 0);
    meter.update(500, 1_000, 1_000);
    for (const columns of [1, 10, 20, 40, 60, 79, 120, 300]) {
      expect(widthOf(meter.line(1_000, columns)), String(columns)).toBe(columns);
      expect(widthOf(meter.lastLine(1_000, columns)), String(columns)).toBe(columns);
    }
  });

  it('never says 100 % too early, nor an ETA that it cannot know', () => {
    const meter = new Meter('a', 100_000, 0);
    meter.update(99_999, 100_000, 1_000);
    expect(meter.line(1_000, 79)).toContain(' 99% ');
    const unknown = new Meter('a', null, 0);
    unknown.update(5_000, null, 1_000);
    expect(unknown.line(1_000, 79)).toMatch(/a +4\.9KB +4\.9KB\/s +--:-- ETA$/);
    expect(new Meter('empty', 0, 0).lastLine(0, 79)).toContain(' 100% ');
  });

  it('says when nothing comes any more', () => {
    const meter = new Meter('a', 1_000, 0);
    meter.update(500, 1_000, 1_000);
    expect(meter.line(5_900, 79)).not.toContain('stalled');
    expect(meter.line(6_000, 79)).toMatch(/0B\/s +stalled$/);
  });

  it('does not count what was there before for the rate', () => {
    const meter = new Meter('a', 2_000_000, 0, 1_000_000);
    meter.update(1_100_000, 2_000_000, 1_000);
    expect(meter.line(1_000, 79)).toContain(' 55% ');
    expect(meter.lastLine(1_000, 79)).toContain(' 97.7KB/s ');
  });
});

describe('the display', () => {
  const written: string[] = [];
  const output = { columns: 80, write: (text: string) => written.push(text) };
  let now = 0;
  beforeEach(() => {
    vi.useFakeTimers();
    written.length = 0;
    now = 0;
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
  const screen = () => {
    // What a terminal of 80 columns shows: a carriage return goes back, a line feed goes on.
    const lines = [''];
    for (const text of written.join('').split(/(?<=[\r\n])|(?=[\r\n])/)) {
      if (text === '\n') lines.push('');
      else if (text !== '\r') lines[lines.length - 1] = text + (lines.at(-1) as string).slice(text.length);
    }
    return lines.map((line) => line.trimEnd());
  };

  it('draws at most five times a second', () => {
    const progress = new Progress(output, () => now);
    const item = progress.begin('a', 1_000);
    for (; now < 10_000; now += 1) item.update(now / 10, 1_000);
    expect(written.length).toBeGreaterThan(40);
    expect(written.length).toBeLessThanOrEqual(51);
    item.end();
    progress.finish();
  });

  it('keeps one line per file, and a total for several', () => {
    const progress = new Progress(output, () => now);
    for (const name of ['one', 'two']) {
      const item = progress.begin(name, 2_048);
      now += 500;
      item.update(1_024);
      now += 500;
      item.update(2_048);
      item.end();
    }
    progress.finish();
    expect(screen()).toEqual([
      expect.stringMatching(/^one +100% +2\.0KB +2\.0KB\/s +00:01$/),
      expect.stringMatching(/^two +100% +2\.0KB +2\.0KB\/s +00:01$/),
      expect.stringMatching(/^Total \(2 files\) +100% +4\.0KB +2\.0KB\/s +00:02$/),
      '',
    ]);
  });

  it('has no total for one file, and starts anew afterwards', () => {
    const progress = new Progress(output, () => now);
    for (const name of ['one', 'two']) {
      progress.begin(name, 1).end();
      progress.finish();
    }
    expect(written.join('')).not.toContain('Total');
  });

  it('shows files that run side by side one after the other', () => {
    const progress = new Progress(output, () => now);
    const [first, second] = [progress.begin('first', 10), progress.begin('second', 10)];
    now += 250;
    second.update(10);
    second.end();
    now += 250;
    first.update(10);
    first.end();
    progress.finish();
    expect(screen().map((line) => line.split(' ')[0])).toEqual(['second', 'first', 'Total', '']);
  });

  it('makes room for messages, and is back afterwards', () => {
    const progress = new Progress(output, () => now);
    const item = progress.begin('file', 10);
    progress.clear();
    output.write('a message\n');
    now += 10;
    item.update(5);
    expect(screen()).toEqual(['a message', expect.stringMatching(/^file +50%/)]);
    item.end();
    progress.finish();
  });

  it('does nothing where nobody looks', () => {
    const progress = new Progress(null);
    const item = progress.begin('a', 1);
    item.update(1);
    item.end();
    progress.finish();
    expect(progress.enabled).toBe(false);
  });

  it('redraws by itself, so that a stalled file is seen', () => {
    const progress = new Progress(output, () => now);
    const item = progress.begin('a', 10);
    now = 6_000;
    vi.advanceTimersByTime(200);
    expect(written.at(-1)).toContain('stalled');
    item.end();
    progress.finish();
  });

  it('follows a transfer', () => {
    const progress = new Progress(output, () => now);
    const follower = followProgress(progress, (path) => path.slice(1), true);
    const counts = { files: 0, filesTotal: 2, bytes: 0, bytesTotal: 0 };
    follower.onProgress({ path: '/a', transferred: 50, total: 100, done: false, ...counts });
    now = 1_000;
    follower.onProgress({ path: '/a', transferred: 100, total: 100, done: true, ...counts });
    follower.onProgress({ path: '/b', transferred: 5, total: 0, done: false, ...counts });
    follower.end();
    progress.finish();
    expect(screen().slice(0, 2)).toEqual([expect.stringMatching(/^a +100% +100 +50B\/s/), expect.stringMatching(/^b {3,}5 /)]);
  });
});
