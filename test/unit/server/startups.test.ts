// The counters of connections that have not logged in, by themselves.
import { expect, it } from 'vitest';
import { Startups } from '../../../src/server/startups.ts';

function slot(result: (() => void) | string): () => void {
  if (typeof result === 'string') throw new Error(result);
  return result;
}

it('gives each slot back once', () => {
  const startups = new Startups(2, 0);
  const first = slot(startups.begin('a'));
  slot(startups.begin('a'));
  expect(startups.begin('b')).toBe('max-startups');
  first();
  first();
  expect(startups.total).toBe(1);
  slot(startups.begin('b'));
  expect(startups.begin('c')).toBe('max-startups');
});

it('counts addresses apart and those without one not at all', () => {
  const startups = new Startups(0, 1);
  const first = slot(startups.begin('a'));
  expect(startups.begin('a')).toBe('max-per-source');
  slot(startups.begin('b'));
  slot(startups.begin(null));
  slot(startups.begin(null));
  first();
  slot(startups.begin('a'));
  expect(startups.total).toBe(4);
});
